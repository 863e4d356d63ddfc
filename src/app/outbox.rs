//! Delivers what people are to be told: at least once, retried, one broken channel reported on the others. Nothing waits
//! for it; whatever is not delivered stays in the outbox.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use tokio::task::JoinSet;

use super::{App, AppError};
use crate::domain::ids::NotifierName;
use crate::domain::message::Message;
use crate::domain::notice::{Notice, Severity};
use crate::domain::redact::printable;
use crate::domain::time::Timestamp;
use crate::ports::{Notifier, NotifyError, OutboxEntry, StoreError};

/// The most that one delivery may take. Real time, also where the clock is virtual: the other side is real.
const BOUND: Duration = Duration::from_secs(10);
/// Pauses after the first, second, … failure, in seconds; the last one repeats.
const PAUSES: [u64; 8] = [30, 60, 120, 300, 600, 1200, 1800, 3600];
/// The longest that a channel's own wish for a pause is honoured.
const LONGEST_WISH: Duration = Duration::from_secs(3600);
/// A notice older than this is not worth another attempt.
const TOO_OLD: TimeDelta = TimeDelta::days(7);
/// So many failures in a row make a failing channel worth a notice on the others (about eight minutes).
const REPORTED_AFTER: u32 = 4;
/// The most deliveries to one channel in one round, so that a round ends.
const ROUND: usize = 50;
/// The event of notices about broken channels.
const CHANNEL_FAILED: &str = "notifier.failed";

/// What one round of deliveries did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OutboxReport {
    /// Deliveries that were confirmed.
    pub delivered: u32,
    /// Deliveries that are tried again later.
    pub postponed: u32,
    /// Deliveries that are not tried again.
    pub given_up: u32,
    /// Channels that failed in this round, and why.
    pub failures: Vec<(NotifierName, String)>,
}

/// Delivers what is due, all channels at the same time, the most severe first. Without channels nothing is taken from the
/// outbox, so that a channel that is added later still gets it.
///
/// # Errors
/// [`AppError::Store`] when an outcome could not be recorded; that delivery may then happen twice.
pub async fn deliver(app: &App) -> Result<OutboxReport, AppError> {
    let names: Vec<NotifierName> = app.notifiers.iter().map(|n| n.name().clone()).collect();
    if names.is_empty() {
        return Ok(OutboxReport::default());
    }
    let due = app.outbox.due(&names, app.clock.now())?;
    let mut rounds = JoinSet::new();
    for notifier in &app.notifiers {
        let mut entries: Vec<OutboxEntry> = due.iter().filter(|e| &e.notifier == notifier.name()).cloned().collect();
        entries.sort_by_key(|entry| (std::cmp::Reverse(entry.notice.severity), entry.id));
        entries.truncate(ROUND);
        rounds.spawn(deliver_to(app.clone(), Arc::clone(notifier), entries));
    }
    let mut report = OutboxReport::default();
    let mut first_error = None;
    while let Some(round) = rounds.join_next().await {
        match round.map_err(|error| AppError::Bug(format!("a delivery broke off: {error}")))? {
            Ok(one) => report.add(one),
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    report.failures.sort();
    first_error.map_or(Ok(report), |error| Err(error.into()))
}

impl OutboxReport {
    fn add(&mut self, other: Self) {
        self.delivered += other.delivered;
        self.postponed += other.postponed;
        self.given_up += other.given_up;
        self.failures.extend(other.failures);
    }
}

/// One channel's round. It ends at the first failure that time may mend: what is left stays due.
async fn deliver_to(
    app: App,
    notifier: Arc<dyn Notifier>,
    entries: Vec<OutboxEntry>,
) -> Result<OutboxReport, StoreError> {
    let name = notifier.name().clone();
    let mut report = OutboxReport::default();
    for entry in entries {
        if let Some(reason) = not_for(&app, &name, &entry.notice) {
            app.outbox.delivered(entry.id, app.clock.now(), reason)?;
            continue;
        }
        let outcome =
            tokio::time::timeout(BOUND, notifier.notify(&Message::of(entry.notice.clone()))).await.unwrap_or_else(
                |_| Err(NotifyError::Later { why: format!("no answer within {} s", BOUND.as_secs()), after: None }),
            );
        let now = app.clock.now();
        match outcome {
            Ok(delivery) => {
                app.outbox.delivered(entry.id, now, &delivery.answer)?;
                report.delivered += 1;
            }
            Err(NotifyError::Later { why, after }) => {
                let next = next_attempt(&entry, now, after);
                app.outbox.postponed(entry.id, next, &why)?;
                *(if next.is_some() { &mut report.postponed } else { &mut report.given_up }) += 1;
                if next.is_none() || entry.attempts + 1 == REPORTED_AFTER {
                    app.outbox.enqueue(&[channel_failed(&name, &why, now)])?;
                }
                report.failures.push((name, why));
                break;
            }
            Err(NotifyError::Never(why)) => {
                app.outbox.postponed(entry.id, None, &why)?;
                report.given_up += 1;
                app.outbox.enqueue(&[channel_failed(&name, &why, now)])?;
                report.failures.push((name.clone(), why));
            }
        }
    }
    Ok(report)
}

/// Why this channel need not be told, if so.
fn not_for(app: &App, name: &NotifierName, notice: &Notice) -> Option<&'static str> {
    let settings = app.ledger.notifiers.iter().find(|settings| &settings.name == name);
    if settings.is_some_and(|settings| notice.severity < settings.route.at_least) {
        return Some("not sent: less severe than the channel is told");
    }
    let own_failure = notice.event == CHANNEL_FAILED && notice.dedup.starts_with(&failure_id(name));
    own_failure.then_some("not sent: it is about this channel")
}

/// When to try again after a failure at `now`; `None` when the notice is too old.
fn next_attempt(entry: &OutboxEntry, now: Timestamp, wish: Option<Duration>) -> Option<Timestamp> {
    if now - entry.notice.at > TOO_OLD {
        return None;
    }
    let step = usize::try_from(entry.attempts).unwrap_or(usize::MAX).min(PAUSES.len() - 1);
    let pause = Duration::from_secs(PAUSES[step]).max(wish.unwrap_or_default().min(LONGEST_WISH));
    Some(now + pause)
}

fn failure_id(name: &NotifierName) -> String {
    format!("{CHANNEL_FAILED}:{name}:")
}

/// At most one a day and channel.
fn channel_failed(name: &NotifierName, why: &str, now: Timestamp) -> Notice {
    Notice {
        dedup: format!("{}{}", failure_id(name), now.date_naive()),
        event: CHANNEL_FAILED.to_owned(),
        severity: Severity::Warning,
        at: now,
        workspace: None,
        key: None,
        incident: None,
        summary: format!("guard cannot reach people through `{name}`"),
        detail: format!(
            "{}. Mend the channel in the ledger; what could not be delivered stays listed in \
                         `guard status`.",
            printable(why, 300)
        ),
        evidence_head: None,
    }
}
