//! The channels to people, one by one: how each is doing, and whether it works.

use std::time::Duration;

use serde::Serialize;

use super::{App, AppError};
use crate::domain::ids::NotifierName;
use crate::domain::message::{Message, Phase};
use crate::domain::notice::{Notice, Severity};
use crate::domain::time::{Timestamp, rfc3339};
use crate::ports::{ChannelRecord, NotifyError};

/// The most that one test message may take.
const BOUND: Duration = Duration::from_secs(10);

/// A channel and how it is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Channel {
    /// Its name.
    pub name: NotifierName,
    /// Its kind, as in the ledger.
    pub kind: &'static str,
    /// The least severity that it is told.
    pub at_least: Severity,
    /// How many notices could not be delivered yet.
    pub waiting: u64,
    /// The oldest of these.
    pub oldest_waiting: Option<Timestamp>,
    /// When something was last delivered.
    pub last_delivered: Option<Timestamp>,
    /// What the other side answered.
    pub last_answer: Option<String>,
    /// Why the newest attempt failed, while something waits for the next one.
    pub failing: Option<String>,
}

/// All channels, in the ledger's order.
///
/// # Errors
/// The store's.
pub fn list(app: &App) -> Result<Vec<Channel>, AppError> {
    let names: Vec<NotifierName> = app.ledger.notifiers.iter().map(|n| n.name.clone()).collect();
    let records = app.outbox.channels(&names)?;
    let channel = |(settings, record): (&crate::domain::ledger::NotifierSettings, ChannelRecord)| {
        let (last_delivered, last_answer) = record.last_told.unzip();
        Channel {
            name: settings.name.clone(),
            kind: settings.kind.as_str(),
            at_least: settings.route.at_least,
            waiting: record.waiting,
            oldest_waiting: record.oldest,
            last_delivered,
            last_answer,
            failing: record.failing,
        }
    };
    Ok(app.ledger.notifiers.iter().zip(records).map(channel).collect())
}

/// How a test message fared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tested {
    /// Which channel.
    pub name: NotifierName,
    /// Its kind.
    pub kind: &'static str,
    /// It arrived.
    pub delivered: bool,
    /// What the other side answered, or why nothing arrived.
    pub answer: String,
    /// The failure may mend itself.
    pub temporary: bool,
}

/// Sends a real test message through one channel, or through all, one after the other. It does not go through the outbox: the answer is
/// wanted now. Where a page would stay open, it is closed again.
///
/// # Errors
/// [`AppError::Refused`] when there is no such channel, or none at all.
pub async fn test(app: &App, only: Option<&NotifierName>) -> Result<Vec<Tested>, AppError> {
    let wanted: Vec<_> = app.notifiers.iter().filter(|n| only.is_none_or(|name| n.name() == name)).collect();
    if wanted.is_empty() {
        let (what, remedy) = match only {
            Some(name) => (format!("the ledger has no notifier `{name}`"), "`guard notify list` shows them"),
            None => ("the ledger has no notifier".to_owned(), "add a [[notifier]]; docs/notifiers.md shows each kind"),
        };
        return Err(AppError::Refused { what, remedy: remedy.to_owned() });
    }
    let mut tested = Vec::new();
    for notifier in wanted {
        let settings = app.ledger.notifiers.iter().find(|s| &s.name == notifier.name());
        let mut message = message(app, notifier.name());
        let mut outcome = send(notifier.as_ref(), &message).await;
        if outcome.is_ok() && settings.is_some_and(|s| s.kind.keeps_open()) {
            message.opened_by = Some(message.notice.clone());
            message.phase = Phase::Ends;
            outcome =
                send(notifier.as_ref(), &message).await.map(|answer| format!("{answer} (opened and closed again)"));
        }
        let (delivered, answer, temporary) = match outcome {
            Ok(answer) => (true, answer, false),
            Err(NotifyError::Later { why, .. }) => (false, why, true),
            Err(NotifyError::Never(why)) => (false, why, false),
        };
        let kind = settings.map_or("unknown", |s| s.kind.as_str());
        tested.push(Tested { name: notifier.name().clone(), kind, delivered, answer, temporary });
    }
    Ok(tested)
}

async fn send(notifier: &dyn crate::ports::Notifier, message: &Message) -> Result<String, NotifyError> {
    match tokio::time::timeout(BOUND, notifier.notify(message)).await {
        Ok(sent) => sent.map(|delivery| delivery.answer),
        Err(_) => Err(NotifyError::Later { why: format!("no answer within {} s", BOUND.as_secs()), after: None }),
    }
}

fn message(app: &App, name: &NotifierName) -> Message {
    let at = app.clock.now();
    Message::of(Notice {
        dedup: format!("test/{name}/{}", rfc3339(at)),
        event: "notify.test".to_owned(),
        severity: Severity::Info,
        at,
        workspace: None,
        key: None,
        incident: None,
        summary: format!("This is a test of guard's channel `{name}`. Nothing has happened."),
        detail: "Somebody ran `guard notify test`. Real notices look like this one.".to_owned(),
        evidence_head: None,
    })
}
