//! A workspace's own past, replayed through the same code as `guard watch`: what would have tripped, and what thefts at random
//! minutes of it would have cost.

mod hindsight;
mod suggest;
mod thefts;
mod verdicts;

use std::num::NonZeroUsize;

use serde::Serialize;

pub use self::hindsight::{Better, Hindsight, hindsight};
pub use self::suggest::{Proposal, Suggestion, Value};
pub use self::thefts::{Kind, Theft};
pub use self::verdicts::OwnVerdict;
use crate::app::poll::explained::{Explained, explained};
use crate::app::{App, AppError, baseline, custody, drive, poll, watch};
use crate::domain::ids::{Principal, WorkspaceName};
use crate::domain::ledger::{TripMode, Workspace};
use crate::domain::money::UsdMicros;
use crate::domain::time::{Minute, Timestamp};
use crate::domain::usage::UsageRow;
use crate::domain::watch::Level;

/// Thefts are tried on at most so many keys, those with the most usage.
const MOST_KEYS: usize = 50;

/// What to replay.
#[derive(Debug, Clone)]
pub struct Order {
    /// Whose past.
    pub workspace: WorkspaceName,
    /// How many days of it.
    pub days: u32,
    /// How many thefts of each kind are tried on each key.
    pub inject: u32,
    /// What their minutes follow from.
    pub seed: u64,
    /// How many threads; all cores when `None`.
    pub jobs: Option<NonZeroUsize>,
}

/// What the replay showed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Whose past.
    pub workspace: WorkspaceName,
    /// First minute replayed.
    pub from: Timestamp,
    /// End of the replay.
    pub until: Timestamp,
    /// Why the provider could not be asked for what was missing, if so.
    pub trouble: Option<String>,
    /// Keys and other principals with usage.
    pub principals: Vec<Principal>,
    /// What it cost.
    pub spent: UsdMicros,
    /// What would have been said, oldest first.
    pub verdicts: Vec<OwnVerdict>,
    /// How many of them are trips, each of them false unless it was a theft.
    pub trips: usize,
    /// On how many keys thefts were tried.
    pub tried_on: usize,
    /// Thefts by kind.
    pub kinds: Vec<Kind>,
    /// What the owner accepts to lose.
    pub acceptable_loss: Option<UsdMicros>,
    /// How far guard may go today.
    pub mode: TripMode,
    /// What the owner might change.
    pub proposal: Proposal,
}

/// A principal's past.
struct Past {
    principal: Principal,
    rows: Vec<UsageRow>,
}

/// Everything that is needed for the replay of a workspace.
struct Stage<'a> {
    app: &'a App,
    workspace: &'a Workspace,
    from: Minute,
    newest: Minute,
    lag: i64,
    explained: Option<Explained>,
    pasts: Vec<Past>,
}

/// Replays the workspace's past.
///
/// # Errors
/// [`AppError::Refused`] for a workspace that is not in the ledger or has no usage; the store's.
pub async fn run(app: &App, order: &Order) -> Result<Report, AppError> {
    let workspace = drive::find(app, &order.workspace)?;
    let newest = poll::newest_complete(app, app.clock.now());
    let from = newest.plus(-1440 * i64::from(order.days));
    let trouble = poll::fill(app, from, newest).await?.map(|error| error.to_string());
    let stage = Stage::set(app, workspace, from, newest)?;
    if stage.pasts.is_empty() {
        return Err(AppError::Refused {
            what: match &trouble {
                Some(why) => {
                    format!("no usage of `{}` is stored, and the provider did not show any: {why}", workspace.name)
                }
                None => format!("`{}` had no usage in the last {} days", workspace.name, order.days),
            },
            remedy: "`guard backtest --data PATH` replays recorded usage instead; docs/backtest.md has the layout"
                .to_owned(),
        });
    }
    let roles = watch::roles(app);
    let verdicts = verdicts::replay(&stage, &roles);
    let thefts = thefts::run(&stage, order);
    let kinds = thefts::summary(&thefts, workspace.acceptable_loss);
    let trips = verdicts.iter().filter(|v| v.level == Level::Trip).count();
    let standby = custody::load(app, &workspace.name).is_ok_and(|custody| !custody.standbys().is_empty());
    let proposal = suggest::propose(&stage, trips, &kinds, standby);
    Ok(Report {
        workspace: workspace.name.clone(),
        from: from.start(),
        until: newest.end(),
        trouble,
        principals: stage.pasts.iter().map(|past| past.principal.clone()).collect(),
        spent: stage.pasts.iter().flat_map(|past| &past.rows).map(|row| app.prices.cost(row).amount).sum(),
        trips,
        verdicts,
        tried_on: stage.pasts.len().min(MOST_KEYS),
        kinds,
        acceptable_loss: workspace.acceptable_loss,
        mode: workspace.trip.mode,
        proposal,
    })
}

impl<'a> Stage<'a> {
    fn set(app: &'a App, workspace: &'a Workspace, from: Minute, newest: Minute) -> Result<Self, AppError> {
        let mut pasts: Vec<Past> = Vec::new();
        let mut rows = app.usage.usage(None, from, newest.plus(1))?;
        rows.retain(|row| baseline::belongs(row, workspace));
        rows.sort_by(|a, b| a.principal.cmp(&b.principal).then(a.minute.cmp(&b.minute)));
        for row in rows {
            match pasts.last_mut() {
                Some(past) if past.principal == row.principal => past.rows.push(row),
                _ => pasts.push(Past { principal: row.principal.clone(), rows: vec![row] }),
            }
        }
        let lag = Minute::containing(app.clock.now()).since(newest);
        let explained = explained(app, workspace, from, newest)?;
        Ok(Self { app, workspace, from, newest, lag, explained, pasts })
    }
}
