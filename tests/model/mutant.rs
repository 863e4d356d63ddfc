use guard::domain::ids::IncidentId;
use guard::domain::rotation::{
    Custody, Decision, Drain, Effect, Event, Finding, Outcome, ProbeSeen, Seen, SetStatus, Stage,
};

use super::driver::proof;
use super::machine::{NOW, State};

/// One guard of the machine removed: what the model must catch. The machine itself is never changed; a mutant lies to it
/// about the world, changes what it decided, or writes down something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mutant {
    /// A timed-out activation counts as one that failed: the key is called dead while it may still land.
    ForgetsLateWakes,
    /// A timed-out deactivation counts as one that failed: the key is deployed while it may still land.
    ForgetsLateStops,
    /// A doomed key is dead as soon as the request was sent: nobody asks the provider.
    BelievesDeath,
    /// A woken key works by assumption: nobody probes.
    BelievesLife,
    /// A reload that reports success is not checked.
    BelievesReloads,
    /// The feed's silence is taken for a drain, whoever still runs with the old key.
    BelievesSilence,
    /// A person's roll-back is taken after the point of no return.
    RollsBackAfterIntent,
    /// A person may release the gate having seen an older incident.
    RearmsOlder,
    /// A person may release the gate while a tripped key lives.
    RearmsAlive,
    /// A trip during an overlap stops the named key only.
    SparesTheOverlap,
    /// A trip sends before it has left a durable note.
    SendsBeforeClosing,
    /// Intents are written without waiting for the disk: a crash loses them.
    ActsBeforeDurable,
    /// The old key is doomed as soon as the switch is done, whether or not a consumer still holds it.
    DoomsBeforeReadBack,
}

impl Mutant {
    /// What the machine would do, were it broken.
    pub fn decision(self, state: &State, decision: Decision) -> Decision {
        let custody = &state.custody;
        match self {
            Self::DoomsBeforeReadBack => match custody.rotation() {
                Some(r) if r.stage == Stage::Switch => Decision::Record(vec![Event::Switched]),
                Some(r) if r.stage == Stage::Drain => Decision::Record(vec![Event::Drained { proof: Some(proof()) }]),
                Some(r) if r.stage == Stage::Revoke && custody.usable(&r.old) => {
                    Decision::Record(vec![Event::Doomed { key: r.old.clone() }])
                }
                _ => decision,
            },
            _ => decision,
        }
    }

    /// What it would write down.
    pub fn written(self, custody: &Custody, event: &Event) -> Event {
        match (self, event) {
            (Self::RearmsOlder, Event::Rearmed { by, reason, .. }) => {
                let newest = IncidentId(custody.generation());
                Event::Rearmed { incident: newest, by: by.clone(), reason: reason.clone(), forced: false }
            }
            _ => event.clone(),
        }
    }

    /// What it would take an unanswered request for.
    pub fn outcome(self, status: SetStatus, outcome: Outcome) -> Outcome {
        let forgets = matches!(
            (self, status),
            (Self::ForgetsLateWakes, SetStatus::Active) | (Self::ForgetsLateStops, SetStatus::Inactive)
        );
        if forgets { Outcome::Done } else { outcome }
    }

    /// What it would take a reading for.
    pub fn finding(self, state: &State, effect: &Effect, truth: Finding) -> Finding {
        let doomed = |key| state.custody.doomed().any(|k| k == key);
        match (self, effect) {
            (Self::BelievesDeath, Effect::ReadKey(key)) if sent_off(&state.custody, key) => {
                Finding::Key(Seen::Inactive)
            }
            (Self::BelievesDeath, Effect::Probe(key)) if doomed(key) => Finding::Probe(ProbeSeen::Refused),
            (Self::BelievesLife, Effect::Probe(key)) if state.sight.status(key, NOW) == Some(&Seen::Active) => {
                Finding::Probe(ProbeSeen::Accepted(None))
            }
            (Self::BelievesSilence, Effect::CheckDrain(_)) => Finding::Drain(Drain::Proven(proof())),
            _ => truth,
        }
    }
}

fn sent_off(custody: &Custody, key: &guard::domain::ids::KeyId) -> bool {
    custody.key(key).is_some_and(|r| r.stopping.last().is_some() && custody.doomed().any(|k| k == key))
}
