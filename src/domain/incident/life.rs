use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use super::{Moments, TripRecord};
use crate::domain::ids::KeyId;
use crate::domain::ledger::TripMode;
use crate::domain::rotation::{Closing, Custody, Event, Illegal};
use crate::domain::time::Timestamp;

/// How far an incident has come, in the order in which the states usually follow one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LifeState {
    /// guard only observes: this is what it would have stopped.
    Simulated,
    /// A rule warns; nothing is stopped.
    Suspected,
    /// A rule or a person has decided; the first act is under way.
    Confirmed,
    /// No job can start any more, and no key is to be killed.
    GateClosed,
    /// A key is being deactivated and is not proven dead.
    Killing,
    /// Every key of the incident is refused by the provider.
    ProvenDead,
    /// Consumers hold a working replacement; the gate is still closed.
    FailedOver,
    /// The harm is over: the keys are dead, and somebody who has seen the incident has released the gate.
    Contained,
    /// A person has said what caused it and what was learnt.
    Resolved,
}

impl LifeState {
    /// One to three words for people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Simulated => "simulated",
            Self::Suspected => "suspected",
            Self::Confirmed => "confirmed",
            Self::GateClosed => "gate closed",
            Self::Killing => "killing",
            Self::ProvenDead => "proven dead",
            Self::FailedOver => "failed over",
            Self::Contained => "contained",
            Self::Resolved => "resolved",
        }
    }
}

/// An incident from its trip to its closing, as the journal tells it.
#[derive(Debug, Clone, PartialEq)]
pub struct Life {
    /// What is stopped, and on what grounds.
    pub trip: TripRecord,
    /// When each step happened.
    pub moments: Moments,
    /// The journal's number of the trip.
    pub seq: u64,
    /// The key that took over.
    pub promoted: Option<KeyId>,
    /// Who released the gate, and why.
    pub rearmed: Option<(Timestamp, String, String)>,
    /// Who looks after it.
    pub acknowledged: Option<(Timestamp, String)>,
    /// What caused it, once somebody has said so.
    pub cause: Option<String>,
    /// What a person found out.
    pub closing: Option<Closing>,
    /// Keys of the incident that are not proven dead.
    pub alive: Vec<KeyId>,
}

impl Life {
    /// How far it has come. A person's closing never hides a key that is alive.
    pub fn state(&self) -> LifeState {
        let (killed, closed) = (self.trip.mode == TripMode::Kill && !self.trip.keys.is_empty(), self.closing.is_some());
        match () {
            () if self.trip.mode == TripMode::Observe => LifeState::Simulated,
            () if killed && !self.alive.is_empty() && self.moments.kill_sent.is_some() => LifeState::Killing,
            () if killed && !self.alive.is_empty() => LifeState::Confirmed,
            () if closed => LifeState::Resolved,
            () if self.rearmed.is_some() => LifeState::Contained,
            () if self.moments.failed_over.is_some() => LifeState::FailedOver,
            () if killed => LifeState::ProvenDead,
            () if self.moments.gate_closed.is_some() => LifeState::GateClosed,
            () => LifeState::Confirmed,
        }
    }

    /// How long the key lived after the decision.
    pub fn to_dead(&self) -> Option<TimeDelta> {
        self.moments.dead.map(|dead| dead - self.moments.detected)
    }
}

/// The lives of a workspace's incidents, oldest first: a fold of its journal and nothing else.
///
/// # Errors
/// [`Illegal`] when the events do not follow one another.
pub fn lives<'e>(events: impl IntoIterator<Item = (u64, Timestamp, &'e Event)>) -> Result<Vec<Life>, Illegal> {
    let (mut custody, mut lives) = (Custody::default(), Vec::<Life>::new());
    for (seq, at, event) in events {
        custody = custody.apply(event, at)?;
        note(&mut lives, &custody, seq, at, event);
    }
    for life in &mut lives {
        if let Some(incident) = custody.incidents().iter().find(|i| i.id == life.trip.incident) {
            life.rearmed.clone_from(&incident.rearmed);
            life.acknowledged.clone_from(&incident.acknowledged);
            life.cause.clone_from(&incident.cause);
            life.closing.clone_from(&incident.closing);
        }
        let dead = |key: &KeyId| custody.key(key).is_none_or(|r| r.dead_at.is_some());
        life.alive = life.trip.keys.iter().filter(|key| !dead(key)).cloned().collect();
    }
    Ok(lives)
}

/// What an event means for the incidents: it is about the newest one, unless it names a key of an older one.
fn note(lives: &mut Vec<Life>, custody: &Custody, seq: u64, at: Timestamp, event: &Event) {
    match event {
        Event::Tripped(trip) => lives.push(Life {
            trip: trip.clone(),
            moments: Moments::at_trip(at),
            seq,
            promoted: None,
            rearmed: None,
            acknowledged: None,
            cause: None,
            closing: None,
            alive: Vec::new(),
        }),
        Event::OffIntended { key } => {
            for life in lives.iter_mut().filter(|life| life.trip.keys.contains(key)) {
                life.moments.kill_sent.get_or_insert(at);
            }
        }
        Event::DeadProven { key, .. } => {
            for life in lives.iter_mut().filter(|life| life.trip.keys.contains(key)) {
                let dead = |key: &KeyId| custody.key(key).is_none_or(|r| r.dead_at.is_some());
                if life.trip.keys.iter().all(dead) {
                    life.moments.dead.get_or_insert(at);
                }
            }
        }
        _ => {
            let Some(life) = lives.last_mut() else { return };
            match event {
                Event::GateClosed => drop(life.moments.gate_closed.get_or_insert(at)),
                Event::Promoted { key } => life.promoted = Some(key.clone()),
                Event::GateOpened { .. } => drop(life.moments.reopened.get_or_insert(at)),
                _ => {}
            }
            let served = !custody.consumers().is_empty() && custody.consumers().keys().all(|c| custody.converged(c));
            if served && life.promoted.is_some() && life.promoted.as_ref() == custody.desired() {
                life.moments.failed_over.get_or_insert(at);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::domain::ids::IncidentId;
    use crate::domain::rotation::{DeathProof, Enrolment, Outcome};

    fn key() -> KeyId {
        KeyId::new("apikey_1").unwrap()
    }

    fn tripped(mode: TripMode) -> Event {
        let keys = if mode == TripMode::Kill { BTreeSet::from([key()]) } else { BTreeSet::new() };
        Event::Tripped(TripRecord {
            incident: IncidentId(1),
            keys,
            rule: "spike".to_owned(),
            sentence: "too much".to_owned(),
            figures: serde_json::Value::Null,
            by_person: false,
            mode,
        })
    }

    /// The state after each event; the first is the enrolment.
    fn states(events: &[Event]) -> Vec<Option<LifeState>> {
        let at = Timestamp::UNIX_EPOCH;
        let enrolled =
            Event::Enrolled { key: key(), hint: None, created_at: at, expires_at: None, role: Enrolment::Active };
        let all: Vec<&Event> = std::iter::once(&enrolled).chain(events).collect();
        let fold = |n: usize| lives(all[..n].iter().zip(1..).map(|(event, seq)| (seq, at, *event))).unwrap();
        (1..=all.len()).map(|n| fold(n).last().map(Life::state)).collect()
    }

    #[test]
    fn a_killed_key_goes_through_every_state_and_closing_never_hides_a_live_one() {
        let proof = DeathProof { status: "inactive".to_owned(), refusals: 3, sent_at: None, effective_seconds: None };
        let closed = || Event::Closed {
            incident: IncidentId(1),
            by: "ada".to_owned(),
            cause: "a laptop".to_owned(),
            lesson: "none".to_owned(),
            policy: Vec::new(),
        };
        let rearmed =
            Event::Rearmed { incident: IncidentId(1), by: "ada".to_owned(), reason: "clean".to_owned(), forced: false };
        let events = [
            tripped(TripMode::Kill),
            Event::GateClosed,
            Event::OffIntended { key: key() },
            Event::OffAnswered { key: key(), outcome: Outcome::Done },
            closed(),
            Event::DeadProven { key: key(), proof },
            rearmed,
        ];
        use LifeState::{Confirmed, Killing, Resolved};
        let expected = [Confirmed, Confirmed, Killing, Killing, Killing, Resolved, Resolved].map(Some);
        assert_eq!(states(&events)[1..], expected);
        let open: Vec<Event> = events.into_iter().filter(|e| !matches!(e, Event::Closed { .. })).collect();
        assert_eq!(states(&open)[5..], [LifeState::ProvenDead, LifeState::Contained].map(Some));
    }

    #[test]
    fn a_gate_alone_waits_for_a_person() {
        let states = states(&[tripped(TripMode::Gate), Event::GateClosed]);
        assert_eq!(states, [None, Some(LifeState::Confirmed), Some(LifeState::GateClosed)]);
    }
}
