use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;

use super::super::in_parallel;
use super::super::summary::percentile;
use super::{MOST_KEYS, Order, Past, Stage};
use crate::app::watched::priced;
use crate::domain::money::UsdMicros;
use crate::domain::time::{Minute, Timestamp};
use crate::domain::usage::{Billing, Tokens, UsageRow};
use crate::domain::watch::amount;
use crate::domain::watch::dataset::{Rates, TokenRow};
use crate::domain::watch::scenario::{AttackKind, Injection, Seed, attack, habit};
use crate::domain::watch::{Alibi, Detector, KeyRole, Level, Policy, Rule};

/// Days before a theft that only teach, as far as the replay is long enough.
const TEACHING: [i64; 3] = [21, 14, 7];
/// Days that a theft needs at least.
const ROOM: i64 = 3;
/// Days whose mean a theft is a multiple of.
const HABIT_DAYS: i64 = 14;
/// A model that no key has used. A model without a price costs the highest.
const FOREIGN: &str = "a-model-that-was-never-used";

/// One theft that was tried.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Theft {
    /// The kind, `a_spike`, ….
    pub kind: &'static str,
    /// When it began.
    pub from: Timestamp,
    /// What it would have stolen altogether.
    pub stolen: UsdMicros,
    /// The rule that tripped.
    pub rule: Option<Rule>,
    /// Minutes from the first stolen minute (of an incident that is not found by its probe: after the probe) to the poll that tripped.
    pub delay_minutes: Option<i64>,
    /// Minutes to the poll that warned, or tripped.
    pub warn_delay_minutes: Option<i64>,
    /// What was stolen by then; everything when nothing tripped.
    pub loss: UsdMicros,
}

/// All thefts of one kind.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Kind {
    /// The kind, or `all`.
    pub kind: String,
    /// How many.
    pub thefts: usize,
    /// The share that tripped.
    pub tripped: f64,
    /// The share that people were warned of, trips included.
    pub warned: f64,
    /// Minutes until people are warned: median of those that are.
    pub warn_delay_minutes_median: Option<f64>,
    /// Minutes until the trip: median of those that tripped.
    pub delay_minutes_median: Option<f64>,
    /// The same: 95th percentile.
    pub delay_minutes_p95: Option<f64>,
    /// Loss, untripped thefts included: median.
    pub loss_usd_median: Option<f64>,
    /// The same: 95th percentile.
    pub loss_usd_p95: Option<f64>,
    /// The share of thefts whose loss is above what the owner accepts.
    pub above_acceptable: Option<f64>,
}

/// A theft before it is tried.
struct Plan<'p> {
    past: &'p Past,
    kind: AttackKind,
    injection: Injection,
}

/// Tries every kind on the busiest keys.
pub(super) fn run(stage: &Stage<'_>, order: &Order) -> Vec<Theft> {
    let mut busiest: Vec<&Past> = stage.pasts.iter().filter(|past| past.principal.key().is_some()).collect();
    busiest.sort_by_key(|past| std::cmp::Reverse(past.rows.len()));
    busiest.truncate(MOST_KEYS);
    let foreign: Arc<str> = Arc::from(FOREIGN);
    let mut plans = Vec::new();
    for (number, past) in busiest.into_iter().enumerate() {
        let rows: Vec<TokenRow> = past.rows.iter().map(token_row).collect();
        let rates = rates(stage, &rows);
        for turn in 0..order.inject {
            let mut seed = Seed::new(order.seed ^ (number as u64) << 32 ^ u64::from(turn));
            for kind in AttackKind::ALL {
                let Some(at) = moment(stage, &mut seed) else { continue };
                let Some(habit) = habit(&rows, at.plus(-HABIT_DAYS * 1440), at) else { continue };
                let injection = attack(kind, &rows, &habit, at, &foreign, &rates, &mut seed);
                plans.push(Plan { past, kind, injection });
            }
        }
    }
    in_parallel(order.jobs, &plans, |plan| theft(stage, plan)).into_iter().flatten().collect()
}

/// A random minute with enough past before it and enough room after it.
fn moment(stage: &Stage<'_>, seed: &mut Seed) -> Option<Minute> {
    let days = stage.newest.since(stage.from) / 1440;
    let teaching = TEACHING.into_iter().find(|teaching| teaching + 2 * ROOM <= days)?;
    Some(stage.from.plus(seed.pick(teaching * 1440, (days - ROOM) * 1440)))
}

/// Dollars per million tokens of the models in use and of the foreign one.
fn rates(stage: &Stage<'_>, rows: &[TokenRow]) -> Rates {
    let models: BTreeSet<&str> = rows.iter().map(|row| row.model.as_ref()).chain([FOREIGN]).collect();
    let rate = |model: &str, tokens| stage.app.prices.cost(&row(stage.newest, model, tokens)).amount.dollars();
    Rates::new(models.into_iter().map(|model| {
        let input = rate(model, Tokens { uncached_input: 1_000_000, ..Tokens::default() });
        let output = rate(model, Tokens { output: 1_000_000, ..Tokens::default() });
        (model.to_owned(), input, output)
    }))
}

/// What one line of usage amounts to in plain input and output.
fn token_row(row: &UsageRow) -> TokenRow {
    let input = (amount::work(&row.tokens)
        .saturating_sub(amount::work(&Tokens { output: row.tokens.output, ..Tokens::default() })))
        / 10;
    TokenRow {
        minute: row.minute,
        model: Arc::from(row.model.as_str()),
        input: i64::try_from(input).unwrap_or(i64::MAX),
        output: i64::try_from(row.tokens.output).unwrap_or(i64::MAX),
    }
}

fn row(minute: Minute, model: &str, tokens: Tokens) -> UsageRow {
    UsageRow {
        minute,
        principal: crate::domain::ids::Principal::Unattributed(None),
        workspace: None,
        model: model.to_owned(),
        billing: Billing::default(),
        tokens,
    }
}

/// Plays one theft minute by minute until it trips or ends; `None` when it begins where nothing is stolen.
fn theft(stage: &Stage<'_>, plan: &Plan<'_>) -> Option<Theft> {
    let stolen: Vec<UsageRow> = plan
        .injection
        .overlay
        .iter()
        .filter(|stolen| stolen.minute <= stage.newest)
        .map(|stolen| {
            let count = |n: i64| u64::try_from(n).unwrap_or(0);
            let tokens =
                Tokens { uncached_input: count(stolen.input), output: count(stolen.output), ..Tokens::default() };
            row(stolen.minute, &stolen.model, tokens)
        })
        .collect();
    let onset = stolen.first()?.minute;
    let end = plan.injection.to.min(stage.newest);
    let mut rows: Vec<UsageRow> = plan.past.rows.iter().chain(&stolen).cloned().collect();
    rows.sort_by_key(|row| row.minute);
    let usage = priced(&rows, |row| stage.app.prices.cost(row).amount);
    let alibi: Option<Alibi> = stage.explained.as_ref().map(|explained| explained.of(&plan.past.rows));
    let policy = Policy {
        watch: &stage.workspace.watch,
        models: &stage.workspace.models,
        acceptable_loss: stage.workspace.acceptable_loss,
        role: KeyRole::Active,
        alibi: alibi.as_ref(),
    };
    let mut detector = Detector::new(stage.from);
    let begun = usage.partition_point(|minute| minute.minute < onset);
    detector.ingest(stage.from, onset.plus(-1), &usage[..begun]);
    detector.judge(onset.plus(-1), &policy);
    let (mut warned, mut tripped) = (None, None);
    'minutes: for (i, minute) in usage.iter().enumerate().skip(begun).take_while(|(_, m)| m.minute <= end) {
        detector.ingest(minute.minute, minute.minute, std::slice::from_ref(minute));
        let silent = minute.minute.plus(1);
        let again = usage.get(i + 1).is_none_or(|next| next.minute > silent);
        for at in [Some(minute.minute), again.then_some(silent)].into_iter().flatten() {
            for judgement in detector.judge(at, &policy) {
                let polled_at = at.plus(stage.lag);
                if judgement.level() >= Level::Warn {
                    warned.get_or_insert(polled_at);
                }
                if judgement.level() == Level::Trip {
                    tripped = judgement.findings.first().map(|finding| (polled_at, finding.rule));
                    break 'minutes;
                }
            }
        }
    }
    let cost = |row: &UsageRow| stage.app.prices.cost(row).amount;
    let until = tripped.map(|(polled_at, _)| polled_at);
    // An incident begins with a probe; what is found only after that is measured from where the theft really begins.
    let begun = |at: Minute| {
        stolen.iter().map(|row| row.minute).find(|m| at < plan.injection.from || *m >= plan.injection.from)
    };
    let delay = |at: Minute| at.since(begun(at).unwrap_or(onset));
    Some(Theft {
        kind: plan.kind.as_str(),
        from: onset.start(),
        stolen: stolen.iter().map(cost).sum(),
        rule: tripped.map(|(_, rule)| rule),
        delay_minutes: until.map(delay),
        warn_delay_minutes: warned.map(delay),
        loss: stolen.iter().filter(|row| until.is_none_or(|at| row.minute < at)).map(cost).sum(),
    })
}

/// Sums up thefts by kind, `all` last.
pub(super) fn summary(thefts: &[Theft], acceptable: Option<UsdMicros>) -> Vec<Kind> {
    let mut kinds: BTreeMap<&str, Vec<&Theft>> = BTreeMap::new();
    for theft in thefts {
        kinds.entry(theft.kind).or_default().push(theft);
    }
    let mut kinds: Vec<(&str, Vec<&Theft>)> = kinds.into_iter().collect();
    if !thefts.is_empty() {
        kinds.push(("all", thefts.iter().collect()));
    }
    kinds.into_iter().map(|(kind, thefts)| of_kind(kind, &thefts, acceptable)).collect()
}

fn of_kind(kind: &str, thefts: &[&Theft], acceptable: Option<UsdMicros>) -> Kind {
    let share =
        |fits: &dyn Fn(&Theft) -> bool| thefts.iter().filter(|theft| fits(theft)).count() as f64 / thefts.len() as f64;
    let minutes = |of: fn(&Theft) -> Option<i64>| {
        thefts.iter().filter_map(|theft| of(theft)).map(|m| m as f64).collect::<Vec<_>>()
    };
    let (warned, delays) = (minutes(|theft| theft.warn_delay_minutes), minutes(|theft| theft.delay_minutes));
    let losses: Vec<f64> = thefts.iter().map(|theft| theft.loss.dollars()).collect();
    Kind {
        kind: kind.to_owned(),
        thefts: thefts.len(),
        tripped: share(&|theft| theft.rule.is_some()),
        warned: share(&|theft| theft.warn_delay_minutes.is_some()),
        warn_delay_minutes_median: percentile(&warned, 0.5),
        delay_minutes_median: percentile(&delays, 0.5),
        delay_minutes_p95: percentile(&delays, 0.95),
        loss_usd_median: percentile(&losses, 0.5),
        loss_usd_p95: percentile(&losses, 0.95),
        above_acceptable: acceptable.map(|accepted| share(&|theft| theft.loss > accepted)),
    }
}
