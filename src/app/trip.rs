//! Stopping keys: the most local and most certain step first, and none waits for another.

use std::path::PathBuf;

use serde::Serialize;
use serde_json::Value;

use super::drive::find;
use super::together::together;
use super::{App, AppError};
use crate::domain::ids::{IncidentId, KeyId, WorkspaceName};
use crate::domain::ledger::{TripMode, Workspace};
use crate::domain::rotation::Outcome;

mod course;
mod unrecorded;

use course::Trip;
pub use unrecorded::{Ending, KillSwitch, Unrecorded, trip_unrecorded};

/// A wish to stop a workspace's keys.
#[derive(Debug, Clone, PartialEq)]
pub struct TripRequest {
    /// Whose.
    pub workspace: WorkspaceName,
    /// Which key; `None`: every deployed one.
    pub key: Option<KeyId>,
    /// On what grounds.
    pub cause: TripCause,
}

/// The grounds of a trip.
#[derive(Debug, Clone, PartialEq)]
pub struct TripCause {
    /// The rule's name.
    pub rule: String,
    /// Why, in one sentence.
    pub sentence: String,
    /// The figures that the sentence stands on.
    pub figures: Value,
    /// A person did it: the policy's mode and the cap on kills do not apply.
    pub by_person: bool,
}

/// What a trip came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TripReport {
    /// Whose.
    pub workspace: WorkspaceName,
    /// The incident; `None` when guard only observes, or nothing could be written down.
    pub incident: Option<IncidentId>,
    /// How far it went.
    pub mode: TripMode,
    /// More keys were killed in the last hour than the organization allows, so that a person must decide about this one.
    pub escalated: bool,
    /// The same keys are stopped by an earlier incident already.
    pub repeated: bool,
    /// The gate is closed.
    pub gate_closed: bool,
    /// The keys and how far their deactivation is.
    pub keys: Vec<KilledKey>,
    /// The standby that took over.
    pub promoted: Option<KeyId>,
    /// The policy opened the gate again, with that standby.
    pub reopened: bool,
    /// Where the incident's bundle is.
    pub bundle: Option<PathBuf>,
    /// What did not succeed. Whatever is owed is retried by every tick.
    pub troubles: Vec<String>,
}

/// A key that a trip stops.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KilledKey {
    /// Which.
    pub key: KeyId,
    /// Proven dead.
    pub dead: bool,
    /// Seconds from the first request until it was refused.
    pub effective_seconds: Option<u64>,
}

/// Stops keys as far as the policy lets the cause go. The gate closes first; then the keys are deactivated, the trip is
/// written down, the death is proven, people are told, and a standby is promoted. No step waits for another's success.
///
/// # Errors
/// [`AppError::Refused`] when the workspace or the key is none of guard's; nothing was changed. Every other trouble is in the
/// report.
pub async fn trip(app: &App, request: &TripRequest) -> Result<TripReport, AppError> {
    let workspace = find(app, &request.workspace)?;
    trip_as(app, request, mode(workspace, request)).await
}

/// Several trips, each as [`trip`]. All keys are stopped before any trip is seen through, and then side by side, so that slow
/// proofs, consumers and programs of one workspace do not keep another one's leaked key alive.
pub async fn trip_all(app: &App, requests: &[TripRequest]) -> Vec<Result<TripReport, AppError>> {
    let mut begun = Vec::new();
    for request in requests {
        // One after the other, so that each counts towards the cap on kills before the next one is judged.
        begun.push(match find(app, &request.workspace) {
            Ok(workspace) => begin(app, workspace, request, mode(workspace, request)).await,
            Err(error) => Err(error),
        });
    }
    together(begun.into_iter().map(async |trip| Ok(see_through(trip?).await))).await
}

/// The same, going exactly as far as `mode` says (past the cap on kills it goes no further than the gate).
///
/// # Errors
/// As [`trip`].
pub async fn trip_as(app: &App, request: &TripRequest, mode: TripMode) -> Result<TripReport, AppError> {
    Ok(see_through(begin(app, find(app, &request.workspace)?, request, mode).await?).await)
}

const fn mode(workspace: &Workspace, request: &TripRequest) -> TripMode {
    if request.cause.by_person { TripMode::Kill } else { workspace.trip.mode }
}

/// What stops the keys, and the record of it.
async fn begin<'a>(
    app: &'a App,
    workspace: &'a Workspace,
    request: &'a TripRequest,
    mode: TripMode,
) -> Result<Trip<'a>, AppError> {
    let mut trip = Trip::new(app, workspace, request, mode)?;
    match trip.report.mode {
        TripMode::Observe => trip.observe(),
        TripMode::Gate | TripMode::Kill if trip.report.repeated => {}
        TripMode::Gate | TripMode::Kill => {
            trip.close_gate();
            let outcomes = trip.kill().await;
            trip.write_down(&outcomes);
            trip.in_doubt = outcomes.iter().any(|(_, outcome)| *outcome != Outcome::Done);
        }
    }
    Ok(trip)
}

/// The rest: proof of death, promotion, the gate.
async fn see_through(mut trip: Trip<'_>) -> TripReport {
    match trip.report.mode {
        TripMode::Observe => {}
        _ if trip.report.incident.is_some() => {
            if trip.in_doubt {
                // A provider in trouble takes minutes to say so again; people hear of the trip before.
                trip.tell_now().await;
            }
            trip.finish().await;
            if !trip.report.repeated {
                trip.sign();
                trip.keep_bundle();
            }
        }
        TripMode::Gate | TripMode::Kill => {
            trip.announce_unwritten();
            trip.prove_unwritten().await;
        }
    }
    trip.report
}

/// What a trip would do: the keys it would stop and how far it would go. Nothing is changed.
///
/// # Errors
/// As [`trip`].
pub fn dry_run(app: &App, request: &TripRequest, mode: TripMode) -> Result<TripReport, AppError> {
    Ok(Trip::new(app, find(app, &request.workspace)?, request, mode)?.report)
}
