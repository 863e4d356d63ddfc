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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{ConsumerName, RotationId, WorkspaceId};
    use crate::domain::rotation::{Custody, Decision, Enrolment, Holding, Policy, Sight, decide};
    use crate::domain::time::Timestamp;
    use chrono::TimeDelta;

    const AT: Timestamp = Timestamp::UNIX_EPOCH;

    fn key(name: &str) -> KeyId {
        KeyId::new(format!("apikey_{name}")).unwrap()
    }

    fn api() -> ConsumerName {
        "api".parse().unwrap()
    }

    fn after(custody: Custody, events: impl IntoIterator<Item = Event>) -> Custody {
        events.into_iter().fold(custody, |custody, event| custody.apply(&event, AT).unwrap())
    }

    fn enrolled(name: &str, role: Enrolment) -> Event {
        Event::Enrolled { key: key(name), hint: None, created_at: AT, expires_at: None, role }
    }

    fn tripped(incident: u64, name: &str) -> Event {
        Event::Tripped(TripRecord {
            incident: IncidentId(incident),
            keys: [key(name)].into(),
            rule: "person".to_owned(),
            sentence: "leaked".to_owned(),
            figures: json!({}),
            by_person: true,
            mode: TripMode::Kill,
        })
    }

    /// `a` is in use, `b` waits; guard is about to open the gate.
    fn opening() -> Custody {
        let events = [
            enrolled("a", Enrolment::Active),
            enrolled("b", Enrolment::Standby),
            Event::ConsumerSeen { consumer: api(), holds: Holding::Key(key("a")) },
            Event::Reloaded { consumer: api(), key: key("a") },
            Event::GateOpening { generation: 0, key: key("a") },
        ];
        after(Custody::default(), events)
    }

    fn open() -> Custody {
        after(opening(), [Event::GateOpened { generation: 0, key: key("a") }])
    }

    fn decided(custody: &Custody, gate: GateSeen) -> Decision {
        let policy = Policy {
            workspace: WorkspaceId::new("wrkspc_test").unwrap(),
            consumers: vec![api()],
            overlap: TimeDelta::minutes(1),
            drain: TimeDelta::minutes(1),
            grace: TimeDelta::minutes(1),
            settle: TimeDelta::minutes(10),
            proofs: 1,
            archive: false,
            promote: true,
            reopen: false,
        };
        let mut sight = Sight::default();
        sight.saw_gate(gate, AT);
        decide(custody, &sight, &policy, AT)
    }

    fn note(incident: u64, name: &str) -> GateSeen {
        let note = GateNote { incident: IncidentId(incident), keys: [key(name)].into(), sentence: "leaked".to_owned() };
        GateSeen::Closed(note.to_string())
    }

    /// The keys of the trip that is written down, and of the requests that it may have sent.
    fn recovered(decision: Decision) -> (IncidentId, Vec<KeyId>, Vec<KeyId>) {
        let Decision::Record(events) = decision else { panic!("{decision:?}") };
        let Some(Event::Tripped(trip)) = events.first() else { panic!("{events:?}") };
        let sent = events.iter().filter_map(|event| match event {
            Event::OffIntended { key } => Some(key.clone()),
            _ => None,
        });
        (trip.incident, trip.keys.iter().cloned().collect(), sent.collect())
    }

    #[test]
    fn an_unwritten_trip_is_taken_from_the_gate_even_when_its_number_was_given_already() {
        let seen = recovered(decided(&open(), note(1, "a")));
        assert_eq!(seen, (IncidentId(1), vec![key("a")], vec![key("a")]));
        // A trip that could not read the journal took the first number; meanwhile another trip has had it and is over.
        let proof = DeathProof { status: "inactive".to_owned(), refusals: 1, sent_at: None, effective_seconds: None };
        let earlier = [
            tripped(1, "b"),
            Event::DeadProven { key: key("b"), proof },
            Event::GateClosed,
            Event::Rearmed { incident: IncidentId(1), by: "ada".to_owned(), reason: "seen".to_owned(), forced: false },
            Event::GateOpening { generation: 1, key: key("a") },
            Event::GateOpened { generation: 1, key: key("a") },
        ];
        let seen = recovered(decided(&after(open(), earlier), note(1, "a")));
        assert_eq!(seen, (IncidentId(2), vec![key("a")], vec![key("a")]));
    }

    #[test]
    fn a_key_that_was_exposed_since_the_note_is_not_spared() {
        let rotating = [
            Event::RotationRequested {
                rotation: RotationId(1),
                reason: "due".to_owned(),
                by: "ada".to_owned(),
                consumers: vec![api()],
                recall: None,
            },
            Event::StandbyTaken { key: key("b"), promotion: false },
            Event::OverlapProven { key: key("b") },
            Event::DeliveryIntended { consumer: api(), key: key("b") },
        ];
        let (_, keys, sent) = recovered(decided(&after(open(), rotating), note(1, "a")));
        assert_eq!(keys, [key("a"), key("b")], "both were in the same place");
        assert_eq!(sent, keys);
    }

    #[test]
    fn a_pause_after_an_opening_does_not_hold_up_the_closing() {
        // The attempt to open is not answered yet and may be repeated only after a pause.
        let custody = after(opening(), [tripped(1, "b")]);
        let decision = decided(&custody, GateSeen::Open(0, key("a")));
        let closes = |decision: &Decision| matches!(decision, Decision::Do { effect: Effect::CloseGate(_), .. });
        assert!(closes(&decision), "{decision:?}");
    }
}
