//! A model that the principal never used. The first request is the attacker's probe, or an owner's migration: people
//! hear of it at any size. It trips when the new model adds work instead of taking it over.

use super::history::WIDTH_COUNT;
use super::picture::{Maturity, Picture};
use super::rule::Rule;
use super::verdict::{Figures, Finding, Level};

const THREE_HOURS: usize = 3;
const DAY: usize = WIDTH_COUNT - 1;

/// Work of the new model beyond what all models together did at this time of day, in usual days.
const SHARE_OF_DAY: f64 = 0.2;
/// Unexplained work turned out harmless before: it must be this much more.
const TIMES_HARMLESS: f64 = 1.2;
/// Where most days are far below the busiest, the usual day counts as this share of it at least.
const LEAST_SHARE_OF_BUSIEST: f64 = 0.15;
/// All models together, in busiest days: a migration stays below.
const TIMES_DAY: f64 = 1.3;
/// The new model alone, in busiest days.
const TIMES_DAY_ALONE: f64 = 1.4;
/// The new model's minutes in use, in the most minutes ever.
const TIMES_MINUTES: f64 = 1.3;
/// Minutes more than that.
const LEAST_MINUTES: f64 = 6.0;

/// Judges the newest model; `None` when there is none.
pub fn judge(picture: &Picture<'_>) -> Option<Finding> {
    let model = picture.new_model.as_ref()?;
    let baseline = picture.baseline;
    let busiest = baseline.most[DAY].work as f64;
    let evidence = match picture.maturity() {
        Maturity::None => 0.0,
        Maturity::Little => model.loads[DAY].work as f64 / (TIMES_DAY_ALONE * busiest),
        maturity => {
            let caution = match maturity {
                Maturity::Young => 1.5,
                Maturity::Sparse => 2.0,
                _ => 1.0,
            };
            let usual = (baseline.usual_day.work as f64).max(LEAST_SHARE_OF_BUSIEST * busiest);
            let harmless = TIMES_HARMLESS * baseline.foreign.load.work as f64;
            let added = (model.unexplained as f64 / (SHARE_OF_DAY * usual).max(harmless))
                .min(picture.times_most(DAY) / TIMES_DAY)
                .min(model.loads[DAY].active as f64 / 2.0);
            let alone = model.loads[DAY].work as f64 / (TIMES_DAY_ALONE * busiest);
            let most_minutes = baseline.most[THREE_HOURS].active as f64;
            let minutes =
                model.loads[THREE_HOURS].active as f64 / (TIMES_MINUTES * caution * most_minutes + LEAST_MINUTES);
            added.max(alone).max(minutes)
        }
    };
    Some(Finding {
        rule: Rule::FirstUse,
        level: if evidence >= 1.0 { Level::Trip } else { Level::Warn },
        ratio: evidence.max(0.65),
        confidence: (0.5 + 0.4 * evidence).min(0.99),
        figures: Figures::Model {
            model: model.name.clone(),
            first: model.first,
            used: model.cost,
            share_of_most_day: if busiest > 0.0 { model.loads[DAY].work as f64 / busiest } else { 0.0 },
        },
    })
}
