//! What polls remember.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::caps::{Passed, Sums};
use crate::app::watched::{self, Watched};
use crate::app::{App, AppError};
use crate::domain::ids::{Principal, WorkspaceName};
use crate::domain::time::{Minute, Timestamp};
use crate::ports::StoreError;

/// What polls remember beside the principals.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct PollState {
    pub(super) watermark: Option<Minute>,
    /// The first minute that was ever read: since then, silence is known to be silence.
    pub(super) since: Option<Minute>,
    /// When the feed was last read to its end: what `guard exec` and `guard check` look at.
    pub(super) last_good: Option<Timestamp>,
    /// Principals that the last poll looked at: a restatement may take their usage away.
    pub(super) looked_at: Vec<Principal>,
    /// What each principal of a workspace with caps has spent, and as of when.
    pub(super) spent: BTreeMap<WorkspaceName, Sums>,
    /// Models without a price that people were told of.
    pub(super) unpriced: BTreeSet<String>,
    /// Caps that were found passed lately.
    pub(super) passed: BTreeMap<WorkspaceName, Vec<Passed>>,
}

/// What people have accepted, by the name of a principal's state. It is written down apart from that state, because a poll that runs
/// at the same time writes the state as it read it; the next poll then sees that it has not been done yet.
const ACCEPTED: &str = "accepted";

/// When a person last accepted each principal's past.
///
/// # Errors
/// The store's.
pub fn accepted(app: &App) -> Result<BTreeMap<String, Timestamp>, AppError> {
    Ok(load(app, ACCEPTED)?.unwrap_or_default())
}

/// Everything that these principals used so far teaches their baselines from now on.
///
/// # Errors
/// The store's.
pub fn accept(app: &App, principals: &[Principal], at: Timestamp) -> Result<(), AppError> {
    let mut orders = accepted(app)?;
    let mut states = Vec::new();
    for principal in principals {
        let name = watched::state_name(principal);
        if let Some(mut watched) = load::<Watched>(app, &name)? {
            watched.accept(at)?;
            states.push((name.clone(), watched));
        }
        orders.insert(name, at);
    }
    save(app, &[(ACCEPTED.to_owned(), &orders)])?;
    save(app, &states)
}

/// What is known of a principal.
///
/// # Errors
/// The store's.
pub fn state_of(app: &App, principal: &Principal) -> Result<Option<Watched>, AppError> {
    load(app, &watched::state_name(principal))
}

pub(super) fn load<T: for<'de> Deserialize<'de>>(app: &App, name: &str) -> Result<Option<T>, AppError> {
    let Some(value) = app.watch_state.load_state(name)? else { return Ok(None) };
    let damaged = |error: serde_json::Error| StoreError::Damaged(format!("watch state `{name}`: {error}"));
    Ok(Some(serde_json::from_value(value).map_err(damaged)?))
}

pub(super) fn save<T: Serialize>(app: &App, states: &[(String, T)]) -> Result<(), AppError> {
    let values = states
        .iter()
        .map(|(name, state)| Ok((name.clone(), serde_json::to_value(state)?)))
        .collect::<Result<Vec<_>, serde_json::Error>>()
        .map_err(|error| AppError::Bug(format!("watch state could not be written as JSON: {error}")))?;
    Ok(app.watch_state.save_states(&values)?)
}
