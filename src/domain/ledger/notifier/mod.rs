//! Channels to people. A kind is a variant of [`NotifierKind`], one file with its fields, and a line in
//! `KINDS`.

mod alertmanager;
mod command;
mod discord;
mod email;
mod journald;
mod ntfy;
mod pagerduty;
mod route;
mod slack;
mod teams;
mod webhook;

use std::path::PathBuf;

use super::field::slug;
use super::section::{KindOf, Section};
use super::{Program, SecretSource};
use crate::domain::ids::NotifierName;

pub use email::{EmailSettings, MailSecurity};
pub use route::{Hours, Route};

/// The registry.
const KINDS: &[KindOf<NotifierKind>] = &[
    webhook::KIND,
    slack::KIND,
    discord::KIND,
    teams::KIND,
    pagerduty::KIND,
    alertmanager::KIND,
    ntfy::KIND,
    email::KIND,
    command::KIND,
    journald::KIND,
];

/// A channel to people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotifierSettings {
    /// Unique within the ledger.
    pub name: NotifierName,
    /// What kind, with its options.
    pub kind: NotifierKind,
    /// What it is told, and when.
    pub route: Route,
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
    /// A Slack incoming webhook.
    Slack {
        /// Where its address is; whoever has it can post.
        url: SecretSource,
    },
    /// A Discord webhook.
    Discord {
        /// Where its address is; whoever has it can post.
        url: SecretSource,
    },
    /// A Teams workflow that takes cards.
    Teams {
        /// Where its address is; whoever has it can post.
        url: SecretSource,
    },
    /// PagerDuty's Events API, version 2.
    PagerDuty {
        /// Where the integration's routing key is.
        routing_key: SecretSource,
        /// Where events go; the EU has an address of its own.
        url: String,
    },
    /// A Prometheus Alertmanager.
    Alertmanager {
        /// Its address, without `/api/v2`.
        url: String,
        /// A bearer token, where one is asked for.
        token: Option<SecretSource>,
    },
    /// An ntfy server.
    Ntfy {
        /// The server.
        url: String,
        /// The topic. On a server without access control whoever knows it can read along.
        topic: String,
        /// An access token.
        token: Option<SecretSource>,
    },
    /// Mail over SMTP.
    Email(EmailSettings),
    /// A program that gets the notice as JSON on standard input.
    Command {
        /// Which.
        command: Program,
    },
    /// The host's journal.
    Journald {
        /// Its socket.
        socket: PathBuf,
    },
}

impl NotifierKind {
    /// The word in the ledger.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Webhook { .. } => "webhook",
            Self::Slack { .. } => "slack",
            Self::Discord { .. } => "discord",
            Self::Teams { .. } => "teams",
            Self::PagerDuty { .. } => "pagerduty",
            Self::Alertmanager { .. } => "alertmanager",
            Self::Ntfy { .. } => "ntfy",
            Self::Email(_) => "email",
            Self::Command { .. } => "command",
            Self::Journald { .. } => "journald",
        }
    }

    /// The channel keeps a page open until it is told that the matter is over.
    pub const fn keeps_open(&self) -> bool {
        matches!(self, Self::PagerDuty { .. } | Self::Alertmanager { .. })
    }

    /// People read it, so that alike notices are better told as one; programs want each by itself.
    pub const fn for_people(&self) -> bool {
        !matches!(self, Self::Webhook { .. } | Self::Alertmanager { .. } | Self::Command { .. } | Self::Journald { .. })
    }

    /// Where its secret is, if it has one.
    pub const fn secret(&self) -> Option<&SecretSource> {
        match self {
            Self::Slack { url } | Self::Discord { url } | Self::Teams { url } => Some(url),
            Self::PagerDuty { routing_key, .. } => Some(routing_key),
            Self::Webhook { secret, .. } => secret.as_ref(),
            Self::Alertmanager { token, .. } | Self::Ntfy { token, .. } => token.as_ref(),
            Self::Email(settings) => settings.password.as_ref(),
            Self::Command { .. } | Self::Journald { .. } => None,
        }
    }
}

/// Reads one `[[notifier]]`.
pub(super) fn read(section: &mut Section<'_, '_, '_>) -> Option<NotifierSettings> {
    let name = section.required("name", "What people call the channel; unique within the ledger.", slug("ops"));
    let route = route::read(section);
    let kind = section.kind("What kind of channel it is.", KINDS, None);
    Some(NotifierSettings { name: name?, kind: kind?, route })
}
