use std::collections::BTreeSet;

use super::event::{Ending, Enrolment, Event};
use super::retry::{Retry, Task};
use super::state::{Closing, Custody, GateRecord, KeyRecord, Rotation, Stage, Standing, Wire};
use crate::domain::time::Timestamp;

/// An event that cannot follow the state it meets: a damaged journal, or a bug. Nothing is done for the workspace until a
/// person has looked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("event {seq} cannot follow the events before it: {why}")]
pub struct Illegal {
    /// The event's number.
    pub seq: u64,
    /// The rule that it breaks.
    pub why: &'static str,
}

/// Folds a journal, oldest first.
///
/// # Errors
/// [`Illegal`] names the first event that does not fit, a gap in the numbers included.
pub fn fold<'e>(events: impl IntoIterator<Item = (u64, Timestamp, &'e Event)>) -> Result<Custody, Illegal> {
    events.into_iter().try_fold(Custody::default(), |state, (seq, at, event)| {
        if seq != state.seq + 1 {
            return Err(Illegal { seq, why: "an event is missing before it" });
        }
        state.apply(event, at)
    })
}

pub(super) type Change = Result<(), &'static str>;

pub(super) fn must(holds: bool, rule: &'static str) -> Change {
    if holds { Ok(()) } else { Err(rule) }
}

impl Custody {
    /// The state after `event`, written at `at`. The same function live and in replay.
    ///
    /// # Errors
    /// [`Illegal`] when the event breaks a promise or contradicts the state; `self` stands.
    pub fn apply(&self, event: &Event, at: Timestamp) -> Result<Self, Illegal> {
        let mut next = self.clone();
        next.seq += 1;
        match next.change(event, at) {
            Ok(()) => Ok(next),
            Err(why) => Err(Illegal { seq: next.seq, why }),
        }
    }

    fn change(&mut self, event: &Event, at: Timestamp) -> Change {
        match event {
            Event::Enrolled { key, hint, created_at, expires_at, role } => {
                must(!self.keys.contains_key(key), "the key is managed already")?;
                must(!self.buried.contains(key), "the key was used up and forgotten")?;
                let first = self.desired.is_none() && *role == Enrolment::Active;
                must(first || *role != Enrolment::Active, "another key is the active one")?;
                let record = KeyRecord {
                    hint: hint.clone(),
                    enrolled: self.seq,
                    created_at: *created_at,
                    expires_at: *expires_at,
                    canary: *role == Enrolment::Canary,
                    standing: Standing::Usable,
                    tripped: false,
                    spent: false,
                    cold: false,
                    archived: false,
                    deployed_at: first.then_some(at),
                    doomed_at: None,
                    dead_at: None,
                    off_sent_at: None,
                    death: None,
                    waking: Wire::default(),
                    stopping: Wire::default(),
                    drifts: 0,
                };
                self.keys.insert(key.clone(), record);
                if first {
                    self.desired = Some(key.clone());
                }
                self.standby_missing = false;
            }
            Event::Forgotten { key } => self.forget(key)?,
            Event::RotationRequested { rotation, reason, by, consumers, recall } => {
                must(self.rotation.is_none(), "a rotation is open")?;
                must(!self.latched, "the gate is latched")?;
                must(*rotation == self.next_rotation(), "the rotation's number is not the next one")?;
                let old = self.desired.clone().ok_or("there is no key to replace")?;
                must(self.usable(&old), "the key to replace is not usable")?;
                if let Some(key) = recall {
                    self.recall(key)?;
                }
                self.rotations = rotation.0;
                self.candidate = None;
                self.rotation = Some(Rotation {
                    id: *rotation,
                    reason: reason.clone(),
                    by: by.clone(),
                    old,
                    new: recall.clone(),
                    stage: Stage::Prepare,
                    started_at: at,
                    stage_since: at,
                    switched_at: None,
                    consumers: consumers.iter().cloned().collect(),
                    exposed: BTreeSet::new(),
                    forced: None,
                    recall: recall.is_some(),
                });
            }
            Event::StandbyTaken { key, promotion } => {
                must(self.usable(key) && self.desired.as_ref() != Some(key), "the key is not a standby")?;
                if *promotion {
                    self.candidate = Some(key.clone());
                } else {
                    let spent = self.record(key)?.spent;
                    let rotation = self.rotation.as_mut().ok_or("no rotation is open")?;
                    must(rotation.stage == Stage::Prepare && rotation.new.is_none(), "the rotation has its key")?;
                    must(!spent, "the key was used up")?;
                    rotation.new = Some(key.clone());
                }
                self.standby_missing = false;
            }
            Event::StandbyMissing => self.standby_missing = true,
            Event::StandbyUnfit { key, .. } => {
                must(self.desired.as_ref() != Some(key) && !self.held(key), "the key is in use")?;
                self.doom(key, at)?;
                self.candidate.take_if(|k| k == key);
                if let Some(rotation) = self.rotation.as_mut().filter(|r| r.new.as_ref() == Some(key)) {
                    must(rotation.stage == Stage::Prepare, "the rotation has switched to the key")?;
                    rotation.new = None;
                    rotation.stage_since = at;
                }
            }
            Event::StandbyReleased { key } => {
                must(self.candidate.take().as_ref() == Some(key), "the key is not a candidate")?;
            }
            Event::WakeIntended { key } => {
                let chosen = self.rotation.as_ref().and_then(|r| r.new.as_ref()) == Some(key);
                must(chosen || self.candidate.as_ref() == Some(key), "nobody wants the key awake")?;
                must(self.usable(key), "the key is not usable")?;
                let record = self.record_mut(key)?;
                record.cold = false;
                record.waking.send(at);
                self.attempted(Task::Wake(key.clone()), at);
            }
            Event::WakeAnswered { key, outcome } => {
                self.record_mut(key)?.waking.answer(outcome);
                self.annotate(&Task::Wake(key.clone()), outcome, at);
            }
            Event::OverlapProven { key } => {
                must(self.usable(key), "the key is not usable")?;
                let rotation = self.rotation.as_mut().ok_or("no rotation is open")?;
                let fits = rotation.stage == Stage::Prepare && rotation.new.as_ref() == Some(key);
                must(fits, "the rotation is not about to switch to the key")?;
                rotation.enter(Stage::Switch, at);
                rotation.exposed.insert(rotation.old.clone());
                self.desire(key, at)?;
            }
            Event::DeliveryIntended { consumer, key } => {
                must(self.usable(key) && self.desired.as_ref() == Some(key), "only the desired key is delivered")?;
                let record = self.consumer(consumer, at);
                record.reloaded = None;
                record.delivering = Some(key.clone());
                if let Some(rotation) = &mut self.rotation {
                    rotation.exposed.insert(key.clone());
                }
                self.attempted(Task::Deliver(consumer.clone()), at);
            }
            Event::ConsumerSeen { consumer, holds } => {
                let desired = self.desired.clone();
                let record = self.consumer(consumer, at);
                let had = record.holds.key().is_some() && record.holds.key() == desired.as_ref();
                let has = holds.key().is_some() && holds.key() == desired.as_ref();
                if had && !has {
                    record.overwritten = record.overwritten.saturating_add(1);
                }
                if record.holds != *holds {
                    record.since = at;
                    record.reloaded = None;
                }
                record.holds = holds.clone();
                record.delivering = None;
                if has {
                    self.retries.remove(&Task::Deliver(consumer.clone()));
                }
                if let (Some(rotation), Some(key)) = (&mut self.rotation, holds.key())
                    && rotation.stage != Stage::Prepare
                    && self.keys.contains_key(key)
                {
                    rotation.exposed.insert(key.clone());
                }
            }
            Event::Reloaded { consumer, key } => {
                self.consumer(consumer, at).reloaded = Some(key.clone());
                self.retries.remove(&Task::Reload(consumer.clone()));
            }
            Event::ConsumerRemoved { consumer } => {
                must(self.consumers.remove(consumer).is_some(), "the consumer is not known")?;
                self.retries.retain(|task, _| !task.is_about(consumer));
            }
            Event::Switched => {
                let rotation = self.at_stage(Stage::Switch)?;
                rotation.switched_at = Some(at);
                rotation.enter(Stage::Drain, at);
            }
            Event::DrainForced { reason, .. } => {
                let rotation = self.rotation.as_mut().ok_or("no rotation is open")?;
                must(rotation.stage != Stage::RollBack, "the rotation is being rolled back")?;
                rotation.forced = Some(reason.clone());
            }
            Event::Drained { proof } => {
                must(!self.latched, "silence behind a closed gate is no drain")?;
                let rotation = self.at_stage(Stage::Drain)?;
                must(proof.is_some() || rotation.forced.is_some(), "neither proven nor forced")?;
                rotation.enter(Stage::Revoke, at);
                self.retries.remove(&Task::Feed);
            }
            Event::Doomed { key } => {
                must(self.usable(key), "the key is not usable")?;
                must(!self.held(key), "a consumer holds the key")?;
                must(self.desired.as_ref() != Some(key), "it is the desired key")?;
                let revoked = self.rotation.as_ref().is_some_and(|r| r.old == *key && r.stage == Stage::Revoke);
                must(revoked || self.record(key)?.spent, "the key is not due for revocation")?;
                self.doom(key, at)?;
            }
            Event::OffIntended { key } => {
                let record = self.record(key)?;
                let unused = self.desired.as_ref() != Some(key) && !self.held(key);
                must(record.standing == Standing::Doomed || unused, "the key is in use")?;
                must(!record.archived, "the key is archived")?;
                let record = self.record_mut(key)?;
                record.stopping.send(at);
                if record.standing == Standing::Doomed {
                    record.off_sent_at.get_or_insert(at);
                }
                self.attempted(Task::Off(key.clone()), at);
            }
            Event::OffAnswered { key, outcome } => {
                self.record_mut(key)?.stopping.answer(outcome);
                self.annotate(&Task::Off(key.clone()), outcome, at);
            }
            Event::Cooled { key } => {
                must(self.usable(key), "the key is not a standby")?;
                self.record_mut(key)?.cold = true;
                self.calm(key);
            }
            Event::DeadProven { key, proof } => {
                let record = self.record_mut(key)?;
                must(record.standing == Standing::Doomed, "the key was not doomed")?;
                record.standing = Standing::Dead;
                record.dead_at = Some(at);
                record.death = Some(proof.clone());
                self.calm(key);
                self.contain(at);
            }
            Event::DriftSeen { key } => {
                let record = self.record_mut(key)?;
                must(record.standing == Standing::Dead && !record.tripped, "the key was not retired")?;
                record.drifts = record.drifts.saturating_add(1);
                record.off_sent_at = None;
                self.doom(key, at)?;
            }
            Event::TurnedBack { unfit, .. } => self.turn_back(*unfit, at)?,
            Event::TurnedForward { .. } => {
                let rotation = self.at_stage(Stage::RollBack)?;
                rotation.enter(Stage::Switch, at);
                let new = rotation.new.clone().ok_or("the rotation has no new key")?;
                must(self.usable(&new), "the new key is not usable")?;
                self.desire(&new, at)?;
            }
            Event::RotationEnded { ending } => {
                let rotation = self.rotation.take().ok_or("no rotation is open")?;
                let old = self.record(&rotation.old)?;
                let fits = match ending {
                    Ending::Completed => rotation.stage == Stage::Revoke && old.standing == Standing::Dead,
                    Ending::RolledBack => rotation.stage == Stage::RollBack,
                };
                must(fits, "the rotation is not that far")?;
                self.retries.remove(&Task::Rotation);
                self.standby_missing = false;
            }
            Event::Promoted { key } => {
                must(self.usable(key) && self.candidate.as_ref() == Some(key), "the key is not a candidate")?;
                self.supersede();
                if let Some(before) = self.desired.take() {
                    self.spend(&before);
                }
                self.candidate = None;
                self.desire(key, at)?;
            }
            Event::ArchiveIntended { key } => {
                let record = self.record(key)?;
                let fits = record.standing == Standing::Dead && record.spent && !record.tripped && !record.archived;
                must(fits, "only a retired key is archived")?;
                self.attempted(Task::Archive(key.clone()), at);
            }
            Event::Archived { key } => {
                let record = self.record_mut(key)?;
                must(record.standing == Standing::Dead, "the key is not dead")?;
                record.archived = true;
                self.calm(key);
            }
            Event::Tripped(trip) => self.trip(trip, at)?,
            Event::GateClosed => {
                must(self.latched, "the gate closes only by a trip")?;
                self.gate = GateRecord::Closed;
                self.retries.remove(&Task::Gate);
            }
            Event::GateOpening { generation, key } => {
                must(!self.latched && *generation == self.generation, "a trip keeps the gate closed")?;
                must(self.desired.as_ref() == Some(key) && self.usable(key), "the key is not the desired one")?;
                self.gate = GateRecord::Opening(key.clone());
                self.attempted(Task::Gate, at);
            }
            Event::GateOpened { generation, key } => {
                let expected = !self.latched && *generation == self.generation;
                must(expected && self.gate == GateRecord::Opening(key.clone()), "nobody was opening the gate")?;
                self.gate = GateRecord::Open(key.clone());
                self.retries.remove(&Task::Gate);
            }
            Event::Rearmed { incident, by, reason, forced: _ } => {
                must(self.latch() == Some(*incident), "it is not the incident that keeps the gate closed")?;
                let killed = self.keys.values().filter(|r| r.tripped).all(|r| r.standing == Standing::Dead);
                must(killed, "a tripped key is not proven dead")?;
                self.latched = false;
                if let Some(last) = self.incidents.last_mut() {
                    last.rearmed = Some((at, by.clone(), reason.clone()));
                }
            }
            Event::CauseFound { incident, by, cause } => {
                let incident = self.incident_mut(*incident)?;
                incident.acknowledged.get_or_insert((at, by.clone()));
                incident.cause = Some(cause.clone());
            }
            Event::Acknowledged { incident, by } => {
                self.incident_mut(*incident)?.acknowledged.get_or_insert((at, by.clone()));
            }
            Event::Closed { incident, by, cause, lesson, policy } => {
                let closing = Closing {
                    at,
                    by: by.clone(),
                    cause: cause.clone(),
                    lesson: lesson.clone(),
                    policy: policy.clone(),
                };
                let incident = self.incident_mut(*incident)?;
                incident.acknowledged.get_or_insert((at, by.clone()));
                incident.cause = Some(cause.clone());
                incident.closing = Some(closing);
            }
            Event::Failed { task, fault, why, after } => {
                if !task.counts_sends() || !self.retries.contains_key(task) {
                    let retry = Retry::again(self.retries.get(task), at, self.seq, *after);
                    self.retries.insert(task.clone(), retry);
                }
                if let Some(retry) = self.retries.get_mut(task) {
                    retry.note(*fault, why, *after, at);
                }
            }
            Event::Recovered { task } => {
                self.retries.remove(task);
            }
            Event::Blocked { task, why } => {
                let before = self.retries.get(task);
                let mut retry = before.cloned().unwrap_or_else(|| Retry::again(None, at, self.seq, None));
                retry.alarmed = true;
                retry.why.clone_from(why);
                self.retries.insert(task.clone(), retry);
            }
        }
        Ok(())
    }
}
