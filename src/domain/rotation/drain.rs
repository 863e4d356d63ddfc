use std::fmt;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::domain::ids::{KeyId, RunId};
use crate::domain::time::{Minute, Timestamp};
use crate::domain::usage::UsageRow;

/// Buckets this old count as complete even when nothing newer exists: three times the lag that the provider documents.
pub const FEED_MARGIN: TimeDelta = TimeDelta::minutes(15);

/// What the feed is asked about an overlap.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DrainQuestion {
    /// The key that must be out of use.
    pub old: KeyId,
    /// The key that must be in use.
    pub new: KeyId,
    /// When every consumer had the new key.
    pub switched_at: Timestamp,
    /// How long the old key must have been silent.
    pub quiet: TimeDelta,
}

/// The figures that prove a drain.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DrainProof {
    /// The old key was silent from this minute on …
    pub silent_from: Minute,
    /// … up to this one, over complete buckets only.
    pub complete_until: Minute,
    /// The new key was seen in use.
    pub new_seen: Minute,
}

/// What the feed says.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Drain {
    /// Drained.
    Proven(DrainProof),
    /// The old key was used after the switch, or has not been silent for long enough.
    Waiting {
        /// The newest minute in which the old key was used after the switch.
        last_use: Option<Minute>,
        /// Tokens in that minute.
        tokens: u64,
        /// Complete and silent minutes so far.
        silent: i64,
        /// Minutes needed.
        needed: i64,
    },
    /// The old key is silent, and so is the new one: nothing shows that the workload has switched.
    NewUnseen,
    /// A job that was started with the old key is still running.
    JobRunning(RunId),
}

impl fmt::Display for Drain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Proven(_) => f.write_str("the old key is out of use"),
            Self::Waiting { last_use: Some(minute), tokens, silent, needed } => write!(
                f,
                "the old key was last used at {minute} ({tokens} tokens) and has been silent for {silent} of {needed} minutes"
            ),
            Self::Waiting { last_use: None, silent, needed, .. } => {
                write!(f, "the old key has been silent for {silent} of {needed} complete minutes")
            }
            Self::NewUnseen => f.write_str(
                "the old key is silent, but the new key has not been seen in use either, so the drain is unproven",
            ),
            Self::JobRunning(run) => write!(f, "run {run} was started with the old key and has not ended"),
        }
    }
}

/// Judges the rows of the feed from the switch to `read_at`. A bucket is complete when anybody's usage is known in a newer
/// one, or when it is older than [`FEED_MARGIN`]; an empty bucket alone proves nothing. `new_seen` is the newest use of the new
/// key known from elsewhere, when the rows do not reach back to the switch.
pub fn judge_drain(question: &DrainQuestion, rows: &[UsageRow], new_seen: Option<Minute>, read_at: Timestamp) -> Drain {
    let switched = Minute::containing(question.switched_at);
    let used = || rows.iter().filter(|r| !r.tokens.is_zero());
    let of = |key| used().filter(move |r| r.principal.key() == Some(key));
    let newest = used().map(|r| r.minute).max();
    let aged = Minute::containing(read_at.checked_sub_signed(FEED_MARGIN).unwrap_or(read_at));
    let complete_until = newest.map_or(aged, |m| m.max(aged)).min(Minute::containing(read_at));

    // Use within the minute of the switch may have been before it.
    let last_use = of(&question.old).map(|r| r.minute).filter(|m| *m > switched).max();
    let silent_from = last_use.unwrap_or(switched).plus(1);
    let silent = complete_until.since(silent_from).max(0);
    let needed = (question.quiet.num_seconds().max(0) + 59) / 60;
    if silent < needed {
        let in_last = of(&question.old).filter(|r| Some(r.minute) == last_use);
        let tokens = in_last.map(|r| r.tokens.total()).fold(0, u64::saturating_add);
        return Drain::Waiting { last_use, tokens, silent, needed };
    }
    let new_seen = of(&question.new).map(|r| r.minute).chain(new_seen).filter(|m| *m >= switched).max();
    match new_seen {
        Some(new_seen) => Drain::Proven(DrainProof { silent_from, complete_until, new_seen }),
        None => Drain::NewUnseen,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::Principal;
    use crate::domain::usage::{Billing, Tokens};

    const SWITCH: i64 = 1_000;

    fn row(key: &str, minute: i64) -> UsageRow {
        UsageRow {
            minute: Minute::from_epoch(minute),
            principal: Principal::Key(KeyId::new(key).unwrap()),
            workspace: None,
            model: "m".to_owned(),
            billing: Billing::default(),
            tokens: Tokens { output: 7, ..Tokens::default() },
        }
    }

    fn judge(rows: &[UsageRow], now: i64) -> Drain {
        let question = DrainQuestion {
            old: KeyId::new("apikey_old").unwrap(),
            new: KeyId::new("apikey_new").unwrap(),
            switched_at: Minute::from_epoch(SWITCH).start(),
            quiet: TimeDelta::minutes(10),
        };
        judge_drain(&question, rows, None, Minute::from_epoch(now).start())
    }

    #[test]
    fn empty_buckets_prove_nothing_until_newer_data_exists() {
        let stale = [row("apikey_new", SWITCH + 1)];
        assert!(matches!(judge(&stale, SWITCH + 20), Drain::Waiting { silent: 4, needed: 10, .. }));
        let fresh = [row("apikey_new", SWITCH + 1), row("apikey_else", SWITCH + 15)];
        assert!(matches!(judge(&fresh, SWITCH + 20), Drain::Proven(_)));
    }

    #[test]
    fn old_buckets_count_without_newer_data() {
        let rows = [row("apikey_new", SWITCH + 1)];
        assert!(matches!(judge(&rows, SWITCH + 26), Drain::Proven(_)));
    }

    #[test]
    fn silence_of_both_keys_is_unproven() {
        assert_eq!(judge(&[row("apikey_else", SWITCH + 15)], SWITCH + 20), Drain::NewUnseen);
    }

    #[test]
    fn use_of_the_old_key_starts_the_wait_anew() {
        let rows = [row("apikey_old", SWITCH + 9), row("apikey_new", SWITCH + 15)];
        let expected =
            Drain::Waiting { last_use: Some(Minute::from_epoch(SWITCH + 9)), tokens: 7, silent: 5, needed: 10 };
        assert_eq!(judge(&rows, SWITCH + 20), expected);
    }

    #[test]
    fn a_bucket_from_the_future_completes_nothing() {
        let rows = [row("apikey_new", SWITCH + 500)];
        assert!(matches!(judge(&rows, SWITCH + 5), Drain::Waiting { .. }));
    }
}
