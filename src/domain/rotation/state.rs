use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use super::event::DeathProof;
use super::retry::{Retry, Task};
use crate::domain::ids::{ConsumerName, IncidentId, KeyId, RotationId};
use crate::domain::ledger::TripMode;
use crate::domain::time::Timestamp;

/// The state of a workspace's keys: the fold of its journal. There is no other.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Custody {
    /// Events so far.
    pub(super) seq: u64,
    /// The managed set. No other id is ever touched.
    pub(super) keys: BTreeMap<KeyId, KeyRecord>,
    /// Keys that were deployed or tripped and then forgotten; they never come back.
    pub(super) buried: BTreeSet<KeyId>,
    /// The one key that all consumers converge to.
    pub(super) desired: Option<KeyId>,
    /// The key that is being woken for a promotion.
    pub(super) candidate: Option<KeyId>,
    pub(super) rotation: Option<Rotation>,
    /// Rotations so far.
    pub(super) rotations: u64,
    pub(super) consumers: BTreeMap<ConsumerName, ConsumerRecord>,
    /// Trips so far.
    pub(super) generation: u64,
    /// The newest trip has not been lifted.
    pub(super) latched: bool,
    pub(super) gate: GateRecord,
    pub(super) incidents: Vec<Incident>,
    pub(super) retries: BTreeMap<Task, Retry>,
    /// A person has been asked for a key and none has come since.
    pub(super) standby_missing: bool,
}

/// Where a key stands between use and death.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It may be deployed.
    Usable,
    /// It is owed a deactivation and is never delivered again.
    Doomed,
    /// The provider has confirmed that it does not work.
    Dead,
}

/// Requests to change a key's state that may still be travelling, in one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize)]
pub struct Wire {
    /// The last request whose answer is not recorded.
    pub(super) pending: Option<Timestamp>,
    /// The last request that got no definite answer.
    pub(super) doubt: Option<Timestamp>,
}

impl Wire {
    /// When the youngest request was sent that may still take effect.
    pub fn last(&self) -> Option<Timestamp> {
        self.pending.max(self.doubt)
    }

    /// Until when a request may still take effect; `None` when none can any more.
    pub fn open_until(&self, settle: TimeDelta, now: Timestamp) -> Option<Timestamp> {
        self.last().filter(|sent| now - sent < settle).map(|sent| super::waiting::later(sent, settle))
    }
}

/// A managed key.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct KeyRecord {
    /// Head and tail of the secret, as the provider shows them.
    pub hint: Option<String>,
    /// The journal's number of its enrolment: the order in which standbys are taken.
    pub enrolled: u64,
    /// When the provider says it was made.
    pub created_at: Timestamp,
    /// When it stops by itself.
    pub expires_at: Option<Timestamp>,
    /// Bait; see [`super::Enrolment::Canary`].
    pub canary: bool,
    /// Between use and death.
    pub standing: Standing,
    /// Stopped by a trip. Never taken back.
    pub tripped: bool,
    /// Was replaced once. It never returns to the pool.
    pub spent: bool,
    /// Proven inactive since guard last woke it.
    pub cold: bool,
    /// Deleted for good.
    pub archived: bool,
    /// When it became the desired key.
    pub deployed_at: Option<Timestamp>,
    /// When it was doomed.
    pub doomed_at: Option<Timestamp>,
    /// When its death was proven.
    pub dead_at: Option<Timestamp>,
    /// The first deactivation sent since it was doomed.
    pub off_sent_at: Option<Timestamp>,
    /// What proved it.
    pub death: Option<DeathProof>,
    /// Activations that may be travelling.
    pub waking: Wire,
    /// Deactivations that may be travelling.
    pub stopping: Wire,
    /// How often somebody else revived it.
    pub drifts: u32,
}

impl KeyRecord {
    /// It may be deployed as far as guard's own records go.
    pub fn usable(&self) -> bool {
        self.standing == Standing::Usable && !self.tripped
    }

    /// It is in the pool.
    pub fn is_standby(&self) -> bool {
        self.usable() && !self.spent && !self.canary
    }
}

/// What a consumer holds, in terms of managed keys.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holding {
    /// It has never been read.
    Unread,
    /// Nothing.
    Nothing,
    /// This key; read back.
    Key(KeyId),
    /// This key, by the writer's word; the place cannot be read.
    Written(KeyId),
    /// The place cannot be read and guard has not written to it yet.
    Sealed,
    /// A secret that is none of the managed keys.
    Foreign,
}

impl Holding {
    /// The key, when there is one.
    pub fn key(&self) -> Option<&KeyId> {
        match self {
            Self::Key(key) | Self::Written(key) => Some(key),
            _ => None,
        }
    }
}

/// A consumer as last observed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct ConsumerRecord {
    /// What it holds.
    pub holds: Holding,
    /// Since when that is known.
    pub since: Timestamp,
    /// The key that the last successful reload and check was about.
    pub reloaded: Option<KeyId>,
    /// The key of the last delivery, while it may have been written without having been read back.
    pub delivering: Option<KeyId>,
    /// How often somebody else replaced the desired key since it is the desired one.
    pub overwritten: u32,
}

/// The phases of a rotation, as the machine tells them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// A standby is looked for, woken and proven. Nothing has moved.
    Prepare,
    /// Consumers converge to the new key.
    Switch,
    /// The old key goes out of use.
    Drain,
    /// The old key is doomed as soon as nobody holds it, then proven dead.
    Revoke,
    /// Consumers converge back to the old key.
    RollBack,
}

/// An open rotation.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Rotation {
    /// Its number.
    pub id: RotationId,
    /// Why it was asked for.
    pub reason: String,
    /// Who asked.
    pub by: String,
    /// The key to replace.
    pub old: KeyId,
    /// The key that replaces it, once chosen.
    pub new: Option<KeyId>,
    /// How far it is.
    pub stage: Stage,
    /// When it was asked for.
    pub started_at: Timestamp,
    /// When its stage began.
    pub stage_since: Timestamp,
    /// When every consumer had the new key.
    pub switched_at: Option<Timestamp>,
    /// The consumers when it was asked for.
    pub consumers: BTreeSet<ConsumerName>,
    /// Keys that were in consumers' places during the overlap: what a leak of either compromises.
    pub exposed: BTreeSet<KeyId>,
    /// A person's reason not to wait for the drain.
    pub forced: Option<String>,
    /// The person's order names the new key: a retired one.
    pub recall: bool,
}

/// What guard knows of the gate.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GateRecord {
    /// It has never been open.
    #[default]
    Never,
    /// It is about to be closed, or closed without having been looked at.
    Closing,
    /// Closed.
    Closed,
    /// It is about to be opened with this key.
    Opening(KeyId),
    /// Open with this key.
    Open(KeyId),
}

/// What a person found out about an incident.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Closing {
    /// When it was said.
    pub at: Timestamp,
    /// Who said it.
    pub by: String,
    /// What caused the incident.
    pub cause: String,
    /// What was learnt.
    pub lesson: String,
    /// Changes of the ledger that would have stopped it earlier, as tried on the incident's own data.
    pub policy: Vec<String>,
}

/// A trip and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Incident {
    /// Its number; the gate's generation.
    pub id: IncidentId,
    /// When.
    pub at: Timestamp,
    /// The keys that it kills.
    pub keys: BTreeSet<KeyId>,
    /// The rule, or `person`.
    pub rule: String,
    /// Why, in one sentence.
    pub sentence: String,
    /// A person did it.
    pub by_person: bool,
    /// How far it went.
    pub mode: TripMode,
    /// When its keys were all proven dead.
    pub contained_at: Option<Timestamp>,
    /// When, by whom and why the gate was released.
    pub rearmed: Option<(Timestamp, String, String)>,
    /// When and by whom it was taken note of.
    pub acknowledged: Option<(Timestamp, String)>,
    /// What caused it, once somebody has said so.
    pub cause: Option<String>,
    /// What a person found out.
    pub closing: Option<Closing>,
}

/// The phase of a workspace's keys, in the design's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// No key is enrolled.
    Empty,
    /// No rotation is open.
    Idle,
    /// A rotation waits for a standby.
    Requested,
    /// The new key is chosen and sealed.
    Staged,
    /// The new key is being woken and proven.
    Overlap,
    /// Consumers converge to the new key.
    Switch,
    /// The old key goes out of use.
    Drain,
    /// The old key is being deactivated and proven dead.
    Revoke,
    /// Consumers converge back to the old key.
    RollBack,
}

impl Phase {
    /// The word for machines.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Idle => "idle",
            Self::Requested => "requested",
            Self::Staged => "staged",
            Self::Overlap => "overlap",
            Self::Switch => "switch",
            Self::Drain => "drain",
            Self::Revoke => "revoke",
            Self::RollBack => "roll_back",
        }
    }
}

/// What a managed key is at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The desired key.
    Active,
    /// The new key of an open rotation, or the key being promoted.
    Incoming,
    /// The old key of an open rotation that has switched, not yet doomed.
    Outgoing,
    /// In the pool.
    Standby,
    /// Replaced, and not yet doomed because a consumer may still hold it.
    Spent,
    /// Owed a deactivation.
    Doomed,
    /// Proven dead, recoverable by a person's order.
    Retired,
    /// Deleted for good.
    Archived,
    /// Stopped by a trip and proven dead.
    Tripped,
    /// Bait.
    Canary,
}

impl Role {
    /// The word for machines.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Incoming => "incoming",
            Self::Outgoing => "outgoing",
            Self::Standby => "standby",
            Self::Spent => "spent",
            Self::Doomed => "doomed",
            Self::Retired => "retired",
            Self::Archived => "archived",
            Self::Tripped => "tripped",
            Self::Canary => "canary",
        }
    }
}
