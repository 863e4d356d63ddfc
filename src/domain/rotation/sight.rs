use std::collections::BTreeMap;

use chrono::TimeDelta;

use super::drain::Drain;
use super::event::Event;
use super::retry::Task;
use super::state::Holding;
use crate::domain::ids::{ConsumerName, KeyId, WorkspaceId};
use crate::domain::key::{ApiKey, KeyStatus};
use crate::domain::time::Timestamp;

/// A reading this old is not looked at any more.
const FRESH: TimeDelta = TimeDelta::seconds(60);

/// A key's state at the provider.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Seen {
    /// Requests are accepted.
    Active,
    /// Disabled; may be activated again.
    Inactive,
    /// Archived or expired, in the provider's word. Final.
    Final(String),
    /// The provider does not know the key while its list works.
    Gone,
    /// A word that this guard does not know: neither alive nor dead.
    Odd(String),
}

impl Seen {
    /// The provider has said that the key does not work.
    pub fn is_off(&self) -> bool {
        matches!(self, Self::Inactive | Self::Final(_) | Self::Gone)
    }

    /// The word for it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Active => "active",
            Self::Inactive => "inactive",
            Self::Gone => "gone",
            Self::Final(word) | Self::Odd(word) => word,
        }
    }
}

impl From<&KeyStatus> for Seen {
    fn from(status: &KeyStatus) -> Self {
        match status {
            KeyStatus::Active => Self::Active,
            KeyStatus::Inactive => Self::Inactive,
            KeyStatus::Archived | KeyStatus::Expired => Self::Final(status.as_str().to_owned()),
            KeyStatus::Unknown(word) => Self::Odd(word.clone()),
        }
    }
}

/// What using the key once showed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ProbeSeen {
    /// It works; the workspace that it resolves to, if the provider named one.
    Accepted(Option<WorkspaceId>),
    /// It does not work.
    Refused,
    /// The vault certainly has no secret for it.
    NoSecret,
}

/// The gate as read.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum GateSeen {
    /// Open, with this generation and key.
    Open(u64, KeyId),
    /// Closed; the text in it.
    Closed(String),
}

/// A reading and its time.
type Dated<T> = Option<(T, Timestamp)>;

#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
struct KeySight {
    status: Dated<Seen>,
    probe: Dated<ProbeSeen>,
    refusals: u32,
    first_refusal: Option<Timestamp>,
}

/// What guard has seen of the world in this pass. Never stored: a new process begins with nothing and looks again.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Sight {
    keys: BTreeMap<KeyId, KeySight>,
    consumers: BTreeMap<ConsumerName, (Holding, Timestamp)>,
    gate: Dated<GateSeen>,
    drain: Dated<Drain>,
}

fn fresh<T>(reading: Option<&(T, Timestamp)>, now: Timestamp) -> Option<&T> {
    reading.filter(|(_, at)| now - *at <= FRESH && *at <= now).map(|(value, _)| value)
}

impl Sight {
    /// Begins with the provider's list of keys, read at `at`, so that a tick over many workspaces asks once.
    pub fn of_list(list: &[ApiKey], at: Timestamp) -> Self {
        let mut sight = Self::default();
        for key in list {
            sight.saw_key(&key.id, Seen::from(&key.status), at);
        }
        sight
    }

    /// The key's state, if read lately.
    pub fn status(&self, key: &KeyId, now: Timestamp) -> Option<&Seen> {
        fresh(self.keys.get(key)?.status.as_ref(), now)
    }

    /// What the last clear probe showed, if lately.
    pub fn probe(&self, key: &KeyId, now: Timestamp) -> Option<&ProbeSeen> {
        fresh(self.keys.get(key)?.probe.as_ref(), now)
    }

    /// When the last clear probe was.
    pub fn probed_at(&self, key: &KeyId) -> Option<Timestamp> {
        self.keys.get(key)?.probe.as_ref().map(|(_, at)| *at)
    }

    /// Refusals in a row.
    pub fn refusals(&self, key: &KeyId) -> u32 {
        self.keys.get(key).map_or(0, |k| k.refusals)
    }

    /// The first of the refusals in a row.
    pub fn first_refusal(&self, key: &KeyId) -> Option<Timestamp> {
        self.keys.get(key)?.first_refusal
    }

    /// What the consumer holds, if read lately.
    pub fn consumer(&self, name: &ConsumerName, now: Timestamp) -> Option<&Holding> {
        fresh(self.consumers.get(name), now)
    }

    /// The gate, if read lately.
    pub fn gate(&self, now: Timestamp) -> Option<&GateSeen> {
        fresh(self.gate.as_ref(), now)
    }

    /// What the feed says, if read lately.
    pub fn drain(&self, now: Timestamp) -> Option<&Drain> {
        fresh(self.drain.as_ref(), now)
    }

    /// When the feed was read.
    pub fn drain_at(&self) -> Option<Timestamp> {
        self.drain.as_ref().map(|(_, at)| *at)
    }

    pub(super) fn saw_key(&mut self, key: &KeyId, seen: Seen, at: Timestamp) {
        let sight = self.keys.entry(key.clone()).or_default();
        if !seen.is_off() {
            // Refusals count towards a proof of death only while the provider says that the key is off.
            (sight.refusals, sight.first_refusal) = (0, None);
        }
        sight.status = Some((seen, at));
    }

    pub(super) fn saw_probe(&mut self, key: &KeyId, seen: ProbeSeen, at: Timestamp) {
        let sight = self.keys.entry(key.clone()).or_default();
        if seen == ProbeSeen::Refused {
            sight.refusals = sight.refusals.saturating_add(1);
            sight.first_refusal.get_or_insert(at);
        } else {
            (sight.refusals, sight.first_refusal) = (0, None);
        }
        sight.probe = Some((seen, at));
    }

    pub(super) fn saw_consumer(&mut self, name: &ConsumerName, holds: Holding, at: Timestamp) {
        self.consumers.insert(name.clone(), (holds, at));
    }

    pub(super) fn saw_gate(&mut self, seen: GateSeen, at: Timestamp) {
        self.gate = Some((seen, at));
    }

    pub(super) fn saw_drain(&mut self, drain: Drain, at: Timestamp) {
        self.drain = Some((drain, at));
    }

    /// Drops what an event makes doubtful: whatever is about to be changed must be looked at again.
    pub fn note(&mut self, event: &Event) {
        match event {
            Event::WakeIntended { key }
            | Event::WakeAnswered { key, .. }
            | Event::OffIntended { key }
            | Event::OffAnswered { key, .. }
            | Event::ArchiveIntended { key }
            | Event::Failed { task: Task::Prove(key) | Task::Archive(key), .. } => {
                self.keys.remove(key);
            }
            Event::DeliveryIntended { consumer, .. } | Event::ConsumerRemoved { consumer } => {
                self.consumers.remove(consumer);
            }
            Event::Tripped(_) | Event::GateOpening { .. } | Event::Rearmed { .. } => self.gate = None,
            Event::Switched => self.drain = None,
            _ => {}
        }
    }

    /// The consumer was written to: what it held is history.
    pub(super) fn forget_consumer(&mut self, name: &ConsumerName) {
        self.consumers.remove(name);
    }

    /// The gate was set: what it was is history.
    pub(super) fn forget_gate(&mut self) {
        self.gate = None;
    }
}
