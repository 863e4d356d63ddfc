//! Silences: a person does not want to hear of something for a while, and says why. What is critical is told all the same, unless the
//! person says that they mean that, too.

use std::time::Duration;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{App, AppError};
use crate::domain::ids::{NotifierName, WorkspaceName};
use crate::domain::notice::{Notice, Severity};
use crate::domain::time::{Timestamp, rfc3339};
use crate::ports::{EvidenceDraft, StoreError};

const STATE: &str = "notify/silences";

/// The longest silence.
pub const LONGEST: Duration = Duration::from_secs(30 * 24 * 3600);
/// The longest silence that covers what is critical.
pub const LONGEST_CRITICAL: Duration = Duration::from_secs(24 * 3600);

/// A silence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silence {
    /// Its number.
    pub id: u64,
    /// Only this channel.
    pub channel: Option<NotifierName>,
    /// Only what concerns this workspace.
    pub workspace: Option<WorkspaceName>,
    /// Since when.
    pub since: Timestamp,
    /// Until when. There is no silence without an end.
    pub until: Timestamp,
    /// Why.
    pub reason: String,
    /// Who wanted it.
    pub by: String,
    /// It covers critical notices, too.
    pub even_critical: bool,
}

/// A wish for silence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SilenceRequest {
    /// Only this channel.
    pub channel: Option<NotifierName>,
    /// Only what concerns this workspace.
    pub workspace: Option<WorkspaceName>,
    /// For how long.
    pub lasting: Duration,
    /// Why.
    pub reason: String,
    /// Critical notices, too.
    pub even_critical: bool,
}

impl Silence {
    /// Whether it keeps `channel` from being told of `notice` now.
    pub fn covers(&self, channel: Option<&NotifierName>, notice: &Notice, now: Timestamp) -> bool {
        now < self.until
            && self.channel.as_ref().is_none_or(|own| channel == Some(own))
            && self.workspace.as_ref().is_none_or(|own| notice.workspace.as_ref() == Some(own))
            && (self.even_critical || notice.severity < Severity::Critical)
    }
}

/// The silences that hold now, the oldest first.
///
/// # Errors
/// The store's.
pub fn current(app: &App, now: Timestamp) -> Result<Vec<Silence>, StoreError> {
    let stored = app.watch_state.load_state(STATE)?;
    let all: Vec<Silence> = stored.and_then(|value| serde_json::from_value(value).ok()).unwrap_or_default();
    Ok(all.into_iter().filter(|silence| now < silence.until).collect())
}

/// Begins a silence and puts it on record.
///
/// # Errors
/// [`AppError::Refused`] when it is longer than it may be, or names what the ledger does not have; nothing was changed.
pub fn begin(app: &App, request: SilenceRequest) -> Result<Silence, AppError> {
    let longest = if request.even_critical { LONGEST_CRITICAL } else { LONGEST };
    if request.lasting > longest || request.lasting.is_zero() {
        let what = if request.even_critical { "a silence about critical notices" } else { "a silence" };
        let most = if request.even_critical { "24 hours" } else { "30 days" };
        return Err(AppError::Refused {
            what: format!("{what} lasts at most {most}"),
            remedy: "choose an earlier end; it can be begun again".to_owned(),
        });
    }
    if let Some(channel) = request.channel.as_ref().filter(|c| !app.ledger.notifiers.iter().any(|n| n.name == **c)) {
        return Err(AppError::Refused {
            what: format!("the ledger has no notifier `{channel}`"),
            remedy: "`guard notify list` shows them".to_owned(),
        });
    }
    let now = app.clock.now();
    let mut silences = current(app, now)?;
    let silence = Silence {
        id: next_number(app)?,
        channel: request.channel,
        workspace: request.workspace,
        since: now,
        until: now + TimeDelta::from_std(request.lasting).unwrap_or(TimeDelta::days(1)),
        reason: request.reason,
        by: app.actor.clone(),
        even_critical: request.even_critical,
    };
    record(app, now, "notify.silenced", &silence)?;
    silences.push(silence.clone());
    save(app, &silences)?;
    Ok(silence)
}

/// Ends a silence before its time.
///
/// # Errors
/// [`AppError::Refused`] when there is no such silence.
pub fn end(app: &App, id: u64) -> Result<Silence, AppError> {
    let now = app.clock.now();
    let mut silences = current(app, now)?;
    let Some(position) = silences.iter().position(|silence| silence.id == id) else {
        return Err(AppError::Refused {
            what: format!("there is no silence {id} (any more)"),
            remedy: "`guard notify list` shows those that hold".to_owned(),
        });
    };
    let silence = silences.remove(position);
    record(app, now, "notify.silence_ended", &silence)?;
    save(app, &silences)?;
    Ok(silence)
}

/// Numbers are not used twice, so that a record means one silence.
fn next_number(app: &App) -> Result<u64, AppError> {
    const NUMBER: &str = "notify/silence-number";
    let last = app.watch_state.load_state(NUMBER)?.and_then(|value| value.as_u64()).unwrap_or(0);
    app.watch_state.save_states(&[(NUMBER.to_owned(), json!(last + 1))])?;
    Ok(last + 1)
}

fn save(app: &App, silences: &[Silence]) -> Result<(), AppError> {
    let value = serde_json::to_value(silences).map_err(|error| StoreError::Io(error.to_string()))?;
    Ok(app.watch_state.save_states(&[(STATE.to_owned(), value)])?)
}

fn record(app: &App, now: Timestamp, kind: &str, silence: &Silence) -> Result<(), AppError> {
    let draft = EvidenceDraft {
        actor: app.actor.clone(),
        kind: kind.to_owned(),
        subject: format!("silence {}", silence.id),
        detail: json!({
            "channel": silence.channel, "workspace": silence.workspace, "until": rfc3339(silence.until),
            "reason": silence.reason, "even_critical": silence.even_critical,
        }),
    };
    Ok(app.evidence.append_evidence(now, &[draft])?)
}
