use std::collections::{BTreeMap, BTreeSet};

use chrono::{NaiveDateTime, TimeDelta};
use serde_json::Value;

use super::timeline::{self, Course};
use crate::app::{App, AppError, custody};
use crate::domain::ids::{KeyId, Principal};
use crate::domain::incident::{
    Band, BreakdownLine, Cause, Charge, Failover, Figure, Hidden, Hint, Horizon, IncidentReport, Involved, Life,
    LifeState, Loss, Moments, Part, RedactedLedger, Standing, USUAL_DAYS, UsageSeries, usual,
};
use crate::domain::key::KeyStatus;
use crate::domain::ledger::{FailoverPolicy, Workspace};
use crate::domain::money::UsdMicros;
use crate::domain::rotation::{Custody, Standing as KeyStanding};
use crate::domain::time::{Minute, Timestamp};
use crate::domain::usage::{Tokens, UsageRow};

/// What is shown before the abuse began, or before the trip when its beginning is not known.
const BEFORE: i64 = 90;

/// What is shown after the end of what happened.
const AFTER: i64 = 30;

/// How long nobody would have noticed: the assumption behind "without the kill".
const UNNOTICED: TimeDelta = TimeDelta::hours(8);

const DAY: i64 = 1440;

/// Everything that is known of an incident now, from the store alone.
///
/// # Errors
/// The store's.
pub fn report(app: &App, workspace: &Workspace, life: &Life) -> Result<IncidentReport, AppError> {
    let now = app.clock.now();
    let custody = custody::load(app, &workspace.name)?;
    let judged = onset(&life.trip.figures);
    let mut moments = life.moments;
    let stopped = moments.dead.unwrap_or(now);
    let from = judged.unwrap_or_else(|| Minute::containing(moments.detected)).plus(-BEFORE);
    let until = Minute::containing(now).plus(1).min(Minute::containing(last_moment(&moments)).plus(AFTER));
    let since = from.plus(-USUAL_DAYS * DAY);
    let rows = rows(app, &about(&custody, life), since, until)?;
    let habit = rows_of_habit(app, &custody, life, since, until)?;
    let usual = usual(&costs(app, &habit), judged.unwrap_or_else(|| Minute::containing(moments.detected)), from, until);
    let mut usage = series(app, &rows, usual, from, until);
    let onset = judged.map(|judged| first_unusual(&usage, judged));
    moments.onset = onset.map(Minute::start);
    // By the lag that the ledger declares; when the report really showed it is not kept.
    usage.hidden.extend(moments.onset.map(|began| {
        let lag = TimeDelta::from_std(app.ledger.provider.feed_lag).unwrap_or(TimeDelta::zero());
        Hidden { from: began, until: (began + lag).min(moments.detected).max(began) }
    }));
    let Course { timeline, provider_responses, evidence } = timeline::course(app, workspace, &custody, life)?;
    Ok(IncidentReport {
        incident: life.trip.incident,
        workspace: workspace.name.clone(),
        workspace_id: Some(workspace.id.clone()),
        environment: workspace.environment.clone(),
        standing: standing(life.state()),
        generated_at: now,
        guard_version: env!("CARGO_PKG_VERSION").to_owned(),
        involved: involved(&custody, life),
        cause: cause(life),
        loss: loss(&usage, onset, stopped, workspace.acceptable_loss),
        breakdown: breakdown(app, workspace, &rows, onset.unwrap_or(from), until),
        timeline,
        provider_responses,
        runs: app.runs.runs(&workspace.name, onset.unwrap_or(from).start(), until.start())?,
        evidence,
        ledger: RedactedLedger::of(&app.ledger_text),
        failover: failover(workspace, &custody, life),
        open_questions: questions(life, &custody, onset),
        usage,
        moments,
    })
}

const fn standing(state: LifeState) -> Standing {
    match state {
        LifeState::Simulated => Standing::Simulated,
        LifeState::Suspected | LifeState::Confirmed | LifeState::Killing => Standing::Acting,
        LifeState::GateClosed | LifeState::ProvenDead | LifeState::FailedOver | LifeState::Contained => {
            Standing::Contained
        }
        LifeState::Resolved => Standing::Resolved,
    }
}

/// The first abnormal minute, which rules write among their figures; a person does not say one.
fn onset(figures: &Value) -> Option<Minute> {
    let text = figures["since"].as_str()?;
    NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%MZ").ok().map(|at| Minute::containing(at.and_utc()))
}

/// A rule may judge later than the abuse began (a cap is passed at its end): the first minute of the hour before that cost more
/// than it ever does at that time. Without a baseline the rule's word counts.
fn first_unusual(usage: &UsageSeries, judged: Minute) -> Minute {
    let mut costs: BTreeMap<Minute, UsdMicros> = BTreeMap::new();
    for charge in &usage.charges {
        *costs.entry(charge.minute).or_default() += charge.cost;
    }
    let unusual = |(minute, cost): (&Minute, &UsdMicros)| {
        usage.band(*minute).is_some_and(|band| *cost > band.upper).then_some(*minute)
    };
    costs.range(judged.plus(-60)..judged).find_map(unusual).unwrap_or(judged)
}

fn last_moment(moments: &Moments) -> Timestamp {
    moments.steps().last().map_or(moments.detected, |(_, at)| *at)
}

/// The keys that the incident is about; all that guard has when none was stopped.
fn about(custody: &Custody, life: &Life) -> BTreeSet<KeyId> {
    if life.trip.keys.is_empty() { custody.keys().keys().cloned().collect() } else { life.trip.keys.clone() }
}

fn rows(app: &App, keys: &BTreeSet<KeyId>, from: Minute, until: Minute) -> Result<Vec<UsageRow>, AppError> {
    let mut rows = Vec::new();
    for key in keys {
        rows.extend(app.usage.usage(Some(&Principal::Key(key.clone())), from, until)?);
    }
    rows.sort_by_key(|row| row.minute);
    Ok(rows)
}

/// The usage that says what is usual. The work goes on when its key is replaced, so that a key in use is measured by all that were;
/// one that nobody ever was to use has no habit but its own.
fn rows_of_habit(
    app: &App,
    custody: &Custody,
    life: &Life,
    from: Minute,
    until: Minute,
) -> Result<Vec<UsageRow>, AppError> {
    let in_use = |key: &&KeyId| custody.key(key).is_some_and(|record| record.deployed_at.is_some());
    let mut keys = about(custody, life);
    if keys.iter().any(|key| in_use(&key)) {
        keys.extend(custody.keys().keys().filter(in_use).cloned());
    }
    rows(app, &keys, from, until)
}

fn costs(app: &App, rows: &[UsageRow]) -> BTreeMap<Minute, UsdMicros> {
    let mut costs = BTreeMap::<Minute, UsdMicros>::new();
    for row in rows {
        *costs.entry(row.minute).or_default() += app.prices.cost(row).amount;
    }
    costs
}

fn series(app: &App, rows: &[UsageRow], bands: Vec<Band>, from: Minute, until: Minute) -> UsageSeries {
    let mut charges = BTreeMap::new();
    for row in rows.iter().filter(|row| row.minute >= from) {
        let sum: &mut (UsdMicros, u64) = charges.entry((row.minute, row.model.clone())).or_default();
        sum.0 += app.prices.cost(row).amount;
        sum.1 = sum.1.saturating_add(row.tokens.total());
    }
    let charge = |((minute, model), (cost, tokens))| Charge { minute, model, cost, tokens };
    UsageSeries { from, until, charges: charges.into_iter().map(charge).collect(), bands, hidden: Vec::new() }
}

/// Above the usual since the abuse began. Where neither its beginning nor the usual is known, nothing is claimed.
fn loss(usage: &UsageSeries, onset: Option<Minute>, stopped: Timestamp, acceptable: Option<UsdMicros>) -> Loss {
    let known = onset.is_some() || !usage.bands.is_empty();
    let from = onset.unwrap_or(usage.from);
    let estimated = if known { usage.above_median(from, usage.until) } else { UsdMicros::ZERO };
    let end = usage.charges.last().map_or(from, |charge| charge.minute).plus(1);
    let start = from.max(end.plus(-60));
    let minutes = end.since(start).max(1);
    let lately = if known { usage.above_median(start, end) } else { UsdMicros::ZERO };
    let horizon = Horizon {
        until: stopped + UNNOTICED,
        because: "8 hours after the kill, had nobody noticed for a night".to_owned(),
    };
    Loss::project(estimated, lately.scale(60.0 / minutes as f64), stopped, horizon, acceptable)
}

fn breakdown(app: &App, workspace: &Workspace, rows: &[UsageRow], onset: Minute, until: Minute) -> Vec<BreakdownLine> {
    let known: BTreeSet<&str> = rows.iter().filter(|r| r.minute < onset).map(|r| r.model.as_str()).collect();
    let mut sums: BTreeMap<(&str, Option<&str>), (Tokens, UsdMicros)> = BTreeMap::new();
    for row in rows.iter().filter(|r| (onset..until).contains(&r.minute)) {
        let sum = sums.entry((&row.model, row.billing.service_tier.as_deref())).or_default();
        sum.0 += row.tokens;
        sum.1 += app.prices.cost(row).amount;
    }
    let day = onset.start().date_naive();
    let mut lines: Vec<_> = sums
        .into_iter()
        .map(|((model, tier), (tokens, cost))| BreakdownLine {
            model: model.to_owned(),
            tier: tier.map(str::to_owned),
            // Without any history nothing is foreign to the key.
            foreign: (!known.is_empty() && !known.contains(model)) || !workspace.models.allows(model, day),
            tokens,
            cost,
        })
        .collect();
    lines.sort_by(|a, b| b.cost.cmp(&a.cost).then_with(|| a.model.cmp(&b.model)));
    lines
}

fn cause(life: &Life) -> Cause {
    let mut figures = Vec::new();
    if let Some(fields) = life.trip.figures.as_object() {
        for (name, value) in fields {
            flatten(name, value, &mut figures);
        }
    }
    if let Some(closing) = &life.closing {
        figures.push(Figure { name: format!("Cause, as {} found", closing.by), value: closing.cause.clone() });
        figures.push(Figure { name: "Lesson".to_owned(), value: closing.lesson.clone() });
    }
    Cause { rule: life.trip.rule.clone(), sentence: life.trip.sentence.clone(), figures }
}

/// `{"a":{"b":1}}` as "a b: 1".
fn flatten(name: &str, value: &Value, figures: &mut Vec<Figure>) {
    let value = match value {
        Value::Null => return,
        Value::Object(fields) => {
            fields.iter().for_each(|(inner, value)| flatten(&format!("{name} {inner}"), value, figures));
            return;
        }
        Value::Array(items) if items.is_empty() => return,
        Value::Array(items) => {
            let words: Vec<String> =
                items.iter().map(|v| v.as_str().map_or_else(|| v.to_string(), str::to_owned)).collect();
            words.join(", ")
        }
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    figures.push(Figure { name: name.replace('_', " "), value });
}

fn hint(custody: &Custody, key: &KeyId) -> Option<Hint> {
    custody.key(key).and_then(|record| record.hint.as_deref()).map(Hint::of)
}

fn involved(custody: &Custody, life: &Life) -> Vec<Involved> {
    let one = |key: &KeyId, part| {
        let dead = custody.key(key).is_some_and(|record| record.standing == KeyStanding::Dead);
        let status = match part {
            Part::Compromised => dead.then_some(KeyStatus::Inactive),
            _ => life.moments.failed_over.map(|_| KeyStatus::Active),
        };
        Involved { principal: Principal::Key(key.clone()), hint: hint(custody, key), part, status }
    };
    let compromised = life.trip.keys.iter().map(|key| one(key, Part::Compromised));
    compromised.chain(life.promoted.iter().map(|key| one(key, Part::Replacement))).collect()
}

fn failover(workspace: &Workspace, custody: &Custody, life: &Life) -> Failover {
    let name = &workspace.name;
    match &life.promoted {
        Some(key) => {
            let hint = hint(custody, key).unwrap_or_else(|| Hint::of("unknown"));
            if life.moments.failed_over.is_some() {
                return Failover::Complete { hint };
            }
            let served = custody.consumers().keys().filter(|consumer| custody.converged(consumer)).count();
            let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
            Failover::Underway { hint, delivered: (count(served), count(workspace.consumers.len())) }
        }
        None => Failover::None {
            remedy: match custody.desired().filter(|key| !life.trip.keys.contains(*key)) {
                Some(_) => "The key in use is not one of the stopped ones; nothing had to take over.".to_owned(),
                None if workspace.failover == FailoverPolicy::Off => {
                    format!(
                        "The ledger says that no standby takes over. Make a key in the Console, then `guard key add -w {name}`."
                    )
                }
                None => {
                    format!("Make a key in the Console in workspace {}, then `guard key add -w {name}`.", workspace.id)
                }
            },
        },
    }
}

fn questions(life: &Life, custody: &Custody, onset: Option<Minute>) -> Vec<String> {
    let mut questions = Vec::new();
    let places = custody.consumers().len();
    if life.closing.is_none() {
        for key in &life.trip.keys {
            let shown = hint(custody, key).map_or_else(|| key.to_string(), |hint| hint.to_string());
            questions.push(format!(
                "From where was key {shown} taken? guard delivers this workspace's key to {places} consumers."
            ));
        }
    }
    if onset.is_none() {
        questions.push("When did the abuse begin? No rule has set a first minute.".to_owned());
    }
    if !life.trip.keys.is_empty() {
        questions.push(
            "Did the usage report show everything by the time of this page? It lags; a later export shows more."
                .to_owned(),
        );
    }
    questions
}
