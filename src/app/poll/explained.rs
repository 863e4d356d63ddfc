//! Which minutes jobs explain: runs on record, schedules, and batch results that land after the run that asked for them.

use chrono::TimeDelta;

use super::NEWS;
use crate::app::{App, AppError};
use crate::domain::ledger::Workspace;
use crate::domain::time::Minute;
use crate::domain::usage::UsageRow;
use crate::domain::watch::{Alibi, schedule};

/// When jobs of the workspace ran and when their batches may land; `None` when no records are kept.
pub(crate) struct Explained {
    alibi: Alibi,
    batches: Alibi,
}

/// What was recorded and expected of the workspace's jobs in `from..=newest`; `None` when there is nothing and nothing is promised.
pub(crate) fn explained(
    app: &App,
    workspace: &Workspace,
    from: Minute,
    newest: Minute,
) -> Result<Option<Explained>, AppError> {
    let span = |duration| TimeDelta::from_std(duration).unwrap_or(TimeDelta::zero());
    let (slack, grace) = (span(workspace.watch.run_slack), span(workspace.watch.batch_grace));
    let early = from.plus(-NEWS);
    let runs = app.runs.runs(&workspace.name, early.start() - slack.max(grace), newest.end())?;
    let mut stretches: Vec<(Minute, Minute)> = runs
        .iter()
        .map(|run| (Minute::containing(run.started_at), Minute::containing(run.ended_at.unwrap_or(newest.end()))))
        .collect();
    let scheduled = schedule::expected_runs(&workspace.jobs, early.plus(-grace.num_minutes()), newest);
    let kept = workspace.watch.runs_registered || !stretches.is_empty() || !scheduled.is_empty();
    let slackened = |minutes: i64| stretches.iter().map(move |(first, last)| (*first, last.plus(minutes)));
    let with_grace = slackened(grace.num_minutes())
        .chain(scheduled.iter().map(|(first, last)| (*first, last.plus(grace.num_minutes()))));
    let batches = Alibi::new(with_grace.collect());
    stretches = slackened(slack.num_seconds().div_euclid(60) + i64::from(slack.num_seconds() % 60 != 0)).collect();
    stretches.extend(scheduled);
    Ok(kept.then(|| Explained { alibi: Alibi::new(stretches), batches }))
}

impl Explained {
    /// The same for a principal with these rows (oldest first): minutes that hold nothing but batch results are explained for
    /// longer than the run lasts.
    pub(crate) fn of(&self, rows: &[UsageRow]) -> Alibi {
        let is_batch = |row: &UsageRow| row.billing.service_tier.as_deref() == Some("batch");
        let late = rows
            .chunk_by(|a, b| a.minute == b.minute)
            .filter(|minute| minute.iter().all(is_batch) && self.batches.explains(minute[0].minute))
            .map(|minute| (minute[0].minute, minute[0].minute));
        self.alibi.with(late)
    }
}
