//! Channels to people. A kind is a variant of [`NotifierKind`], one file with its fields, and a line in
//! `KINDS`.

mod webhook;

use super::SecretSource;
use super::field::{Choice, slug};
use super::section::{KindOf, Section};
use crate::domain::ids::NotifierName;
use crate::domain::notice::Severity;

/// The registry.
const KINDS: &[KindOf<NotifierKind>] = &[webhook::KIND];

/// A channel to people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotifierSettings {
    /// Unique within the ledger.
    pub name: NotifierName,
    /// What kind, with its options.
    pub kind: NotifierKind,
    /// The least severity it is told.
    pub at_least: Severity,
}

/// The kinds of channels. One adapter file each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotifierKind {
    /// An HTTP POST of the notice as JSON, signed with HMAC-SHA256 when a secret is configured.
    Webhook {
        /// https, or http to a loopback address.
        url: String,
        /// The signing secret.
        secret: Option<SecretSource>,
    },
}

/// Reads one `[[notifier]]`.
pub(super) fn read(section: &mut Section<'_, '_, '_>) -> Option<NotifierSettings> {
    let name = section.required("name", "What people call the channel; unique within the ledger.", slug("ops"));
    let at_least = section.with_default(
        "at_least",
        "The least severity that the channel is told.",
        Choice(&[
            ("info", Severity::Info),
            ("notice", Severity::Notice),
            ("warning", Severity::Warning),
            ("critical", Severity::Critical),
        ]),
        Severity::Warning,
    );
    let kind = section.kind("What kind of channel it is.", KINDS, None);
    Some(NotifierSettings { name: name?, kind: kind?, at_least })
}
