use std::fmt;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use super::effect::{Fault, Outcome};
use super::waiting::later;
use crate::domain::ids::{ConsumerName, KeyId};
use crate::domain::time::Timestamp;

/// After so many attempts without success a person is told. Attempts go on.
pub const ALARM_AFTER: u32 = 6;

/// The longest pause between two attempts.
const LONGEST: TimeDelta = TimeDelta::seconds(300);

/// Something that is tried until it succeeds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Make a key inactive.
    Off(KeyId),
    /// Make a key active.
    Wake(KeyId),
    /// Read a key's state.
    Look(KeyId),
    /// Get a clear answer from a probe of a key.
    Prove(KeyId),
    /// Delete a retired key for good.
    Archive(KeyId),
    /// Get a key into a consumer's place.
    Deliver(ConsumerName),
    /// Read a consumer.
    Read(ConsumerName),
    /// Reload and check a consumer.
    Reload(ConsumerName),
    /// Read, close or open the gate.
    Gate,
    /// Read the feed.
    Feed,
    /// Finish the open rotation.
    Rotation,
}

impl Task {
    /// Attempts are counted when they are announced, not when they fail.
    pub(super) const fn counts_sends(&self) -> bool {
        matches!(self, Self::Off(_) | Self::Wake(_) | Self::Archive(_) | Self::Deliver(_))
    }

    pub(super) fn is_about_key(&self, key: &KeyId) -> bool {
        match self {
            Self::Off(k) | Self::Wake(k) | Self::Look(k) | Self::Prove(k) | Self::Archive(k) => k == key,
            _ => false,
        }
    }

    pub(super) fn is_about(&self, consumer: &ConsumerName) -> bool {
        matches!(self, Self::Deliver(c) | Self::Read(c) | Self::Reload(c) if c == consumer)
    }
}

impl fmt::Display for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off(key) => write!(f, "deactivating {key}"),
            Self::Wake(key) => write!(f, "activating {key}"),
            Self::Look(key) => write!(f, "reading the state of {key}"),
            Self::Prove(key) => write!(f, "probing {key}"),
            Self::Archive(key) => write!(f, "archiving {key}"),
            Self::Deliver(consumer) => write!(f, "delivering the key to `{consumer}`"),
            Self::Read(consumer) => write!(f, "reading `{consumer}`"),
            Self::Reload(consumer) => write!(f, "reloading `{consumer}`"),
            Self::Gate => f.write_str("setting the gate"),
            Self::Feed => f.write_str("reading the usage feed"),
            Self::Rotation => f.write_str("finishing the rotation"),
        }
    }
}

/// How a task has fared since its last success.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Retry {
    /// Attempts without success.
    pub attempts: u32,
    /// No attempt before.
    pub next: Timestamp,
    /// What stood in the way the last time; `None` while an attempt's outcome is not known yet.
    pub fault: Option<Fault>,
    /// In words.
    pub why: String,
    /// A person was told.
    pub alarmed: bool,
}

impl Retry {
    /// One more attempt, at `at`: the pause doubles from two seconds to five minutes, stretched by up to a quarter. The
    /// stretch comes from `seq`, so that replay agrees with what happened and workspaces still do not march in step.
    pub(super) fn again(before: Option<&Self>, at: Timestamp, seq: u64, asked: Option<u32>) -> Self {
        let attempts = before.map_or(0, |r| r.attempts).saturating_add(1);
        let pause = TimeDelta::seconds(1 << attempts.min(9)).min(LONGEST);
        let jitter = (seq.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as i32;
        let asked = TimeDelta::seconds(i64::from(asked.unwrap_or(0))).min(LONGEST);
        Self {
            attempts,
            next: later(at, (pause + pause * jitter / 1024).max(asked)),
            fault: before.and_then(|r| r.fault),
            why: before.map(|r| r.why.clone()).unwrap_or_default(),
            alarmed: before.is_some_and(|r| r.alarmed),
        }
    }
}

impl Retry {
    /// What is known of the last attempt.
    pub(super) fn note(&mut self, fault: Fault, why: &str, asked: Option<u32>, at: Timestamp) {
        self.fault = Some(fault);
        why.clone_into(&mut self.why);
        let asked = TimeDelta::seconds(i64::from(asked.unwrap_or(0))).min(LONGEST);
        self.next = self.next.max(later(at, asked));
    }

    /// What came back.
    pub(super) fn answer(&mut self, outcome: &Outcome, at: Timestamp) {
        match outcome {
            Outcome::Done => {}
            Outcome::NotDone { fault, why, after } => self.note(*fault, why, *after, at),
            Outcome::Unknown { why } => self.note(Fault::Unreachable, why, None, at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_stay_bounded() {
        let at = Timestamp::UNIX_EPOCH;
        let mut retry = Retry::again(None, at, 1, None);
        assert!(retry.next - at >= TimeDelta::seconds(2) && retry.next - at < TimeDelta::seconds(3));
        for seq in 0..100 {
            retry = Retry::again(Some(&retry), at, seq, Some(4_000_000));
            assert!(retry.next - at <= LONGEST + LONGEST / 4);
        }
        assert_eq!(retry.attempts, 101);
    }
}
