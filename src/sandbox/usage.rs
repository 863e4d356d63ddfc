//! What was used, and what the usage report shows of it: nothing before a lag, and not for ever the same.

use std::collections::BTreeMap;

use crate::domain::ids::{KeyId, WorkspaceId};
use crate::domain::time::{Minute, Timestamp};
use crate::domain::usage::{Billing, Tokens};

/// Usage of one request, or of one minute of replayed traffic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
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
    /// From when on the report shows it.
    pub visible_from: Timestamp,
    /// Until when: a restatement ends an entry and begins another.
    pub visible_until: Option<Timestamp>,
}

impl Entry {
    fn is_visible(&self, now: Timestamp) -> bool {
        self.visible_from <= now && self.visible_until.is_none_or(|until| now < until)
    }
}

/// All usage, by the minute in which it happened.
#[derive(Debug, Default)]
pub struct UsageBook {
    minutes: BTreeMap<Minute, Vec<Entry>>,
}

impl UsageBook {
    /// Writes an entry down.
    pub fn add(&mut self, minute: Minute, entry: Entry) {
        self.minutes.entry(minute).or_default().push(entry);
    }

    /// What the report shows at `now` of the minutes `from..until`.
    pub fn visible(&self, from: Minute, until: Minute, now: Timestamp) -> impl Iterator<Item = (Minute, &Entry)> {
        let range = if from < until { from..until } else { from..from };
        self.minutes
            .range(range)
            .flat_map(|(minute, entries)| entries.iter().map(|entry| (*minute, entry)))
            .filter(move |(_, entry)| entry.is_visible(now))
    }

    /// From `at` on the report shows `tokens` instead of what `key` used of `model` in `minute`. False when there is nothing
    /// to restate.
    pub fn restate(&mut self, minute: Minute, key: &KeyId, model: &str, tokens: Tokens, at: Timestamp) -> bool {
        let Some(entries) = self.minutes.get_mut(&minute) else { return false };
        let mut restated = None;
        for entry in entries.iter_mut() {
            let same = entry.key.as_ref() == Some(key) && entry.model == model;
            if same && entry.visible_until.is_none_or(|until| until > at) {
                entry.visible_until = Some(at);
                restated = Some(entry.clone());
            }
        }
        let Some(last) = restated else { return false };
        entries.push(Entry { tokens, visible_from: at, visible_until: None, ..last });
        true
    }
}
