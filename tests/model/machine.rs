use std::sync::Arc;

use chrono::TimeDelta;
use guard::domain::ids::IncidentId;
use guard::domain::rotation::{
    Custody, Decision, Drain, Effect, Enrolment, Event, Fault, Finding, Holding, Lapse, Outcome, Policy, SetStatus,
    Sight, Stage, Standing, decide, invariants, observe,
};
use guard::domain::time::Timestamp;
use stateright::{Model, Property};

use super::mutant::Mutant;
use super::trip::TripRun;
use super::world::{K, KEYS, SINKS, Status, WORKSPACE, World, bits, index, key, keys, sink, sink_index};

/// The instant at which everything happens; see [`Custody::abstracted`].
pub const NOW: Timestamp = Timestamp::UNIX_EPOCH;

/// How often what may happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Budget {
    /// Rotations that somebody asks for.
    pub rotations: u8,
    /// Trips.
    pub trips: u8,
    /// Changes of keys at the console.
    pub edits: u8,
    /// Changes of consumers' places behind guard's back.
    pub overwrites: u8,
    /// Requests to the provider that are not answered.
    pub wires: u8,
    /// Readings, deliveries and reloads that fail once, and undecided probes.
    pub faults: u8,
    /// Orders to force the drain or to roll back.
    pub orders: u8,
    /// Jobs started through the gate.
    pub jobs: u8,
}

/// A model: the real machine in a world with these budgets.
#[derive(Debug, Clone)]
pub struct Guard {
    pub name: &'static str,
    pub budget: Budget,
    /// A standby that the provider calls active and refuses.
    pub broken: Option<K>,
    /// A consumer to which no delivery ever succeeds.
    pub dead_sink: Option<usize>,
    /// Whether guard lifts the latch by itself.
    pub reopen: bool,
    /// Whether retired keys are archived, at once: the grace time is zero.
    pub archive: bool,
    /// What is broken on purpose.
    pub mutant: Option<Mutant>,
}

/// What the process that holds the workspace's lock is at.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum At {
    /// About to decide.
    Deciding,
    /// The intent is durable, the effect is not sent. `stale`: a trip has written to the journal since.
    Sending { effect: Effect, stale: bool },
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    pub custody: Arc<Custody>,
    /// What the journal loses in a crash, for the mutant that does not wait for the disk.
    pub durable: Option<Arc<Custody>>,
    pub sight: Sight,
    pub at: At,
    pub trip: Option<TripRun>,
    pub world: World,
    pub left: Budget,
    /// The rule that the last step broke.
    pub broken: Option<&'static str>,
}

/// How the world treats a request that changes a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Post {
    /// It does it and says so.
    Answered,
    /// Nobody answers; it takes effect later or never.
    Late,
    /// Nobody answers; it takes effect now and perhaps again later.
    Twice,
    /// It is refused for certain.
    Refused,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Action {
    /// The driver decides and writes down, or reads. `false`: the reading fails.
    Drive(bool),
    /// The announced request is sent and its answer is written down.
    Send(Post),
    /// The same, and the process dies before it writes the answer down.
    SendAndDie(Post),
    /// The driver dies.
    Die,
    /// A new invocation, after every pause between two attempts.
    Tick,
    /// Whatever was travelling has landed or never will.
    Settle,
    Land(K, SetStatus),
    /// A consumer restarts by itself and takes what is in its place.
    Restart(usize),
    JobStarts,
    JobEnds,
    /// Somebody asks for a rotation.
    Rotate,
    /// Somebody does not wait for the drain.
    Force,
    /// Somebody wants the old key back.
    Back,
    /// Somebody who has seen the newest incident, or the one before, releases the gate.
    Rearm {
        newest: bool,
    },
    /// Somebody changes a key at the console.
    Edit(K, SetStatus),
    /// Somebody puts a key, or a foreign secret, into a consumer's place.
    Overwrite(usize, Option<K>),
    /// A trip of a key, or of every deployed one, closes the gate.
    Trip(Option<K>),
    /// The trip sends its requests.
    TripSends(Post),
    /// The trip is written into the journal, whoever holds the lock.
    TripWrites,
    /// The trip's process dies.
    TripDies,
}

impl Action {
    /// What a fair world and a restarted guard bring about without any new hostile event; a person releases the gate.
    pub fn fair(&self) -> bool {
        matches!(
            self,
            Self::Drive(true)
                | Self::Send(Post::Answered)
                | Self::Tick
                | Self::Settle
                | Self::JobEnds
                | Self::Rearm { newest: true }
                | Self::TripSends(Post::Answered)
                | Self::TripWrites
        )
    }
}

impl Guard {
    pub fn policy(&self) -> Policy {
        Policy {
            workspace: WORKSPACE.clone(),
            consumers: (0..SINKS).map(|i| sink(i).clone()).collect(),
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
            let judged = judged.and_then(|()| invariants::moment(&custody, event, &state.outside()));
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

    fn drive(&self, state: &mut State, lucky: bool) -> Option<()> {
        if !lucky {
            spend(&mut state.left.faults)?;
        }
        match (self.decision(state), lucky) {
            (Decision::Record(facts), true) => self.commit(state, &facts),
            (Decision::Do { intent, effect }, _) if intent.is_empty() => {
                let finding = if lucky { self.perform(state, &effect) } else { failure() };
                self.conclude(state, &effect, finding);
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

    /// What was seen is noted; facts are written down.
    fn conclude(&self, state: &mut State, effect: &Effect, finding: Finding) {
        let facts = observe(&state.custody, &mut state.sight, effect, finding, NOW);
        self.commit(state, &facts);
    }

    fn send(&self, state: &mut State, post: Post, dies: bool) -> Option<()> {
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

    fn person(&self, state: &mut State, action: &Action) -> Option<()> {
        // These take the workspace's lock: no driver is between an intent and its effect.
        if state.at != At::Deciding {
            return None;
        }
        let custody = state.custody.clone();
        let event = match action {
            Action::Rotate => {
                let free = custody.rotation().is_none() && custody.latch().is_none();
                if !free || !custody.desired().is_some_and(|k| custody.usable(k)) {
                    return None;
                }
                spend(&mut state.left.rotations)?;
                requested(&custody, None)
            }
            Action::Force => {
                custody.rotation().filter(|r| r.forced.is_none() && r.stage != Stage::RollBack)?;
                spend(&mut state.left.orders)?;
                Event::DrainForced { reason: String::new(), by: String::new() }
            }
            Action::Back => {
                spend(&mut state.left.orders)?;
                match custody.rotation() {
                    Some(rotation) if rotation.stage == Stage::RollBack => return None,
                    Some(r) if custody.usable(&r.old) || self.is(Mutant::RollsBackAfterIntent) => {
                        Event::TurnedBack { why: String::new(), unfit: false }
                    }
                    Some(_) => return None,
                    None if custody.latch().is_some() => return None,
                    None => {
                        let retired = |r: &guard::domain::rotation::KeyRecord| {
                            r.standing == Standing::Dead && !r.tripped && !r.archived && r.deployed_at.is_some()
                        };
                        let last = custody.keys().iter().find(|(_, r)| retired(r)).map(|(id, _)| id.clone())?;
                        if !custody.desired().is_some_and(|k| custody.usable(k)) {
                            return None;
                        }
                        requested(&custody, Some(last))
                    }
                }
            }
            // A trip under way takes seconds; a person who judges it takes longer.
            Action::Rearm { .. } if state.trip.is_some() => return None,
            Action::Rearm { newest } => {
                let seen = IncidentId(custody.generation().checked_sub(u64::from(!newest))?);
                let lax = self.is(Mutant::RearmsOlder) || self.is(Mutant::RearmsAlive);
                if custody.may_rearm(seen, &self.policy().consumers).is_err() && !(lax && custody.latch().is_some()) {
                    return None;
                }
                Event::Rearmed { incident: seen, by: String::new(), reason: String::new() }
            }
            _ => return None,
        };
        state.sight = Sight::default();
        self.commit(state, &[event]);
        Some(())
    }

    /// The state after the action; `None` when it cannot happen.
    fn step(&self, last: &State, action: &Action) -> Option<State> {
        let mut next = last.clone();
        let state = &mut next;
        match action {
            Action::Drive(lucky) => self.drive(state, *lucky)?,
            Action::Send(post) => self.send(state, *post, false)?,
            Action::SendAndDie(post) => self.send(state, *post, true)?,
            Action::Die => state.die(),
            Action::Tick => {
                state.custody = Arc::new((*state.custody).clone().abstracted(NOW, Lapse::Pauses));
                state.sight = Sight::default();
            }
            Action::Settle => {
                state.custody = Arc::new((*state.custody).clone().abstracted(NOW, Lapse::Settle));
                (state.world.on, state.world.off) = ([0; KEYS], [0; KEYS]);
                state.sight = Sight::default();
            }
            Action::Land(k, status) => {
                *state.world.wire(*k, *status) -= 1;
                state.world.land(*k, *status);
            }
            Action::Restart(i) => state.world.consumers[*i].memory = state.world.consumers[*i].place,
            Action::JobStarts => {
                spend(&mut state.left.jobs)?;
                state.world.job = Some(state.world.gate.key()?);
            }
            Action::JobEnds => state.world.job = None,
            Action::Edit(k, status) => {
                spend(&mut state.left.edits)?;
                state.world.land(*k, *status);
                state.world.edited |= 1 << k;
            }
            Action::Overwrite(i, k) => {
                spend(&mut state.left.overwrites)?;
                let consumer = &mut state.world.consumers[*i];
                (consumer.place, consumer.edited) = (*k, true);
            }
            Action::Trip(k) => TripRun::begin(self, state, *k)?,
            Action::TripSends(post) => TripRun::send(self, state, *post)?,
            Action::TripWrites => TripRun::write_down(self, state)?,
            Action::TripDies => state.trip = None,
            Action::Rotate | Action::Force | Action::Back | Action::Rearm { .. } => self.person(state, action)?,
        }
        if state.broken.is_none() {
            if state.trip.is_none() && state.world.lost_trip(&state.custody) {
                state.blame("promise 3");
            }
            let forced = state.custody.rotation().is_some_and(|r| r.forced.is_some());
            let forced = forced || last.left.orders != self.budget.orders;
            if let Err(rule) = state.world.check(&state.custody, forced) {
                state.blame(rule);
            }
        }
        (next != *last).then_some(next)
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

impl State {
    pub fn blame(&mut self, rule: &'static str) {
        self.broken.get_or_insert(rule);
    }

    /// The world outside; a key that a trip under way stops is stopped on purpose.
    fn outside(&self) -> invariants::World {
        let mut world = self.world.outside();
        world.edited.extend(keys(self.trip.as_ref().map_or(0, |run| run.targets)));
        world
    }

    fn die(&mut self) {
        self.at = At::Deciding;
        self.sight = Sight::default();
        if let Some(durable) = self.durable.take() {
            self.custody = durable;
        }
    }
}

fn requested(custody: &Custody, recall: Option<guard::domain::ids::KeyId>) -> Event {
    Event::RotationRequested {
        rotation: custody.next_rotation(),
        reason: String::new(),
        by: String::new(),
        consumers: (0..SINKS).map(|i| sink(i).clone()).collect(),
        recall,
    }
}

pub fn spend(budget: &mut u8) -> Option<()> {
    *budget = budget.checked_sub(1)?;
    Some(())
}

fn failure() -> Finding {
    Finding::Failed { fault: Fault::Unreachable, why: String::new(), after: None }
}

pub fn proof() -> guard::domain::rotation::DrainProof {
    let minute = guard::domain::time::Minute::from_epoch(0);
    guard::domain::rotation::DrainProof { silent_from: minute, complete_until: minute, new_seen: minute }
}

/// The rules that are explored, by the names that a broken one is reported under.
pub const RULES: [&str; 20] = [
    "S1",
    "S2",
    "S3",
    "S4",
    "S5",
    "S6",
    "S7",
    "S8",
    "S9",
    "S10",
    "S11",
    "S12",
    "S13",
    "S14",
    "S15",
    "S16",
    "promise 1",
    "promise 3",
    "apply refuses",
    "spent keys stay spent",
];

macro_rules! rules {
    ($($index:literal)*) => {
        vec![$(Property::<Guard>::always(RULES[$index], |_, s| s.broken != Some(RULES[$index]))),*]
    };
}

impl Model for Guard {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let mut custody = Custody::default();
        let enrolled =
            |k: K, role| Event::Enrolled { key: key(k).clone(), hint: None, created_at: NOW, expires_at: None, role };
        let mut events = vec![enrolled(0, Enrolment::Active)];
        for k in 1..KEYS as K {
            events.extend([enrolled(k, Enrolment::Standby), Event::Cooled { key: key(k).clone() }]);
        }
        for i in 0..SINKS {
            let (consumer, key) = (sink(i).clone(), key(0).clone());
            events.push(Event::ConsumerSeen { consumer: consumer.clone(), holds: Holding::Key(key.clone()) });
            events.push(Event::Reloaded { consumer, key });
        }
        let (generation, key) = (0, key(0).clone());
        events.push(Event::GateOpening { generation, key: key.clone() });
        events.push(Event::GateOpened { generation, key });
        for event in &events {
            custody = custody.apply(event, NOW).expect("a legal beginning");
        }
        vec![State {
            custody: Arc::new(custody.abstracted(NOW, Lapse::None)),
            durable: None,
            sight: Sight::default(),
            at: At::Deciding,
            trip: None,
            world: World::new(self.broken),
            left: self.budget,
            broken: None,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.broken.is_some() {
            return;
        }
        let all = 0..KEYS as K;
        if state.at == At::Deciding {
            actions.extend([Action::Drive(true), Action::Drive(false), Action::Tick]);
            actions.extend([Action::Rotate, Action::Force, Action::Back]);
            actions.extend([Action::Rearm { newest: true }, Action::Rearm { newest: false }]);
            if state.trip.is_none() {
                actions.push(Action::Settle);
            }
        } else {
            let posts = [Post::Answered, Post::Late, Post::Twice, Post::Refused];
            actions.extend(posts.into_iter().flat_map(|p| [Action::Send(p), Action::SendAndDie(p)]));
        }
        actions.push(Action::Die);
        let wires = [SetStatus::Active, SetStatus::Inactive];
        for k in all.clone() {
            actions
                .extend(wires.into_iter().filter(|s| *state.world.clone().wire(k, *s) > 0).map(|s| Action::Land(k, s)));
        }
        if state.world.consumers.iter().any(|c| c.memory != c.place) {
            actions.extend((0..SINKS).map(Action::Restart));
        }
        match &state.trip {
            Some(run) if run.sent.is_none() => {
                let posts = [Post::Answered, Post::Late, Post::Twice, Post::Refused];
                actions.extend(posts.map(Action::TripSends));
                actions.push(Action::TripDies);
            }
            Some(_) => actions.extend([Action::TripWrites, Action::TripDies]),
            None if state.left.trips > 0 => {
                actions.extend(all.clone().map(|k| Action::Trip(Some(k))));
                actions.push(Action::Trip(None));
            }
            None => {}
        }
        if state.world.job.is_some() {
            actions.push(Action::JobEnds);
        } else if state.left.jobs > 0 {
            actions.push(Action::JobStarts);
        }
        if state.left.edits > 0 {
            let edits = [SetStatus::Active, SetStatus::Inactive, SetStatus::Archived];
            actions.extend(all.clone().flat_map(|k| edits.map(|s| Action::Edit(k, s))));
        }
        if state.left.overwrites > 0 {
            let secrets = all.map(Some).chain([None]);
            actions.extend(secrets.map(|k| Action::Overwrite(0, k)));
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        self.step(last, &action)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        rules!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19)
    }
}

/// What every fair run comes to.
impl Guard {
    /// L1: no rotation is open; one that waits for a person to make a key is as far as it can be.
    pub fn rotation_settled(&self, state: &State) -> bool {
        state.custody.rotation().is_none_or(|r| r.stage == Stage::Prepare && state.custody.standby_missing())
    }

    /// L2, promise 3: every doomed key is proven dead, and no trip is left in the gate's note alone.
    pub fn debts_paid(&self, state: &State) -> bool {
        let announced = keys(state.world.announced).iter().all(|k| state.custody.tripped().any(|t| t == k));
        state.custody.doomed().next().is_none() && announced && state.trip.is_none()
    }

    /// L3: consumers work with the gate open, or no usable key is left.
    pub fn in_service(&self, state: &State) -> bool {
        let works = |k: Option<K>| k.is_some_and(|k| state.world.accepts(k));
        works(state.world.gate.key()) && state.world.consumers.iter().all(|c| works(c.place) && works(c.memory))
            || self.exhausted(state)
    }

    /// L4: every place has the desired key, or no usable key is left.
    pub fn converged(&self, state: &State) -> bool {
        let desired = state.custody.desired().map(index);
        state.world.consumers.iter().all(|c| c.place == desired) || self.exhausted(state)
    }

    /// L5: no key is active that nobody uses.
    pub fn tidy(&self, state: &State) -> bool {
        let used = |k: K| {
            let id = Some(key(k));
            let rotation = state.custody.rotation();
            state.custody.desired() == id || rotation.is_some_and(|r| Some(&r.old) == id || r.new.as_ref() == id)
        };
        (0..KEYS as K).all(|k| state.world.status[k as usize] != Status::Active || used(k))
    }

    /// A person has been asked for a key: none is left.
    fn exhausted(&self, state: &State) -> bool {
        state.custody.standby_missing()
    }
}
