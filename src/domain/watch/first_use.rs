//! A model, or a term of billing (tier, context window, geography), that the principal never used.
//!
//! The first request is the attacker's probe, or an owner's migration: people
//! hear of it at any size. It trips when the new model adds work instead of taking it over.

use super::history::WIDTH_COUNT;
use super::picture::{Maturity, NewModel, Picture};
use super::rule::Rule;
use super::verdict::{Figures, Finding, Level};

/// The evidence that lies in the novelty itself.
const NOVEL: f64 = 0.65;

const THREE_HOURS: usize = 3;
const DAY: usize = WIDTH_COUNT - 1;

/// Work of the new model beyond what all models together did at this time of day, in usual days.
const SHARE_OF_DAY: f64 = 0.2;
/// Unexplained work turned out harmless before: it must be this much more.
const TIMES_HARMLESS: f64 = 1.2;
/// Where most days are far below the busiest, the usual day counts as this share of it at least.
const LEAST_SHARE_OF_BUSIEST: f64 = 0.15;
/// All models together, in busiest days: a migration stays below.
const TIMES_DAY: f64 = 1.8;
/// A first use of no more than this share of a usual day is a probe: people were told hours ago, and what comes now at times or of a size
/// that earlier days do not explain need not make the day a large one.
const PROBE: f64 = 0.01;
/// The new model alone, in busiest days.
const TIMES_DAY_ALONE: f64 = 2.0;
/// The new model's minutes in use, in the most minutes ever.
const TIMES_MINUTES: f64 = 1.3;
/// Minutes more than that.
const LEAST_MINUTES: f64 = 6.0;
/// With little history, the new model's minutes of a day, in the most minutes that a day had …
const TIMES_MINUTES_A_DAY: f64 = 2.0;
/// … and at least this many.
const LEAST_MINUTES_A_DAY: f64 = 180.0;
/// From this share of quarters in use on, a key is busy enough for the models beside the new one to tell whether they were left.
const BUSY: f64 = 0.5;
/// Minutes within three hours in which another model was in use beside the new one: a migration replaces.
const MINUTES_BESIDE: f64 = 45.0;
/// The other models still do this share of their mean of 24 hours …
const OTHERS_KEPT: f64 = 0.6;
/// … and the new one adds this share of it …
const NEW_BESIDE: f64 = 0.2;
/// … on a day that is no quieter than this many usual days.
const TIMES_USUAL_DAY: f64 = 0.8;
/// Windows of three hours in a day.
const WINDOWS_A_DAY: f64 = 8.0;

/// Judges the newest model; `None` when there is none.
pub fn judge(picture: &Picture<'_>) -> Option<Finding> {
    let model = picture.new_model.as_ref()?;
    let baseline = picture.baseline;
    let busiest = baseline.most[DAY].work as f64;
    let alone = model.loads[DAY].work as f64 / (TIMES_DAY_ALONE * busiest);
    let minutes_beyond = |times: f64| {
        let most = baseline.most[THREE_HOURS].active as f64;
        model.loads[THREE_HOURS].active as f64 / (times * most + LEAST_MINUTES)
    };
    let evidence = match picture.maturity() {
        Maturity::None => 0.0,
        Maturity::Rare => alone.max(minutes_beyond(1.0)),
        Maturity::Little => {
            let (active, most) = (model.loads[DAY].active as f64, baseline.most[DAY].active as f64);
            let all_day = (active / (TIMES_MINUTES_A_DAY * most)).min(active / LEAST_MINUTES_A_DAY);
            alone.max(minutes_beyond(1.0)).max(all_day)
        }
        maturity => {
            let caution = maturity.caution().unwrap_or(1.0);
            let usual = (baseline.usual_day.work as f64).max(LEAST_SHARE_OF_BUSIEST * busiest);
            let harmless = TIMES_HARMLESS * baseline.foreign.load.work as f64;
            let unexplained = (model.unexplained as f64 / (SHARE_OF_DAY * usual).max(harmless) / caution)
                .min(model.loads[DAY].active as f64 / 2.0);
            let probed = model.probe.is_some_and(|work| work as f64 <= PROBE * usual);
            let day = if probed { f64::INFINITY } else { picture.times_most(DAY) / TIMES_DAY / caution };
            let added = unexplained.min(day);
            let minutes = minutes_beyond(TIMES_MINUTES * caution);
            added.max(alone).max(minutes).max(beside(picture, model, usual))
        }
    };
    Some(Finding {
        rule: Rule::FirstUse,
        level: if evidence >= 1.0 { Level::Trip } else { Level::Warn },
        at_most: Level::Trip,
        ratio: evidence.max(NOVEL),
        confidence: (0.5 + 0.4 * evidence).min(0.99),
        figures: Figures::Model {
            model: model.name.clone(),
            first: model.first,
            used: model.cost,
            share_of_most_day: if busiest > 0.0 { model.loads[DAY].work as f64 / busiest } else { 0.0 },
        },
    })
}

/// Judges the newest term of billing. It is told at any size and never trips: what it costs is for other rules.
pub fn judge_term(picture: &Picture<'_>) -> Option<Finding> {
    let term = picture.new_term.as_ref()?;
    Some(Finding {
        rule: Rule::FirstUse,
        level: Level::Warn,
        at_most: Level::Warn,
        ratio: NOVEL,
        confidence: 0.5,
        figures: Figures::Term { term: term.name.clone(), first: term.first, used: term.cost },
    })
}

/// How clearly a busy key goes on as before beside the new model: an owner who migrates takes the old one out of use.
fn beside(picture: &Picture<'_>, model: &NewModel, usual: f64) -> f64 {
    if picture.baseline.density < BUSY {
        return 0.0;
    }
    let others = |width: usize| picture.loads[width].work.saturating_sub(model.loads[width].work) as f64;
    let mean = others(DAY) / WINDOWS_A_DAY;
    (model.beside as f64 / MINUTES_BESIDE)
        .min(others(THREE_HOURS) / (OTHERS_KEPT * mean))
        .min(model.loads[THREE_HOURS].work as f64 / (NEW_BESIDE * mean))
        .min(picture.loads[DAY].work as f64 / (TIMES_USUAL_DAY * usual))
}
