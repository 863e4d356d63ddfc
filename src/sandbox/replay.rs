//! Plays recorded series into the organization's usage: the past at once, the rest as time goes by.

use super::org::Organization;
use super::traffic::{Row, Series};
use super::usage::Spent;
use super::world::{Behaviour, World};
use crate::domain::ids::WorkspaceId;
use crate::domain::time::{Minute, Timestamp};
use crate::domain::usage::{Billing, Tokens};

/// Days of history that a replay begins with: what a detector needs, and a week more.
const HISTORY_DAYS: i64 = 35;

/// A series and how far it has been played.
#[derive(Debug, Clone)]
pub struct Replay {
    series: Series,
    workspace: WorkspaceId,
    played_until: Minute,
}

impl Replay {
    /// Plays `series` in a workspace, from some weeks before `now` on.
    pub fn new(series: Series, workspace: WorkspaceId, now: Timestamp) -> Self {
        Self { series, workspace, played_until: history_start(now) }
    }
}

/// When the history of a replay that starts now begins.
pub fn history_start(now: Timestamp) -> Minute {
    Minute::containing(now).plus(-HISTORY_DAYS * 24 * 60)
}

impl World {
    /// Plays every series up to the last whole minute before `now`.
    pub fn catch_up(&mut self, behaviour: &Behaviour, now: Timestamp) {
        let until = Minute::containing(now);
        let mut replays = std::mem::take(&mut self.replays);
        for replay in replays.iter_mut().filter(|replay| replay.played_until < until) {
            for (minute, row) in replay.series.between(replay.played_until, until) {
                if let Some(spent) = spent(&self.organization, &replay.workspace, row, now) {
                    // It happened somewhere in the minute; the report shows it as if it had ended with it.
                    self.spend_in(behaviour, minute, minute.end(), spent);
                }
            }
            replay.played_until = until;
        }
        self.replays = replays;
    }
}

/// The job behind a series uses the key of its workspace that was activated last, as if it were told of every rotation at
/// once. Without a working key it does nothing.
fn spent(organization: &Organization, workspace: &WorkspaceId, row: &Row, now: Timestamp) -> Option<Spent> {
    let found = organization.workspace(workspace.as_str())?;
    let keys = organization.keys.iter().filter(|key| key.workspace.as_ref() == Some(workspace));
    let key = keys.filter_map(|key| Some((key.working_since(now)?, key))).max_by_key(|(since, _)| *since)?.1;
    Some(Spent {
        key: Some(key.id.clone()),
        workspace: Some(found.id.clone()).filter(|_| !found.is_default),
        service_account: None,
        model: row.model.clone(),
        billing: Billing {
            service_tier: Some("standard".to_owned()),
            context_window: Some("0-200k".to_owned()),
            inference_geo: Some("global".to_owned()),
        },
        tokens: Tokens { uncached_input: row.input, output: row.output, ..Tokens::default() },
    })
}
