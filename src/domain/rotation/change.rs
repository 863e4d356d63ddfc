use super::apply::{Change, must};
use super::effect::Outcome;
use super::retry::{Retry, Task};
use super::state::{
    ConsumerRecord, Custody, GateRecord, Holding, Incident, KeyRecord, Rotation, Stage, Standing, Wire,
};
use crate::domain::ids::{ConsumerName, IncidentId, KeyId};
use crate::domain::incident::TripRecord;
use crate::domain::time::Timestamp;

/// The changes that several events share, or that take more than a few lines.
impl Custody {
    pub(super) fn record(&self, key: &KeyId) -> Result<&KeyRecord, &'static str> {
        self.keys.get(key).ok_or("the key is not managed")
    }

    pub(super) fn record_mut(&mut self, key: &KeyId) -> Result<&mut KeyRecord, &'static str> {
        self.keys.get_mut(key).ok_or("the key is not managed")
    }

    pub(super) fn consumer(&mut self, name: &ConsumerName, at: Timestamp) -> &mut ConsumerRecord {
        self.consumers.entry(name.clone()).or_insert_with(|| ConsumerRecord {
            holds: Holding::Unread,
            since: at,
            reloaded: None,
            delivering: None,
            overwritten: 0,
        })
    }

    pub(super) fn at_stage(&mut self, stage: Stage) -> Result<&mut Rotation, &'static str> {
        self.rotation.as_mut().filter(|r| r.stage == stage).ok_or("the rotation is in another phase")
    }

    pub(super) fn attempted(&mut self, task: Task, at: Timestamp) {
        let retry = Retry::again(self.retries.get(&task), at, self.seq, None);
        self.retries.insert(task, retry);
    }

    pub(super) fn annotate(&mut self, task: &Task, outcome: &Outcome, at: Timestamp) {
        if let Some(retry) = self.retries.get_mut(task) {
            retry.answer(outcome, at);
        }
    }

    /// What was tried with the key has succeeded.
    pub(super) fn calm(&mut self, key: &KeyId) {
        self.retries.retain(|task, _| !task.is_about_key(key));
    }

    pub(super) fn desire(&mut self, key: &KeyId, at: Timestamp) -> Change {
        let record = self.record_mut(key)?;
        record.deployed_at = Some(at);
        record.cold = false;
        self.desired = Some(key.clone());
        self.calm(key);
        for consumer in self.consumers.values_mut() {
            consumer.overwritten = 0;
        }
        Ok(())
    }

    pub(super) fn doom(&mut self, key: &KeyId, at: Timestamp) -> Change {
        let record = self.record_mut(key)?;
        record.standing = Standing::Doomed;
        record.doomed_at = Some(at);
        record.cold = false;
        record.spent = true;
        self.calm(key);
        Ok(())
    }

    pub(super) fn spend(&mut self, key: &KeyId) {
        if let Some(record) = self.keys.get_mut(key) {
            record.spent = true;
        }
    }

    /// Ends a rotation from outside. Keys that were in consumers' places never return to the pool.
    pub(super) fn supersede(&mut self) {
        if let Some(rotation) = self.rotation.take() {
            for key in &rotation.exposed {
                self.spend(key);
            }
            self.retries.remove(&Task::Rotation);
        }
    }

    pub(super) fn recall(&mut self, key: &KeyId) -> Change {
        let record = self.record_mut(key)?;
        let retired = record.standing == Standing::Dead && !record.tripped && !record.archived;
        must(retired, "only a retired key inside its grace time can be recalled")?;
        record.standing = Standing::Usable;
        record.death = None;
        record.dead_at = None;
        record.doomed_at = None;
        record.off_sent_at = None;
        Ok(())
    }

    pub(super) fn turn_back(&mut self, unfit: bool, at: Timestamp) -> Change {
        let rotation = self.rotation.as_ref().ok_or("no rotation is open")?;
        let (stage, old, new) = (rotation.stage, rotation.old.clone(), rotation.new.clone());
        must(stage != Stage::RollBack, "the rotation is being rolled back already")?;
        must(self.usable(&old), "the old key is past the point of no return")?;
        if let Some(new) = new.filter(|_| unfit) {
            self.spend(&new);
        }
        if let Some(rotation) = &mut self.rotation {
            rotation.enter(Stage::RollBack, at);
            rotation.switched_at = None;
        }
        if stage != Stage::Prepare {
            self.desire(&old, at)?;
        }
        Ok(())
    }

    pub(super) fn trip(&mut self, trip: &TripRecord, at: Timestamp) -> Change {
        must(trip.incident == self.next_incident(), "the incident's number is not the next one")?;
        must(trip.keys.iter().all(|k| self.keys.contains_key(k)), "a key is not managed")?;
        self.generation = trip.incident.0;
        self.latched = true;
        self.gate = GateRecord::Closing;
        // A pause after an attempt to open the gate must not hold up its closing.
        self.retries.remove(&Task::Gate);
        for key in &trip.keys {
            let record = self.record_mut(key)?;
            record.tripped = true;
            // A dead key that somebody revived is owed another deactivation, and so is one of which nobody knows better.
            if record.standing != Standing::Doomed {
                record.off_sent_at = None;
                self.doom(key, at)?;
            }
        }
        let hit = |r: &Rotation| trip.keys.contains(&r.old) || r.new.as_ref().is_some_and(|k| trip.keys.contains(k));
        if self.rotation.as_ref().is_some_and(hit) {
            let members = self.rotation.as_ref().map(|r| (r.old.clone(), r.new.clone()));
            self.retries.remove(&Task::Rotation);
            self.rotation = None;
            // What the rotation has staged, or has not touched yet, is the first choice for a promotion.
            if let Some((old, new)) = members {
                self.candidate =
                    [Some(old), new].into_iter().flatten().find(|k| self.usable(k) && self.desired.as_ref() != Some(k));
            }
        }
        self.candidate.take_if(|k| trip.keys.contains(k));
        self.incidents.push(Incident {
            id: trip.incident,
            at,
            keys: trip.keys.clone(),
            rule: trip.rule.clone(),
            sentence: trip.sentence.clone(),
            by_person: trip.by_person,
            mode: trip.mode,
            contained_at: None,
            rearmed: None,
            // A person who stops a key says why.
            cause: trip.by_person.then(|| trip.sentence.clone()),
            acknowledged: None,
            closing: None,
        });
        Ok(())
    }

    pub(super) fn incident_mut(&mut self, id: IncidentId) -> Result<&mut Incident, &'static str> {
        self.incidents.iter_mut().find(|i| i.id == id).ok_or("there is no such incident")
    }

    pub(super) fn contain(&mut self, at: Timestamp) {
        let keys = &self.keys;
        let dead = |k: &KeyId| keys.get(k).is_none_or(|r| r.standing == Standing::Dead);
        for incident in self.incidents.iter_mut().filter(|i| i.contained_at.is_none()) {
            if incident.keys.iter().all(dead) {
                incident.contained_at = Some(at);
            }
        }
    }

    pub(super) fn forget(&mut self, key: &KeyId) -> Change {
        let record = self.record(key)?;
        must(record.standing != Standing::Doomed, "the key is owed a deactivation")?;
        let chosen = self.rotation.as_ref().is_some_and(|r| r.old == *key || r.new.as_ref() == Some(key));
        let wanted = chosen || self.desired.as_ref() == Some(key) || self.candidate.as_ref() == Some(key);
        must(!wanted && !self.held(key), "the key is in use")?;
        if record.spent || record.tripped {
            self.buried.insert(key.clone());
        }
        self.keys.remove(key);
        self.calm(key);
        Ok(())
    }
}

impl Rotation {
    pub(super) fn enter(&mut self, stage: Stage, at: Timestamp) {
        self.stage = stage;
        self.stage_since = at;
    }
}

impl Wire {
    pub(super) fn send(&mut self, at: Timestamp) {
        // An earlier request without a recorded answer (a crash) stays in doubt.
        self.doubt = self.last();
        self.pending = Some(at);
    }

    pub(super) fn answer(&mut self, outcome: &Outcome) {
        if let Some(sent) = self.pending.take()
            && matches!(outcome, Outcome::Unknown { .. })
        {
            self.doubt = self.doubt.max(Some(sent));
        }
    }
}
