//! What was used, and what the usage report shows of it: nothing before a lag, and not for ever the same.

use std::collections::BTreeMap;

use crate::domain::ids::{KeyId, WorkspaceId};
use crate::domain::time::{Minute, Timestamp};
use crate::domain::usage::{Billing, Tokens};

/// Usage of one request, or of one minute of replayed traffic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spent {
    /// The key; `None` for use without one.
    pub key: Option<KeyId>,
    /// The workspace; `None` for the default one.
    pub workspace: Option<WorkspaceId>,
    /// The service account of a federated request.
    pub service_account: Option<String>,
    /// The model.
    pub model: String,
    /// Tier, context window, geography.
    pub billing: Billing,
    /// How much.
    pub tokens: Tokens,
}

/// Usage with the time in which the report shows it; a restatement ends an entry and begins another.
#[derive(Debug)]
struct Entry {
    spent: Spent,
    from: Timestamp,
    until: Option<Timestamp>,
}

/// All usage, by the minute in which it happened.
#[derive(Debug, Default)]
pub struct UsageBook {
    minutes: BTreeMap<Minute, Vec<Entry>>,
}

impl UsageBook {
    /// Writes usage down; the report shows it from `visible_from` on.
    pub fn add(&mut self, minute: Minute, spent: Spent, visible_from: Timestamp) {
        self.minutes.entry(minute).or_default().push(Entry { spent, from: visible_from, until: None });
    }

    /// What the report shows at `now` of the minutes `from..until`.
    pub fn visible(&self, from: Minute, until: Minute, now: Timestamp) -> impl Iterator<Item = (Minute, &Spent)> {
        let is_visible = move |entry: &&Entry| entry.from <= now && entry.until.is_none_or(|until| now < until);
        self.minutes
            .range(from..until.max(from))
            .flat_map(move |(minute, entries)| entries.iter().filter(is_visible).map(|entry| (*minute, &entry.spent)))
    }

    /// From `at` on the report shows `tokens` instead of what `key` used of `model` in `minute`. False when there is nothing
    /// to restate.
    pub fn restate(&mut self, minute: Minute, key: &KeyId, model: &str, tokens: Tokens, at: Timestamp) -> bool {
        let Some(entries) = self.minutes.get_mut(&minute) else { return false };
        let mut restated = None;
        for entry in entries.iter_mut() {
            let same = entry.spent.key.as_ref() == Some(key) && entry.spent.model == model;
            if same && entry.until.is_none_or(|until| until > at) {
                entry.until = Some(at);
                restated = Some(entry.spent.clone());
            }
        }
        let Some(spent) = restated else { return false };
        entries.push(Entry { spent: Spent { tokens, ..spent }, from: at, until: None });
        true
    }
}
