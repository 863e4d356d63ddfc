//! How rotations, revocations and trips went so far.

use super::{App, AppError};
use crate::domain::ids::WorkspaceName;
use crate::domain::rotation::Tally;
use crate::domain::time::Timestamp;

/// The figures of each workspace (or of one) since then, each for itself: a journal that cannot be read hides no other.
pub fn report(
    app: &App,
    only: Option<&WorkspaceName>,
    since: Option<Timestamp>,
) -> Vec<(WorkspaceName, Result<Tally, AppError>)> {
    let names = app.ledger.workspaces.iter().map(|w| &w.name).filter(|name| only.is_none_or(|o| o == *name));
    let tally = |name: &WorkspaceName| {
        let recorded = app.journal.events(name)?;
        Ok(Tally::of(recorded.iter().map(|r| (r.at, &r.event)), since))
    };
    names.map(|name| (name.clone(), tally(name))).collect()
}
