//! Replaying recorded usage: what the watchdog would have said, and when.

/// Trouble at random minutes of recorded usage.
pub mod inject;
pub mod own;
mod replay;
mod score;
mod summary;

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

pub use score::Row;
pub use summary::{AttackSummary, BenignSummary, ProfileSummary, Summary};

use crate::domain::ledger::RuleAction;
use crate::domain::watch::Rule;
use crate::domain::watch::dataset::Dataset;

/// Where run records come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RunRecords {
    /// There are none: statistics only.
    #[default]
    None,
    /// As if every run had been started by `guard exec`: clusters of the owner's own usage.
    Derived,
}

/// What to replay with.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// The rules that run; all of them when empty.
    pub rules: Vec<Rule>,
    /// Where run records come from.
    pub runs: RunRecords,
    /// How many threads; all cores when `None`.
    pub jobs: Option<NonZeroUsize>,
}

impl Settings {
    /// The rules as a policy: those that were not named are off.
    fn actions(&self) -> BTreeMap<String, RuleAction> {
        if self.rules.is_empty() {
            return BTreeMap::new();
        }
        let off = Rule::ALL.into_iter().filter(|rule| !self.rules.contains(rule));
        off.map(|rule| (rule.as_str().to_owned(), RuleAction::Off)).collect()
    }
}

/// Replays every series and every case. Rows come in the dataset's order, series first, whatever the threads do.
pub fn run(data: &Dataset, settings: &Settings) -> (Vec<Row>, Summary) {
    let subjects = replay::subjects(data);
    let actions = settings.actions();
    let rows = in_parallel(settings.jobs, &subjects, |subject| {
        let replay = replay::replay(data, subject, settings.runs, &actions);
        score::row(subject, &replay)
    });
    let summary = Summary::of(&rows);
    (rows, summary)
}

/// Maps on all cores and keeps the order.
fn in_parallel<T: Sync, R: Send>(jobs: Option<NonZeroUsize>, items: &[T], map: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let threads = jobs.or_else(|| std::thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get);
    let next = AtomicUsize::new(0);
    let done = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..threads.min(items.len()) {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(index) else { return };
                    let result = map(item);
                    done.lock().unwrap_or_else(PoisonError::into_inner).insert(index, result);
                }
            });
        }
    });
    done.into_inner().unwrap_or_else(PoisonError::into_inner).into_values().collect()
}
