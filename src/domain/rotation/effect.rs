use serde::{Deserialize, Serialize};

use super::drain::{Drain, DrainQuestion};
use super::sight::{GateSeen, ProbeSeen, Seen};
use super::state::Holding;
use crate::domain::ids::{ConsumerName, KeyId};

/// What guard asks of the world; data, so that the machine stays pure and a model can explore it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Ask the provider for the key's state.
    ReadKey(KeyId),
    /// Ask the provider to change the key's state. Backed by a durable intent; see [`super::Custody::backs`].
    SetStatus(KeyId, SetStatus),
    /// Use the key once, for free.
    Probe(KeyId),
    /// Read what a consumer holds.
    ReadConsumer(ConsumerName),
    /// Write the key into the consumer's place.
    Deliver(ConsumerName, KeyId),
    /// Reload the consumer's workload and check it.
    Reload(ConsumerName, KeyId),
    /// Read the gate.
    ReadGate,
    /// Close the gate, leaving this text in it.
    CloseGate(String),
    /// Open the gate.
    OpenGate {
        /// The trips so far.
        generation: u64,
        /// The key that consumers hold.
        key: KeyId,
    },
    /// Ask the feed whether the old key is out of use.
    CheckDrain(DrainQuestion),
}

impl Effect {
    /// A word for logs and fault points.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::ReadKey(_) => "read_key",
            Self::SetStatus(_, SetStatus::Active) => "activate",
            Self::SetStatus(_, SetStatus::Inactive) => "deactivate",
            Self::SetStatus(_, SetStatus::Archived) => "archive",
            Self::Probe(_) => "probe",
            Self::ReadConsumer(_) => "read_consumer",
            Self::Deliver(..) => "deliver",
            Self::Reload(..) => "reload",
            Self::ReadGate => "read_gate",
            Self::CloseGate(_) => "close_gate",
            Self::OpenGate { .. } => "open_gate",
            Self::CheckDrain(_) => "check_drain",
        }
    }
}

/// The states that guard asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SetStatus {
    /// Wake a standby.
    Active,
    /// Revoke or kill. Reversible.
    Inactive,
    /// Delete for good.
    Archived,
}

/// What is known of a request to change something. Unknown is not failure: reading settles it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// The other side said that it did it.
    Done,
    /// It certainly did not happen.
    NotDone {
        /// What stood in the way.
        fault: Fault,
        /// In words.
        why: String,
        /// The pause that the other side asked for, in seconds.
        after: Option<u32>,
    },
    /// It may have happened, or may still happen.
    Unknown {
        /// What was seen.
        why: String,
    },
}

/// What stands in the way of a task, as far as the operator's next step differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// Out of reach or busy; time may heal it.
    Unreachable,
    /// The provider refuses guard's own credential.
    Credential,
    /// The other side says no; a person must look.
    Refused,
    /// The vault.
    Vault,
}

/// What an effect showed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Finding {
    /// The key's state.
    Key(Seen),
    /// What using the key showed.
    Probe(ProbeSeen),
    /// What is known of a request to change a key's state, or of a delivery.
    Sent(Outcome),
    /// What the consumer holds.
    Consumer(Holding),
    /// The workload was reloaded and checked.
    Reloaded,
    /// The gate's state.
    Gate(GateSeen),
    /// The gate was opened or closed.
    GateSet,
    /// What the feed says.
    Drain(Drain),
    /// The reading, the reload or the gate failed.
    Failed {
        /// What stood in the way.
        fault: Fault,
        /// In words.
        why: String,
        /// The pause that the other side asked for, in seconds.
        after: Option<u32>,
    },
}
