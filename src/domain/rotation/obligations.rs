use std::collections::BTreeSet;

use serde_json::json;

use super::decide::{Decision, Desk, Flow};
use super::effect::{Effect, SetStatus};
use super::event::{DeathProof, Event};
use super::retry::Task;
use super::service::Intent;
use super::sight::{GateSeen, Seen};
use super::state::{GateRecord, KeyRecord, Standing};
use super::waiting::{Waiting, later};
use crate::domain::ids::{IncidentId, KeyId};
use crate::domain::incident::{GateNote, TripRecord};
use crate::domain::ledger::TripMode;

/// What is owed whatever else happens.
impl Desk<'_> {
    /// A latched gate is closed; a gate that somebody closed is latched.
    pub(super) fn keep_gate_closed(&mut self) -> Flow {
        let unlooked = self.custody.desired().is_none() && *self.custody.gate() == GateRecord::Never;
        if unlooked {
            return Flow::Continue(());
        }
        let Some(seen) = self.sight.gate(self.now).cloned() else {
            if self.may_try(&Task::Gate) {
                return self.read(Effect::ReadGate);
            }
            return Flow::Continue(());
        };
        match (self.custody.latch(), seen) {
            (Some(incident), GateSeen::Open(..)) => {
                if self.may_try(&Task::Gate) {
                    return self.read(Effect::CloseGate(self.note(incident)));
                }
                Flow::Continue(())
            }
            (Some(_), GateSeen::Closed(text)) => match self.unrecorded_trip(&text) {
                Some(trip) => self.recover(trip),
                None if *self.custody.gate() != GateRecord::Closed => self.record(Event::GateClosed),
                None => Flow::Continue(()),
            },
            (None, GateSeen::Closed(text)) => match self.unrecorded_trip(&text) {
                Some(trip) => self.recover(trip),
                None if matches!(self.custody.gate(), GateRecord::Open(_)) => {
                    self.record(Event::Tripped(self.unexplained(format!("the gate was found closed: {text}"))))
                }
                None => Flow::Continue(()),
            },
            (None, GateSeen::Open(..)) => Flow::Continue(()),
        }
    }

    fn note(&self, incident: IncidentId) -> String {
        let newest = self.custody.incidents().last();
        let keys = newest.map(|i| i.keys.clone()).unwrap_or_default();
        let sentence = newest.map(|i| i.sentence.clone()).unwrap_or_default();
        GateNote { incident, keys, sentence }.to_string()
    }

    /// A trip that closed the gate and could not be written to the journal. Its number may be too low when the journal could
    /// not even be read; a gate that should be open tells it all the same.
    fn unrecorded_trip(&self, text: &str) -> Option<TripRecord> {
        let unexpected = self.custody.latch().is_none() && matches!(self.custody.gate(), GateRecord::Open(_));
        let note = GateNote::parse(text).filter(|n| unexpected || n.incident.0 > self.custody.generation())?;
        // The rotation may have gone on since the note was written and exposed more.
        let managed = note.keys.iter().filter(|k| self.custody.key(k).is_some());
        let keys: BTreeSet<KeyId> = managed.flat_map(|k| self.custody.trip_targets(Some(k))).collect();
        let mode = if keys.is_empty() { TripMode::Gate } else { TripMode::Kill };
        let figures = json!({ "recovered_from": "gate" });
        Some(TripRecord { keys, mode, figures, ..self.unexplained(note.sentence) })
    }

    /// Writes such a trip down, with the requests that it may have sent before it died.
    fn recover(&self, trip: TripRecord) -> Flow {
        let sent = trip.keys.iter().filter(|k| self.custody.key(k).is_some_and(|r| !r.archived)).cloned();
        let sent: Vec<Event> = sent.map(|key| Event::OffIntended { key }).collect();
        Flow::Break(Decision::Record([vec![Event::Tripped(trip)], sent].concat()))
    }

    fn unexplained(&self, sentence: String) -> TripRecord {
        TripRecord {
            incident: self.custody.next_incident(),
            keys: BTreeSet::new(),
            rule: "gate".to_owned(),
            sentence,
            figures: json!({}),
            by_person: false,
            mode: TripMode::Gate,
        }
    }

    /// A key that was dead is active again: somebody else did it.
    pub(super) fn notice_drift(&mut self) -> Flow {
        for (key, record) in self.custody.keys() {
            let active = self.sight.status(key, self.now) == Some(&Seen::Active);
            if record.standing != Standing::Dead || !active {
                continue;
            }
            if !record.tripped {
                return self.record(Event::DriftSeen { key: key.clone() });
            }
            return self.record(Event::Tripped(TripRecord {
                keys: BTreeSet::from([key.clone()]),
                rule: "reactivated".to_owned(),
                mode: TripMode::Kill,
                ..self.unexplained(format!("{key} was stopped by a trip and is active again; guard did not do that"))
            }));
        }
        Flow::Continue(())
    }

    /// Every doomed key is made inactive and proven dead, tripped ones first, whatever the rest of the machine does.
    pub(super) fn kill_doomed(&mut self) -> Flow {
        let mut doomed: Vec<&KeyId> = self.custody.doomed().collect();
        doomed.sort_by_key(|key| self.custody.key(key).map(|r| !r.tripped));
        for key in doomed {
            if self.put_off(key)? {
                let proof = self.death(key);
                return self.record(Event::DeadProven { key: key.clone(), proof });
            }
        }
        Flow::Continue(())
    }

    fn death(&self, key: &KeyId) -> DeathProof {
        let sent_at = self.custody.key(key).and_then(|r| r.off_sent_at);
        let refused_at = self.sight.first_refusal(key);
        let seconds =
            sent_at.zip(refused_at).map(|(sent, refused)| (refused - sent).num_seconds().max(0).unsigned_abs());
        DeathProof {
            status: self.sight.status(key, self.now).map_or("unknown", Seen::as_str).to_owned(),
            refusals: self.sight.refusals(key),
            sent_at,
            effective_seconds: seconds,
        }
    }

    /// Every managed key that nobody uses is inactive: a standby that is awake is worth stealing. One that was replaced
    /// without a rotation (a failover) is revoked as soon as nobody holds it.
    pub(super) fn tidy_keys(&mut self) -> Flow {
        for (key, record) in self.custody.keys() {
            if !self.is_idle(key, record) || self.custody.held(key) {
                continue;
            }
            if record.spent {
                if self.custody.latch().is_none() && self.may_doom(key)? == Intent::Clear {
                    return self.record(Event::Doomed { key: key.clone() });
                }
                continue;
            }
            let awake = self.sight.status(key, self.now).is_some_and(|s| !s.is_off());
            if (!record.cold || awake) && self.put_off(key)? {
                let event = match self.sight.status(key, self.now) {
                    Some(Seen::Inactive) | None => Event::Cooled { key: key.clone() },
                    Some(lost) => Event::StandbyUnfit {
                        key: key.clone(),
                        why: format!("the provider says that it is {}", lost.as_str()),
                    },
                };
                return self.record(event);
            }
        }
        Flow::Continue(())
    }

    /// Usable, and neither in use nor about to be.
    fn is_idle(&self, key: &KeyId, record: &KeyRecord) -> bool {
        let rotation = self.custody.rotation();
        let chosen = rotation.is_some_and(|r| r.old == *key || r.new.as_ref() == Some(key));
        let wanted = chosen || self.custody.desired() == Some(key) || self.custody.candidate.as_ref() == Some(key);
        record.usable() && !record.canary && !wanted
    }

    /// A retired key is deleted for good after its grace time. Failure is cosmetic: the key is dead already.
    pub(super) fn archive(&mut self) -> Flow {
        for (key, record) in self.custody.keys() {
            let retired = record.standing == Standing::Dead && record.spent && !record.tripped && !record.archived;
            let Some(dead_at) = record.dead_at.filter(|_| retired && self.policy.archive) else { continue };
            if self.now - dead_at < self.policy.grace {
                self.wait(later(dead_at, self.policy.grace), Waiting::Grace(key.clone()));
                continue;
            }
            match self.look(key)? {
                Some(Seen::Gone) => return self.record(Event::Archived { key: key.clone() }),
                Some(Seen::Final(word)) if word == "archived" => {
                    return self.record(Event::Archived { key: key.clone() });
                }
                Some(Seen::Inactive | Seen::Final(_)) if self.may_try(&Task::Archive(key.clone())) => {
                    let effect = Effect::SetStatus(key.clone(), SetStatus::Archived);
                    return self.act(Event::ArchiveIntended { key: key.clone() }, effect);
                }
                // An active one is drift, which the next round takes up.
                _ => {}
            }
        }
        Flow::Continue(())
    }
}
