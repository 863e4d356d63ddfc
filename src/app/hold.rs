//! A global stop of guard itself: a person keeps it from acting by itself for a while, everybody sees it, and it ends by itself.
//!
//! On hold no rule stops a key and no rotation begins or goes on. What a trip owes goes on all the same: a key that is to
//! be dead is not left alive. What a person orders (`guard trip`, `guard rearm`) is done.

use std::time::Duration;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{App, AppError, custody};
use crate::domain::ids::WorkspaceName;
use crate::domain::notice::{Notice, Severity};
use crate::domain::rotation::{Custody, Standing};
use crate::domain::time::{Timestamp, rfc3339};
use crate::ports::{EvidenceDraft, GateState, StoreError};

const STATE: &str = "hold";

/// How long a hold lasts when nobody says how long.
pub const USUAL: Duration = Duration::from_secs(4 * 3600);
/// The longest hold: a forgotten one must not leave the keys unguarded for ever.
pub const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);
/// How often people are reminded that guard is on hold.
const REMIND_EVERY: TimeDelta = TimeDelta::hours(1);

/// A hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Since when.
    pub since: Timestamp,
    /// Until when. There is no hold without an end.
    pub until: Timestamp,
    /// Why.
    pub reason: String,
    /// Who wanted it.
    pub by: String,
}

impl std::fmt::Display for Hold {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({}, until {})", self.reason, self.by, rfc3339(self.until))
    }
}

/// The hold that keeps guard from acting now. One that cannot be read does not: the keys stay guarded.
pub fn current(app: &App) -> Option<Hold> {
    match stored(app) {
        Ok(hold) => hold.filter(|hold| app.clock.now() < hold.until),
        Err(error) => {
            tracing::warn!(%error, "whether guard is on hold cannot be read; it acts");
            None
        }
    }
}

/// Refuses what guard does not do on hold.
///
/// # Errors
/// [`AppError::Refused`] with who holds guard, why, and how it ends.
pub fn refuse(app: &App, what: &str) -> Result<(), AppError> {
    match current(app) {
        None => Ok(()),
        Some(hold) => Err(AppError::Refused {
            what: format!("guard is on hold, so {what}: {hold}"),
            remedy: "`guard hold --release` ends it".to_owned(),
        }),
    }
}

/// Whether a workspace is driven on although guard is on hold: a trip is not seen through yet, or its gate is closed and may
/// know of one that the journal does not.
pub(super) fn owes_a_trip(app: &App, name: &WorkspaceName) -> bool {
    let owes = |custody: Custody| {
        custody.latch().is_some() || custody.keys().values().any(|key| key.tripped && key.standing != Standing::Dead)
    };
    matches!(app.gate.read(name), GateState::Closed { .. }) || custody::load(app, name).is_ok_and(owes)
}

/// Puts guard on hold, or changes the hold that is there.
///
/// # Errors
/// [`AppError::Refused`] when it is to last longer than [`LONGEST`], or no time at all; nothing was changed.
pub fn begin(app: &App, lasting: Duration, reason: &str) -> Result<Hold, AppError> {
    if lasting > LONGEST || lasting.is_zero() {
        return Err(AppError::Refused {
            what: "a hold lasts at most 7 days".to_owned(),
            remedy: "choose an earlier end; it can be prolonged before it is over".to_owned(),
        });
    }
    let now = app.clock.now();
    let until = now + TimeDelta::from_std(lasting).unwrap_or(TimeDelta::hours(4));
    let hold = Hold { since: now, until, reason: reason.to_owned(), by: app.actor.clone() };
    record(app, now, "hold.begun", &hold)?;
    save(app, Some(&hold))?;
    let detail = "Until then rules stop no key and no rotation goes on; verdicts are told all the same, and what a trip \
                  owes is done. `guard trip` works, and `guard hold --release` ends it.";
    tell(app, "hold.begun", Severity::Warning, &hold, now, format!("guard is on hold: {hold}"), detail);
    Ok(hold)
}

/// Ends the hold.
///
/// # Errors
/// [`AppError::Refused`] when there is none.
pub fn release(app: &App) -> Result<Hold, AppError> {
    let now = app.clock.now();
    let Some(hold) = stored(app)?.filter(|hold| now < hold.until) else {
        return Err(AppError::Refused {
            what: "guard is not on hold".to_owned(),
            remedy: "`guard status` shows what keeps it from acting, if anything does".to_owned(),
        });
    };
    record(app, now, "hold.released", &hold)?;
    save(app, None)?;
    tell(app, "hold.ended", Severity::Notice, &hold, now, format!("guard acts again: {} released it", app.actor), "");
    Ok(hold)
}

/// Reminds people of a hold, and says when one has ended by itself.
pub fn remind(app: &App) {
    let now = app.clock.now();
    let Ok(Some(hold)) = stored(app) else { return };
    if now < hold.until {
        let since = now - hold.since;
        if since >= REMIND_EVERY {
            let summary = format!("guard is still on hold: {hold}");
            let number = since.num_seconds() / REMIND_EVERY.num_seconds();
            tell(app, &format!("hold.reminder/{number}"), Severity::Warning, &hold, now, summary, "");
        }
        return;
    }
    let ended = record(app, now, "hold.expired", &hold).and_then(|()| save(app, None));
    match ended {
        Ok(()) => {
            let summary = "guard acts again: the hold ended by itself".to_owned();
            tell(app, "hold.ended", Severity::Notice, &hold, now, summary, "");
        }
        Err(error) => tracing::warn!(%error, "the end of a hold could not be written down; guard acts all the same"),
    }
}

fn stored(app: &App) -> Result<Option<Hold>, StoreError> {
    let Some(value) = app.watch_state.load_state(STATE)? else { return Ok(None) };
    serde_json::from_value(value).map_err(|error| StoreError::Damaged(format!("the hold: {error}")))
}

fn save(app: &App, hold: Option<&Hold>) -> Result<(), AppError> {
    let value = serde_json::to_value(hold).map_err(|error| StoreError::Io(error.to_string()))?;
    Ok(app.watch_state.save_states(&[(STATE.to_owned(), value)])?)
}

fn record(app: &App, now: Timestamp, kind: &str, hold: &Hold) -> Result<(), AppError> {
    let draft = EvidenceDraft {
        actor: app.actor.clone(),
        kind: kind.to_owned(),
        subject: "guard".to_owned(),
        detail: json!({
            "since": rfc3339(hold.since), "until": rfc3339(hold.until), "reason": hold.reason, "by": hold.by,
        }),
    };
    Ok(app.evidence.append_evidence(now, &[draft])?)
}

fn tell(app: &App, event: &str, severity: Severity, hold: &Hold, at: Timestamp, summary: String, detail: &str) {
    let notice = Notice {
        dedup: format!("hold/{}/{event}", rfc3339(hold.since)),
        event: event.split('/').next().unwrap_or(event).to_owned(),
        severity,
        at,
        workspace: None,
        key: None,
        incident: None,
        summary,
        detail: detail.to_owned(),
        evidence_head: None,
    };
    if let Err(error) = app.outbox.enqueue(&[notice]) {
        tracing::error!(%error, "a notice of the hold could not be queued");
    }
}
