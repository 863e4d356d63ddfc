use std::sync::Arc;

use chrono::TimeDelta;
use guard::domain::rotation::{
    Custody, Decision, Drain, Effect, Event, Fault, Finding, Lapse, Outcome, Policy, SetStatus, decide, invariants,
    observe,
};

use super::machine::{At, Guard, NOW, Post, State, spend};
use super::mutant::Mutant;
use super::world::{K, WORKSPACE, bits, index, sink, sink_index};

/// The process that holds the workspace's lock, as `app::drive` does it.
impl Guard {
    pub fn policy(&self) -> Policy {
        Policy {
            workspace: WORKSPACE.clone(),
            consumers: (0..self.sinks).map(|i| sink(i).clone()).collect(),
            overlap: TimeDelta::zero(),
            drain: TimeDelta::zero(),
            grace: TimeDelta::zero(),
            settle: TimeDelta::minutes(10),
            proofs: 1,
            archive: self.archive,
            promote: true,
            reopen: self.reopen,
        }
    }

    pub fn is(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    /// What the machine decides, mutations included.
    pub fn decision(&self, state: &State) -> Decision {
        let decision = decide(&state.custody, &state.sight, &self.policy(), NOW);
        self.mutant.map_or(decision.clone(), |mutant| mutant.decision(state, decision))
    }

    /// Writes events down: the real `apply`, the real step rules, then the abstraction.
    pub fn commit(&self, state: &mut State, events: &[Event]) {
        let mut custody = (*state.custody).clone();
        for event in events {
            let told = self.mutant.map_or(event.clone(), |mutant| mutant.written(&custody, event));
            let next = match custody.apply(&told, NOW) {
                Ok(next) => next,
                Err(_) => return state.blame("apply refuses"),
            };
            let judged = invariants::step(&custody, event, &next).and_then(|()| invariants::state(&next));
            let judged = judged.and_then(|()| invariants::moment(&custody, event, &state.outside(event)));
            if let Err(violation) = judged.map_err(|v| v.rule).and_then(|()| own_step(&custody, event)) {
                state.blame(violation);
            }
            custody = next;
            state.sight.note(event);
        }
        state.custody = Arc::new(custody.abstracted(NOW, Lapse::None));
    }

    /// What the effect shows, and what it does to the world.
    fn perform(&self, state: &mut State, effect: &Effect) -> Finding {
        let world = &mut state.world;
        let truth = match effect {
            Effect::ReadKey(id) => Finding::Key(world.seen(id)),
            Effect::Probe(id) => Finding::Probe(world.probed(id)),
            Effect::ReadConsumer(name) => Finding::Consumer(world.held(sink_index(name))),
            Effect::ReadGate => Finding::Gate(world.gate_seen()),
            Effect::CheckDrain(question) => match world.drained(&question.old, &question.new) {
                true => Finding::Drain(Drain::Proven(proof())),
                false => Finding::Drain(Drain::NewUnseen),
            },
            Effect::Reload(name, id) => {
                let consumer = &mut world.consumers[sink_index(name)];
                if !self.is(Mutant::BelievesReloads) {
                    consumer.memory = consumer.place;
                    consumer.edited &= consumer.place != Some(index(id));
                }
                Finding::Reloaded
            }
            Effect::CloseGate(text) => {
                let note = guard::domain::incident::GateNote::parse(text).expect("guard's own note");
                world.gate.close(note.incident.0, bits(&note.keys));
                Finding::GateSet
            }
            Effect::OpenGate { generation, key } => {
                world.gate.opened = Some((*generation, index(key)));
                Finding::GateSet
            }
            Effect::Deliver(name, id) => {
                let consumer = &mut world.consumers[sink_index(name)];
                consumer.place = Some(index(id));
                Finding::Sent(Outcome::Done)
            }
            Effect::SetStatus(..) => unreachable!("requests are sent by `post`"),
        };
        self.mutant.map_or(truth.clone(), |mutant| mutant.finding(state, effect, truth))
    }

    /// Sends a request; what is known of it afterwards.
    pub fn post(&self, state: &mut State, k: K, status: SetStatus, post: Post) -> Option<Outcome> {
        match post {
            Post::Answered => {}
            Post::Refused => spend(&mut state.left.faults)?,
            Post::Late | Post::Twice => spend(&mut state.left.wires)?,
        }
        if matches!(post, Post::Answered | Post::Twice) {
            state.world.land(k, status);
        }
        if matches!(post, Post::Late | Post::Twice) {
            let copies = state.world.wire(k, status);
            *copies = (*copies + 1).min(2);
        }
        Some(match post {
            Post::Answered => Outcome::Done,
            Post::Refused => Outcome::NotDone { fault: Fault::Refused, why: String::new(), after: None },
            Post::Late | Post::Twice => Outcome::Unknown { why: String::new() },
        })
    }

    pub fn drive(&self, state: &mut State, lucky: bool) -> Option<()> {
        if !lucky {
            spend(&mut state.left.faults)?;
        }
        match (self.decision(state), lucky) {
            (Decision::Record(facts), true) => self.commit(state, &facts),
            (Decision::Do { intent, effect }, _) if intent.is_empty() => {
                let finding = if lucky { self.perform(state, &effect) } else { failure() };
                let mut silent = self.conclude(state, &effect, finding);
                while let (true, true, Some(effect)) = (silent, self.glance && lucky, self.reading(state)) {
                    let finding = self.perform(state, &effect);
                    silent = self.conclude(state, &effect, finding);
                }
            }
            (Decision::Do { intent, effect }, true) => {
                if self.is(Mutant::ActsBeforeDurable) {
                    state.durable.get_or_insert_with(|| state.custody.clone());
                }
                self.commit(state, &intent);
                if let Err(violation) = invariants::send(&state.custody, &effect) {
                    state.blame(violation.rule);
                }
                state.at = At::Sending { effect, stale: false };
            }
            _ => return None,
        }
        Some(())
    }

    /// What is to be read next, if that is what comes next.
    fn reading(&self, state: &State) -> Option<Effect> {
        match self.decision(state) {
            Decision::Do { intent, effect } if intent.is_empty() && state.broken.is_none() => Some(effect),
            _ => None,
        }
    }

    /// What was seen is noted; facts are written down. `true`: there were none.
    fn conclude(&self, state: &mut State, effect: &Effect, finding: Finding) -> bool {
        let facts = observe(&state.custody, &mut state.sight, effect, finding, NOW);
        self.commit(state, &facts);
        facts.is_empty()
    }

    pub fn send(&self, state: &mut State, post: Post, dies: bool) -> Option<()> {
        let At::Sending { effect, stale } = std::mem::replace(&mut state.at, At::Deciding) else { return None };
        let finding = match &effect {
            Effect::SetStatus(id, status) => {
                let outcome = self.post(state, index(id), *status, post)?;
                let outcome = self.mutant.map_or(outcome.clone(), |m| m.outcome(*status, outcome));
                Finding::Sent(outcome)
            }
            Effect::Deliver(name, _) if self.dead_sink == Some(sink_index(name)) && post == Post::Answered => failure(),
            _ => match post {
                Post::Answered => self.perform(state, &effect),
                Post::Refused => {
                    spend(&mut state.left.faults)?;
                    failure()
                }
                // Places and the gate answer at once.
                Post::Late | Post::Twice => return None,
            },
        };
        if dies || stale {
            // Its commit would conflict with what was written in between: nothing is written, everything is read again.
            state.die();
        } else {
            self.conclude(state, &effect, finding);
        }
        Some(())
    }
}

/// Rules beyond S1 to S17: a spent key never becomes the desired one but by a person's recall or the rotation it belongs to, and a
/// trip stops nothing but its own key, those that were exposed with it, and what the gate's note names.
fn own_step(before: &Custody, event: &Event) -> Result<(), &'static str> {
    match event {
        Event::StandbyTaken { key, .. } => {
            let member = before.rotation().is_some_and(|r| r.new.as_ref() == Some(key) || r.old == *key);
            let spent = before.key(key).is_some_and(|r| r.spent) && !member;
            if spent { Err("spent keys stay spent") } else { Ok(()) }
        }
        _ => Ok(()),
    }
}

fn failure() -> Finding {
    Finding::Failed { fault: Fault::Unreachable, why: String::new(), after: None }
}

pub fn proof() -> guard::domain::rotation::DrainProof {
    let minute = guard::domain::time::Minute::from_epoch(0);
    guard::domain::rotation::DrainProof { silent_from: minute, complete_until: minute, new_seen: minute }
}
