//! Several alike notices of one round become one message, for channels that people read.

use std::cmp::Reverse;

use crate::domain::message::{Message, Phase};
use crate::ports::OutboxEntry;

/// One message and the entries that it tells of.
#[derive(Debug)]
pub(super) struct Sending {
    pub(super) entries: Vec<OutboxEntry>,
    pub(super) message: Message,
}

impl Sending {
    pub(super) fn one(entry: OutboxEntry, message: Message) -> Self {
        Self { entries: vec![entry], message }
    }

    pub(super) fn ids(&self) -> Vec<u64> {
        self.entries.iter().map(|entry| entry.id).collect()
    }

    /// The oldest entry, which decides about the next attempt.
    pub(super) fn first(&self) -> Option<&OutboxEntry> {
        self.entries.first()
    }
}

/// Puts alike messages together when there are several. A channel that keeps pages open has one for each name, so that there only a
/// beginning can be told together with others; what follows goes by the name that the page has.
pub(super) fn grouped(single: Vec<Sending>, keeps_open: bool) -> Vec<Sending> {
    let mut clusters: Vec<Vec<Sending>> = Vec::new();
    for sending in single {
        let fits = |cluster: &&mut Vec<Sending>| {
            cluster.first().is_some_and(|first| alike(&first.message, &sending.message, keeps_open))
        };
        match clusters.iter_mut().find(fits) {
            Some(cluster) => cluster.push(sending),
            None => clusters.push(vec![sending]),
        }
    }
    let mut sendings: Vec<Sending> = clusters.into_iter().flat_map(joined).collect();
    sendings.sort_by_key(|s| (Reverse(s.message.notice.severity), s.first().map(|entry| entry.id)));
    sendings
}

fn alike(one: &Message, other: &Message, keeps_open: bool) -> bool {
    let begins = matches!(one.phase, Phase::Begins | Phase::Single) && !one.again;
    let one_page = one.thread == other.thread || !keeps_open || begins;
    one.again == other.again && one_page && Message::alike(&one.notice, &other.notice)
}

fn joined(cluster: Vec<Sending>) -> Vec<Sending> {
    if cluster.len() < Message::ALIKE {
        return cluster;
    }
    let notices: Vec<_> = cluster.iter().map(|sending| sending.message.notice.clone()).collect();
    let (Some(first), Some(mut message)) = (cluster.first(), Message::of_alike(&notices)) else { return cluster };
    // News of what was told together goes by that name.
    if cluster.iter().all(|sending| sending.message.thread == first.message.thread) {
        message.thread.clone_from(&first.message.thread);
    }
    message.again = first.message.again;
    message.phase = first.message.phase;
    message.opened_by.clone_from(&first.message.opened_by);
    vec![Sending { message, entries: cluster.into_iter().flat_map(|sending| sending.entries).collect() }]
}
