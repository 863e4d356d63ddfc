use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};

use super::retry::Task;
use crate::domain::ids::{ConsumerName, IncidentId, KeyId};
use crate::domain::time::{Timestamp, rfc3339};

/// `at + pause`, or the end of the calendar.
pub(super) fn later(at: Timestamp, pause: TimeDelta) -> Timestamp {
    at.checked_add_signed(pause).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// What is waited for. Shown to people.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Waiting {
    /// Something failed and is tried again.
    Retry {
        /// What.
        task: Task,
        /// Attempts so far.
        attempts: u32,
        /// What stood in the way.
        why: String,
    },
    /// A request of unknown outcome may still take effect on this key.
    Settle(KeyId),
    /// The key is deactivated and its death is not proven yet.
    Death(KeyId),
    /// The key is activated and does not work from here yet.
    Life(KeyId),
    /// Both keys stay active until then.
    Overlap(Timestamp),
    /// The old key must be out of use.
    Drain {
        /// Which.
        old: KeyId,
        /// What the feed says, once it was asked.
        what: Option<String>,
    },
    /// The rotation is frozen until the gate is released.
    Latched(IncidentId),
    /// A retired key stays recoverable until then.
    Grace(KeyId),
    /// A person's own program did not succeed: which, and why.
    Hook(String),
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Retry { task, attempts, why } => {
                write!(f, "{task} has failed {attempts} times ({why}); it is retried")
            }
            Self::Settle(key) => {
                write!(f, "a request about {key} got no answer and may still take effect; guard waits until it cannot")
            }
            Self::Death(key) => write!(f, "{key} is being deactivated; its death is not proven yet"),
            Self::Life(key) => write!(f, "{key} is activated and does not work from here yet"),
            Self::Overlap(until) => write!(f, "both keys stay active until {}", rfc3339(*until)),
            Self::Drain { old, what: None } => write!(f, "the feed must show that {old} is out of use"),
            Self::Drain { what: Some(what), .. } => f.write_str(what),
            Self::Latched(incident) => write!(f, "the gate is closed by incident {incident}"),
            Self::Grace(key) => write!(f, "{key} stays recoverable until its grace time is over"),
            Self::Hook(why) => write!(f, "both keys stay active until it succeeds: {why}"),
        }
    }
}

/// What only a person can do.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Ask {
    /// Make a key in the Console and hand it over.
    MakeKey,
    /// A consumer's place was changed by somebody else again and again.
    StopOverwriting(ConsumerName),
    /// A secret that guard needs is not in the vault.
    RestoreSecret(KeyId),
    /// Release the gate.
    Rearm(IncidentId),
}

impl fmt::Display for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MakeKey => f.write_str("there is no standby key, and the provider's API cannot make one"),
            Self::StopOverwriting(consumer) => {
                write!(
                    f,
                    "somebody else keeps replacing the key in `{consumer}`; guard writes there only once an hour until that stops"
                )
            }
            Self::RestoreSecret(key) => write!(f, "the secret of {key} is not in the vault"),
            Self::Rearm(incident) => write!(f, "incident {incident} keeps the gate closed"),
        }
    }
}
