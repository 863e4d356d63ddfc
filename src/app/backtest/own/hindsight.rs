//! What change of its policy would have stopped an incident earlier: each is tried on the incident's own data, and on the days before it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::suggest::{LEAST_CEILING, round_up};
use super::{Stage, Suggestion, Value, verdicts};
use crate::app::watched::priced;
use crate::app::{App, AppError, drive, incident, poll, watch};
use crate::domain::ids::{Principal, WorkspaceName};
use crate::domain::incident::Life;
use crate::domain::ledger::{RuleAction, Workspace};
use crate::domain::money::UsdMicros;
use crate::domain::time::{Minute, Timestamp};
use crate::domain::usage::UsageRow;
use crate::domain::watch::{Level, Rule};

/// Days before an incident that a change is tried on.
const DAYS: i64 = 28;
/// With fewer of them nobody knows what a change would stop next.
const LEAST_DAYS: i64 = 7;
/// A ceiling is this many times the most before the incident.
const TIMES_MOST: f64 = 1.5;
/// An acceptable loss is this share of what was lost.
const SHARE_OF_LOSS: f64 = 0.2;

/// What the days up to an incident teach.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Hindsight {
    /// When the abuse began, as far as is known.
    pub onset: Timestamp,
    /// When guard, or a person, decided to stop it.
    pub detected: Timestamp,
    /// Whole days of usage before it, on which changes were tried.
    pub days: i64,
    /// What was spent on the incident's keys from its beginning until then.
    pub lost: UsdMicros,
    /// Changes that would have stopped it earlier and nothing before it, the most saving first.
    pub better: Vec<Better>,
}

/// A change that would have helped.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Better {
    /// The change.
    pub change: Suggestion,
    /// When the trip would have been.
    pub tripped_at: Timestamp,
    /// How much earlier than under the policy as it was.
    pub minutes_earlier: i64,
    /// What would not have been spent.
    pub saved: UsdMicros,
}

impl std::fmt::Display for Better {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} = {}: {} minutes earlier, {} less",
            self.change.path.join("."),
            self.change.value,
            self.minutes_earlier,
            self.saved
        )
    }
}

/// Tries changes of the workspace's policy on what is stored. Nothing is asked of the provider and nothing is changed.
///
/// # Errors
/// The store's.
pub fn hindsight(app: &App, name: &WorkspaceName, life: &Life) -> Result<Hindsight, AppError> {
    let workspace = drive::find(app, name)?;
    let detected = life.moments.detected;
    let onset = incident::report(app, workspace, life)?.moments.onset.unwrap_or(detected);
    let (begun, ended) = (Minute::containing(onset), Minute::containing(detected));
    let newest = ended.min(poll::newest_complete(app, app.clock.now()));
    let mut stage = Stage::set(app, workspace, begun.plus(-DAYS * 1440), newest)?;
    // The poll that decided had seen so much.
    stage.lag = i64::try_from(app.ledger.provider.feed_lag.as_secs().div_ceil(60)).unwrap_or(0);
    let first = stage.pasts.iter().filter_map(|past| past.rows.first()).map(|row| row.minute).min();
    let days = first.map_or(0, |first| begun.since(first).max(0) / 1440);
    let stolen: Vec<UsageRow> =
        stage.pasts.iter().filter(|past| is_of(life, &past.principal)).flat_map(|p| p.rows.clone()).collect();
    let cost = |from: Minute, until: Minute| -> UsdMicros {
        let within = stolen.iter().filter(|row| (from..until).contains(&row.minute));
        within.map(|row| app.prices.cost(row).amount).sum()
    };
    let lost = cost(begun, ended.plus(1));
    let mut found = Hindsight { onset, detected, days, lost, better: Vec::new() };
    if days < LEAST_DAYS {
        return Ok(found);
    }
    let roles = watch::roles(app);
    let variants = variants(&stage, begun, &stolen, lost);
    let false_trips = |stage: &Stage<'_>| {
        let all = verdicts::replay(stage, &roles);
        let trips: Vec<_> = all.into_iter().filter(|verdict| verdict.level == Level::Trip).collect();
        let before = trips.iter().filter(|verdict| verdict.judged_at < onset).count();
        (before, trips.into_iter().find(|verdict| verdict.judged_at >= onset).map(|verdict| verdict.polled_at))
    };
    // As things are, the replay may come to the same end a little earlier than what really happened did.
    let (usual, as_it_was) = false_trips(&stage);
    let reference = as_it_was.map_or(detected, |at| at.min(detected));
    for (change, changed) in &variants {
        stage.workspace = changed;
        let (before, Some(tripped_at)) = false_trips(&stage) else { continue };
        let minutes_earlier = (reference - tripped_at).num_minutes();
        if before <= usual && minutes_earlier > 0 {
            let saved = cost(Minute::containing(tripped_at), Minute::containing(reference).plus(1));
            found.better.push(Better { change: change.clone(), tripped_at, minutes_earlier, saved });
        }
    }
    found.better.sort_by(|a, b| b.saved.cmp(&a.saved).then_with(|| a.tripped_at.cmp(&b.tripped_at)));
    Ok(found)
}

/// Of an incident that stopped no key nobody knows which one it was.
fn is_of(life: &Life, principal: &Principal) -> bool {
    life.trip.keys.is_empty() || principal.key().is_some_and(|key| life.trip.keys.contains(key))
}

/// The changes that are tried, each with the workspace as it would be.
fn variants(stage: &Stage<'_>, begun: Minute, stolen: &[UsageRow], lost: UsdMicros) -> Vec<(Suggestion, Workspace)> {
    let mut variants = Vec::new();
    let mut add = |path: &[&'static str], value: Value, why: String, change: &dyn Fn(&mut Workspace)| {
        let mut changed = stage.workspace.clone();
        change(&mut changed);
        variants.push((Suggestion { path: path.to_vec(), value, why }, changed));
    };
    for (position, (name, width)) in [("minute", 1), ("hour", 60), ("day", 1440)].into_iter().enumerate() {
        let most = most(stage, begun, width);
        let text = round_up((most.dollars() * TIMES_MOST).max(LEAST_CEILING));
        let set = &stage.workspace.ceilings.usd;
        let known = [set.minute, set.hour, set.day][position];
        let Ok(cap) = UsdMicros::parse(&text) else { continue };
        if known.is_none_or(|known| cap < known) {
            let why = format!("no {name} before it cost more than {most}");
            add(&["ceilings", "usd", name], Value::Text(text), why, &|workspace| {
                let usd = &mut workspace.ceilings.usd;
                *[&mut usd.minute, &mut usd.hour, &mut usd.day][position] = Some(cap);
                workspace.watch.rules.insert(Rule::Ceiling.as_str().to_owned(), RuleAction::Trip);
            });
        }
    }
    let text = round_up((lost.dollars() * SHARE_OF_LOSS).max(1.0));
    if let Ok(accepted) = UsdMicros::parse(&text)
        && stage.workspace.acceptable_loss.is_none_or(|known| accepted < known)
    {
        let why = format!("{lost} were spent until it was stopped");
        add(&["acceptable_loss"], Value::Text(text), why, &|workspace| workspace.acceptable_loss = Some(accepted));
    }
    let before = stage.pasts.iter().flat_map(|past| &past.rows).filter(|row| row.minute < begun);
    let usual: BTreeSet<&str> = before.map(|row| row.model.as_str()).collect();
    let foreign = stolen.iter().find(|row| row.minute >= begun && !usual.contains(row.model.as_str()));
    if let (true, Some(foreign)) = (stage.workspace.models.allow.is_empty(), foreign) {
        let models: Vec<String> = usual.into_iter().map(str::to_owned).collect();
        let why = format!("{} was never used before", foreign.model);
        add(&["models", "allow"], Value::List(models.clone()), why, &|workspace| {
            workspace.models.allow.clone_from(&models);
        });
    }
    if !stage.workspace.watch.runs_registered && all_in_runs(stage, begun) {
        let why = "all usage before it lay in recorded runs or schedules".to_owned();
        add(&["watch", "runs_registered"], Value::Flag(true), why, &|workspace| workspace.watch.runs_registered = true);
    }
    variants
}

/// The most that the workspace spent in any window of `width` minutes before the incident.
fn most(stage: &Stage<'_>, begun: Minute, width: i64) -> UsdMicros {
    let mut sums: BTreeMap<i64, UsdMicros> = BTreeMap::new();
    for row in stage.pasts.iter().flat_map(|past| &past.rows).filter(|row| row.minute < begun) {
        *sums.entry(row.minute.epoch().div_euclid(width)).or_default() += stage.app.prices.cost(row).amount;
    }
    sums.into_values().max().unwrap_or_default()
}

fn all_in_runs(stage: &Stage<'_>, begun: Minute) -> bool {
    let Some(explained) = &stage.explained else { return false };
    stage.pasts.iter().all(|past| {
        let alibi = explained.of(&past.rows);
        let minutes = priced(&past.rows, |_| UsdMicros::ZERO);
        minutes.iter().filter(|minute| minute.minute < begun).all(|minute| alibi.explains(minute.minute))
    })
}
