//! Delivers what people are to be told: at least once, retried, one broken channel reported on the others. Nothing waits
//! for it; whatever is not delivered stays in the outbox.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use tokio::task::JoinSet;

mod group;
mod route;

use group::Sending;
use route::{Judge, Verdict};

use super::silence::{self, Silence};
use super::{App, AppError};
use crate::domain::ids::NotifierName;
use crate::domain::ledger::NotifierSettings;
use crate::domain::message::{Message, Phase};
use crate::domain::notice::{Notice, Severity};
use crate::domain::redact::printable;
use crate::domain::time::Timestamp;
use crate::ports::{Notifier, NotifyError, OutboxEntry, Outcome, StoreError};

/// The most that one delivery may take. Real time, also where the clock is virtual: the other side is real.
const BOUND: Duration = Duration::from_secs(10);
/// Pauses after the first, second, … failure, in seconds; the last one repeats.
const PAUSES: [u64; 8] = [30, 60, 120, 300, 600, 1200, 1800, 3600];
/// The longest that a channel's own wish for a pause is honoured.
const LONGEST_WISH: Duration = Duration::from_secs(3600);
/// A notice older than this is not worth another attempt.
const TOO_OLD: TimeDelta = TimeDelta::days(7);
/// What is settled is forgotten after this long.
const KEPT: TimeDelta = TimeDelta::days(90);
/// So many failures in a row make a failing channel worth a notice on the others (about eight minutes).
const REPORTED_AFTER: u32 = 4;
/// The most messages to one channel in one round, so that a round ends.
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
    let now = app.clock.now();
    app.outbox.prune(now - KEPT)?;
    // A silence that cannot be read silences nothing.
    let silences = Arc::new(silence::current(app, now).unwrap_or_default());
    let due = app.outbox.due(&names, now)?;
    let mut rounds = JoinSet::new();
    for notifier in &app.notifiers {
        let entries: Vec<OutboxEntry> = due.iter().filter(|e| &e.notifier == notifier.name()).cloned().collect();
        rounds.spawn(deliver_to(app.clone(), Arc::clone(notifier), Arc::clone(&silences), entries));
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
    silences: Arc<Vec<Silence>>,
    entries: Vec<OutboxEntry>,
) -> Result<OutboxReport, StoreError> {
    let name = notifier.name().clone();
    let ledger = Arc::clone(&app.ledger);
    let settings = ledger.notifiers.iter().find(|settings| settings.name == name);
    let mut report = OutboxReport::default();
    for sending in plan(&app, settings, &silences, entries)? {
        let (ids, Some(first)) = (sending.ids(), sending.first()) else { continue };
        // Counted in notices, which is what waits.
        let count = u32::try_from(ids.len()).unwrap_or(u32::MAX);
        let outcome = tokio::time::timeout(BOUND, notifier.notify(&sending.message)).await.unwrap_or_else(|_| {
            Err(NotifyError::Later { why: format!("no answer within {} s", BOUND.as_secs()), after: None })
        });
        let now = app.clock.now();
        match outcome {
            Ok(delivery) => {
                let again = settings.and_then(|settings| repetition(settings, &sending.message, now));
                let outcome = Outcome::Told { answer: &delivery.answer, thread: &sending.message.thread, again };
                app.outbox.settle(&ids, now, &outcome)?;
                report.delivered += count;
            }
            Err(NotifyError::Later { why, after }) => {
                let next = next_attempt(first, now, after);
                app.outbox.settle(&ids, now, &Outcome::Failed { why: &why, next })?;
                *(if next.is_some() { &mut report.postponed } else { &mut report.given_up }) += count;
                if next.is_none() || first.attempts + 1 == REPORTED_AFTER {
                    app.outbox.enqueue(&[channel_failed(&name, &why, now)])?;
                }
                report.failures.push((name, why));
                break;
            }
            Err(NotifyError::Never(why)) => {
                app.outbox.settle(&ids, now, &Outcome::Failed { why: &why, next: None })?;
                report.given_up += count;
                app.outbox.enqueue(&[channel_failed(&name, &why, now)])?;
                report.failures.push((name.clone(), why));
            }
        }
    }
    Ok(report)
}

/// What is to be said on this channel now, the most severe first. Entries that need not be told, or not yet, are settled.
fn plan(
    app: &App,
    settings: Option<&NotifierSettings>,
    silences: &[Silence],
    entries: Vec<OutboxEntry>,
) -> Result<Vec<Sending>, StoreError> {
    let now = app.clock.now();
    let judge = Judge { app, settings, silences, now };
    let mut single = Vec::new();
    for entry in entries {
        match judge.judge(&entry)? {
            Verdict::Say(message) => single.push(Sending::one(entry, *message)),
            Verdict::Skip(why) => app.outbox.settle(&[entry.id], now, &Outcome::Skipped { why: &why })?,
            Verdict::Hold(until) => app.outbox.settle(&[entry.id], now, &Outcome::Held { until })?,
        }
    }
    let (for_people, keeps_open) = settings.map_or((false, false), |s| (s.kind.for_people(), s.kind.keeps_open()));
    let mut sendings = if for_people {
        group::grouped(single, keeps_open)
    } else {
        single.sort_by_key(|s| (std::cmp::Reverse(s.message.notice.severity), s.first().map(|entry| entry.id)));
        single
    };
    sendings.truncate(ROUND);
    Ok(sendings)
}

/// When a critical matter is to be told again, if nobody acknowledges it until then.
fn repetition(settings: &NotifierSettings, message: &Message, now: Timestamp) -> Option<Timestamp> {
    let lasts = message.phase == Phase::Begins && message.notice.severity == Severity::Critical;
    let pause = TimeDelta::from_std(settings.route.repeat.filter(|_| lasts)?).ok()?;
    (now - message.notice.at <= TOO_OLD).then_some(now + pause)
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
