//! Whether guard sees what is spent: how old the last good poll is.

use std::time::Duration;

use chrono::TimeDelta;
use serde_json::Value;

use crate::domain::time::{Timestamp, humane};
use crate::ports::WatchState;

/// The piece of the watchdog's memory that holds the last good poll.
pub const POLL_STATE: &str = "poll";

/// A clock that is off by more than this makes "the last poll was in the future" untrustworthy.
const TOLERATED_SKEW: TimeDelta = TimeDelta::minutes(5);

/// What is known about guard's view of the usage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sight {
    /// The last good poll is recent enough.
    Clear {
        /// Its age.
        age: TimeDelta,
    },
    /// The last good poll is too old.
    Blind {
        /// Its age.
        age: TimeDelta,
    },
    /// There never was a good poll: the watchdog has not run yet.
    NeverPolled,
    /// It cannot be said: the state is unreadable, or the last poll lies in the future.
    Unknown {
        /// For people.
        why: String,
    },
}

impl Sight {
    /// Usage is seen.
    pub const fn is_clear(&self) -> bool {
        matches!(self, Self::Clear { .. })
    }
}

/// `the last good poll was 4 min ago`.
impl std::fmt::Display for Sight {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Clear { age } | Self::Blind { age } => write!(f, "the last good poll was {} ago", humane(*age)),
            Self::NeverPolled => f.write_str("usage was never polled (is `guard watch` running?)"),
            Self::Unknown { why } => write!(f, "it is not known when usage was last polled: {why}"),
        }
    }
}

/// Judges the last good poll at `now`; blind means older than `limit`.
pub fn sight(state: &dyn WatchState, now: Timestamp, limit: Duration) -> Sight {
    let last = match state.load_state(POLL_STATE) {
        Ok(Some(value)) => match last_good(&value) {
            Ok(Some(at)) => at,
            Ok(None) => return Sight::NeverPolled,
            Err(why) => return Sight::Unknown { why },
        },
        Ok(None) => return Sight::NeverPolled,
        Err(error) => return Sight::Unknown { why: error.to_string() },
    };
    let age = now - last;
    if age < -TOLERATED_SKEW {
        return Sight::Unknown { why: "the last poll lies in the future; the clock was set back".to_owned() };
    }
    let age = age.max(TimeDelta::zero());
    // A limit beyond what chrono can count is no limit.
    if TimeDelta::from_std(limit).is_ok_and(|limit| age > limit) { Sight::Blind { age } } else { Sight::Clear { age } }
}

fn last_good(value: &Value) -> Result<Option<Timestamp>, String> {
    match value.get("last_good") {
        None | Some(Value::Null) => Ok(None),
        Some(at) => {
            serde_json::from_value(at.clone()).map(Some).map_err(|e| format!("the poll's record is damaged: {e}"))
        }
    }
}
