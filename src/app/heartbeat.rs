//! The dead-man's switch: a sign of life after every cycle in which guard saw and judged, and none otherwise, so that whoever expects it
//! notices when guard is down, blind or cut off.

use std::time::Duration;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use super::poll::PollReport;
use super::trip::TripReport;
use super::{App, AppError};
use crate::domain::time::Timestamp;
use crate::ports::{NotifyError, StoreError};

const STATE: &str = "notify/heartbeat";

/// A sign of life may come a little early, so that a cycle that was a second faster than the last one does not miss its turn.
const EARLY: TimeDelta = TimeDelta::seconds(5);
/// Between two tries while the other side does not answer.
const RETRY: TimeDelta = TimeDelta::seconds(55);
/// The most that one may take.
const BOUND: Duration = Duration::from_secs(10);

/// How it went lately.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Pulse {
    /// When one was last tried.
    pub last_tried: Option<Timestamp>,
    /// When one last arrived, and what the other side answered.
    pub last_good: Option<(Timestamp, String)>,
    /// Why the last one did not arrive, if so.
    pub failing: Option<String>,
}

/// Whether guard saw and judged, and every trip that it wanted could be tried.
pub fn saw_well(poll: &Result<PollReport, AppError>, trips: &[Result<TripReport, AppError>]) -> bool {
    let seen = poll.as_ref().is_ok_and(|report| report.trouble.is_none() && report.blind.is_none());
    seen && trips.iter().all(Result::is_ok)
}

/// What is known of the last sign of life.
///
/// # Errors
/// The store's.
pub fn pulse(app: &App) -> Result<Pulse, StoreError> {
    Ok(app.watch_state.load_state(STATE)?.and_then(|value| serde_json::from_value(value).ok()).unwrap_or_default())
}

/// Sends a sign of life, if one is wanted, due and deserved. Whatever goes wrong is remembered for `guard notify list` and delays nothing:
/// that it does not arrive is what the other side is for.
pub async fn beat(app: &App, deserved: bool) {
    if let Err(error) = try_beat(app, deserved).await {
        tracing::warn!(%error, "the sign of life could not be put on record");
    }
}

async fn try_beat(app: &App, deserved: bool) -> Result<(), StoreError> {
    let (Some(heartbeat), Some(settings), true) = (&app.heartbeat, &app.ledger.heartbeat, deserved) else {
        return Ok(());
    };
    let (now, mut pulse) = (app.clock.now(), pulse(app)?);
    let pause = TimeDelta::from_std(settings.interval).unwrap_or(TimeDelta::MAX) - EARLY;
    let early = pulse.last_good.as_ref().is_some_and(|(at, _)| now - *at < pause);
    let just_tried = pulse.last_tried.is_some_and(|at| now - at < RETRY);
    if early || just_tried {
        return Ok(());
    }
    let head = app.evidence.evidence_head()?.map_or_else(|| "none".to_owned(), |(seq, hash)| format!("{seq}:{hash}"));
    let words = format!("guard {} saw and judged; evidence head {head}\n", env!("CARGO_PKG_VERSION"));
    let sent = tokio::time::timeout(BOUND, heartbeat.beat(&words)).await;
    pulse.last_tried = Some(now);
    match sent {
        Ok(Ok(answer)) => (pulse.last_good, pulse.failing) = (Some((now, answer)), None),
        Ok(Err(NotifyError::Later { why, .. } | NotifyError::Never(why))) => pulse.failing = Some(why),
        Err(_) => pulse.failing = Some(format!("no answer within {} s", BOUND.as_secs())),
    }
    if let Some(why) = &pulse.failing {
        tracing::warn!(%why, "the sign of life did not arrive");
    }
    let value = serde_json::to_value(&pulse).map_err(|error| StoreError::Io(error.to_string()))?;
    app.watch_state.save_states(&[(STATE.to_owned(), value)])
}
