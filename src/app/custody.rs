//! The state of a workspace's keys, from its journal.

use super::{App, AppError};
use crate::domain::ids::WorkspaceName;
use crate::domain::rotation::{Custody, fold};
use crate::ports::StoreError;

/// The state of a workspace's keys: the fold of its journal. A workspace without events has an empty one.
///
/// # Errors
/// The store's, and [`StoreError::Damaged`] when the events do not follow one another; the workspace then stands still until
/// a person has looked, and no other is touched by it.
pub fn load(app: &App, workspace: &WorkspaceName) -> Result<Custody, AppError> {
    let recorded = app.journal.events(workspace)?;
    fold(recorded.iter().map(|r| (r.seq, r.at, &r.event)))
        .map_err(|illegal| StoreError::Damaged(format!("journal of `{workspace}`: {illegal}")).into())
}
