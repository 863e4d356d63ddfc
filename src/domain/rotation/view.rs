use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;

use super::effect::{Effect, SetStatus};
use super::policy::Policy;
use super::retry::{Retry, Task};
use super::state::{ConsumerRecord, Custody, GateRecord, Incident, KeyRecord, Phase, Role, Rotation, Stage, Standing};
use super::waiting::{Waiting, later};
use crate::domain::ids::{ConsumerName, IncidentId, KeyId, RotationId};
use crate::domain::time::Timestamp;

/// Reading the state.
impl Custody {
    /// Events so far: what a writer must name as the last one it has seen.
    pub const fn seq(&self) -> u64 {
        self.seq
    }

    /// The managed set.
    pub const fn keys(&self) -> &BTreeMap<KeyId, KeyRecord> {
        &self.keys
    }

    /// A managed key.
    pub fn key(&self, key: &KeyId) -> Option<&KeyRecord> {
        self.keys.get(key)
    }

    /// The key was managed once, deployed or tripped, and forgotten.
    pub fn is_buried(&self, key: &KeyId) -> bool {
        self.buried.contains(key)
    }

    /// The key that all consumers converge to.
    pub const fn desired(&self) -> Option<&KeyId> {
        self.desired.as_ref()
    }

    /// The open rotation.
    pub const fn rotation(&self) -> Option<&Rotation> {
        self.rotation.as_ref()
    }

    /// The number of the next rotation.
    pub const fn next_rotation(&self) -> RotationId {
        RotationId(self.rotations.saturating_add(1))
    }

    /// The number of the next incident.
    pub const fn next_incident(&self) -> IncidentId {
        IncidentId(self.generation.saturating_add(1))
    }

    /// Consumers as last observed.
    pub const fn consumers(&self) -> &BTreeMap<ConsumerName, ConsumerRecord> {
        &self.consumers
    }

    /// Trips so far.
    pub const fn generation(&self) -> u64 {
        self.generation
    }

    /// The newest trip, while it is not lifted.
    pub fn latch(&self) -> Option<IncidentId> {
        self.latched.then_some(IncidentId(self.generation))
    }

    /// What guard knows of the gate.
    pub const fn gate(&self) -> &GateRecord {
        &self.gate
    }

    /// Every incident, oldest first.
    pub fn incidents(&self) -> &[Incident] {
        &self.incidents
    }

    /// Tasks that have been tried without success.
    pub const fn retries(&self) -> &BTreeMap<Task, Retry> {
        &self.retries
    }

    /// A person has been asked for a key and none has come since.
    pub const fn standby_missing(&self) -> bool {
        self.standby_missing
    }

    /// Whether the key is managed and may be deployed as far as guard's records go.
    pub fn usable(&self, key: &KeyId) -> bool {
        self.keys.get(key).is_some_and(KeyRecord::usable)
    }

    /// Keys in the pool, in the order in which they are taken.
    pub fn standbys(&self) -> Vec<&KeyId> {
        let mut pool: Vec<_> = self.roles().into_iter().filter(|(_, role)| *role == Role::Standby).collect();
        pool.sort_by_key(|(key, _)| self.keys[*key].enrolled);
        pool.into_iter().map(|(key, _)| key).collect()
    }

    /// Keys that are owed a deactivation.
    pub fn doomed(&self) -> impl Iterator<Item = &KeyId> {
        self.standing(Standing::Doomed)
    }

    /// Keys that are proven dead.
    pub fn dead(&self) -> impl Iterator<Item = &KeyId> {
        self.standing(Standing::Dead)
    }

    /// Keys that a trip has stopped.
    pub fn tripped(&self) -> impl Iterator<Item = &KeyId> {
        self.keys.iter().filter(|(_, r)| r.tripped).map(|(k, _)| k)
    }

    fn standing(&self, standing: Standing) -> impl Iterator<Item = &KeyId> {
        self.keys.iter().filter(move |(_, r)| r.standing == standing).map(|(k, _)| k)
    }

    /// What each managed key is at the moment.
    pub fn roles(&self) -> BTreeMap<&KeyId, Role> {
        self.keys.iter().map(|(key, record)| (key, self.role(key, record))).collect()
    }

    fn role(&self, key: &KeyId, record: &KeyRecord) -> Role {
        let rotation = self.rotation.as_ref();
        match record.standing {
            Standing::Doomed => Role::Doomed,
            Standing::Dead if record.archived => Role::Archived,
            Standing::Dead if record.tripped => Role::Tripped,
            Standing::Dead => Role::Retired,
            Standing::Usable if record.canary => Role::Canary,
            Standing::Usable if self.desired.as_ref() == Some(key) => Role::Active,
            Standing::Usable if rotation.is_some_and(|r| r.old == *key) => Role::Outgoing,
            Standing::Usable if rotation.is_some_and(|r| r.new.as_ref() == Some(key)) => Role::Incoming,
            Standing::Usable if self.candidate.as_ref() == Some(key) => Role::Incoming,
            Standing::Usable if record.spent => Role::Spent,
            Standing::Usable => Role::Standby,
        }
    }

    /// The phase in the design's words.
    pub fn phase(&self) -> Phase {
        match &self.rotation {
            None if self.keys.is_empty() => Phase::Empty,
            None => Phase::Idle,
            Some(rotation) => match (rotation.stage, &rotation.new) {
                (Stage::Prepare, None) => Phase::Requested,
                (Stage::Prepare, Some(new)) => match self.keys.get(new).and_then(|r| r.waking.last()) {
                    None => Phase::Staged,
                    Some(_) => Phase::Overlap,
                },
                (Stage::Switch, _) => Phase::Switch,
                (Stage::Drain, _) => Phase::Drain,
                (Stage::Revoke, _) => Phase::Revoke,
                (Stage::RollBack, _) => Phase::RollBack,
            },
        }
    }

    /// Since when the open rotation is in its phase.
    pub fn since(&self) -> Option<Timestamp> {
        self.rotation.as_ref().map(|r| r.stage_since)
    }

    /// What the open rotation or incident waits for, from the records alone: the operator's "why does it not go on".
    pub fn waiting_for(&self, policy: &Policy, now: Timestamp) -> Option<Waiting> {
        let due = self.retries.iter().filter(|(_, r)| r.fault.is_some()).max_by_key(|(_, r)| (r.alarmed, r.attempts));
        if let Some((task, retry)) = due {
            return Some(Waiting::Retry { task: task.clone(), attempts: retry.attempts, why: retry.why.clone() });
        }
        if let Some(key) = self.doomed().next() {
            return Some(Waiting::Death(key.clone()));
        }
        let rotation = self.rotation.as_ref()?;
        let until = later(rotation.switched_at?, policy.overlap);
        match rotation.stage {
            _ if self.latched => Some(Waiting::Latched(IncidentId(self.generation))),
            Stage::Drain if now < until => Some(Waiting::Overlap(until)),
            Stage::Drain => Some(Waiting::Drain { old: rotation.old.clone(), what: None }),
            _ => None,
        }
    }

    /// The desired key is older than `interval` (counted from its creation) and no rotation is open.
    pub fn rotation_due(&self, interval: TimeDelta, now: Timestamp) -> bool {
        let age = self.desired.as_ref().and_then(|k| self.keys.get(k)).map(|r| now - r.created_at);
        self.rotation.is_none() && !self.latched && age.is_some_and(|age| age >= interval)
    }

    /// The keys that a trip of `key` stops (every deployed key when `None`): the key itself and, when it takes part in an open
    /// overlap, whatever was in consumers' places during that overlap. Standbys stay: they are what one promotes.
    pub fn trip_targets(&self, key: Option<&KeyId>) -> BTreeSet<KeyId> {
        // What an earlier trip has stopped for good is not stopped again.
        let open = |k: &&KeyId| self.keys.get(*k).is_some_and(|r| !r.tripped || r.standing != Standing::Dead);
        let exposed = self.rotation.iter().flat_map(|r| &r.exposed);
        let in_overlap = |k: &KeyId| self.rotation.as_ref().is_some_and(|r| r.old == *k || r.new.as_ref() == Some(k));
        match key {
            Some(key) if in_overlap(key) => exposed.filter(open).chain([key]).cloned().collect(),
            Some(key) => BTreeSet::from([key.clone()]),
            None => {
                let held = self.consumers.values().flat_map(|c| c.holds.key().into_iter().chain(&c.delivering));
                held.chain(&self.desired).chain(exposed).filter(open).cloned().collect()
            }
        }
    }

    /// Whether a durable record backs this effect: the check at the send, which does not trust the plan.
    pub fn backs(&self, effect: &Effect) -> bool {
        match effect {
            Effect::SetStatus(key, status) => self.keys.get(key).is_some_and(|record| match status {
                SetStatus::Active => record.waking.pending.is_some() && record.usable(),
                SetStatus::Inactive => {
                    let owed = record.standing == Standing::Doomed;
                    record.stopping.pending.is_some() && (owed || self.desired.as_ref() != Some(key))
                }
                SetStatus::Archived => record.standing == Standing::Dead && record.spent && !record.tripped,
            }),
            Effect::Deliver(consumer, key) => {
                self.usable(key) && self.consumers.get(consumer).is_some_and(|c| c.delivering.as_ref() == Some(key))
            }
            Effect::OpenGate { generation, key } => {
                !self.latched && *generation == self.generation && self.gate == GateRecord::Opening(key.clone())
            }
            _ => true,
        }
    }

    /// When the request that this effect sends was written down; `None` for what is not announced, or answered already.
    pub fn announced(&self, effect: &Effect) -> Option<Timestamp> {
        match effect {
            Effect::SetStatus(key, SetStatus::Active) => self.keys.get(key)?.waking.pending,
            Effect::SetStatus(key, SetStatus::Inactive) => self.keys.get(key)?.stopping.pending,
            _ => None,
        }
    }

    /// Whether a consumer may hold the key, by record.
    pub fn held(&self, key: &KeyId) -> bool {
        self.consumers.values().any(|c| c.holds.key() == Some(key) || c.delivering.as_ref() == Some(key))
    }

    /// Whether the consumer has the desired key, read back, reloaded and checked, by record.
    pub fn converged(&self, consumer: &ConsumerName) -> bool {
        self.consumers.get(consumer).is_some_and(|c| {
            let desired = self.desired.as_ref();
            desired.is_some() && c.holds.key() == desired && c.reloaded.as_ref() == desired
        })
    }
}
