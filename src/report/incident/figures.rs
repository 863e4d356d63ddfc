//! The pictures of an incident.

use maud::{Markup, html};

use super::story::span;
use crate::domain::incident::{IncidentReport, Standing, Step};
use crate::domain::money::UsdMicros;
use crate::report::axis::Scale;
use crate::report::bars::{Bar, full_width, half_width};
use crate::report::harmless;
use crate::report::plot::{Mark, UsagePlot};
use crate::report::svg::Ink;

/// All of them.
pub fn figures(report: &IncidentReport) -> Markup {
    html! {
        (usage(report))
        div class="pair" { (money(report)) (models(report)) }
        (time(report))
    }
}

fn caption(name: &str, say: &str) -> Markup {
    html! { figcaption { span class="name" { (name) } span class="say" { (say) } } }
}

fn usage(report: &IncidentReport) -> Markup {
    let marks: Vec<Mark> = report
        .moments
        .steps()
        .into_iter()
        .map(|(step, at)| Mark {
            at,
            label: step.words().to_owned(),
            strong: matches!(step, Step::Detected | Step::Dead),
            before: step < Step::Detected,
        })
        .collect();
    let foreign: Vec<&str> = report.breakdown.iter().filter(|l| l.foreign).map(|l| l.model.as_str()).collect();
    let say = match report.moments.between(Step::Onset, Step::Visible) {
        Some(lag) => format!(
            "What the key spent, against what it usually spends. Usage in the hatched time existed but was shown by the provider only {} after it began.",
            span(lag)
        ),
        None => "What the key spent, against what it usually spends.".to_owned(),
    };
    let plot = UsagePlot {
        id: "usage",
        title: "Usage against the usual",
        series: &report.usage,
        marks: &marks,
        foreign: &foreign,
        scale: Scale::Auto,
    };
    html! { figure { (caption("Usage against the usual", &say)) (plot.figure()) } }
}

fn money(report: &IncidentReport) -> Markup {
    let loss = &report.loss;
    let simulated = report.standing == Standing::Simulated;
    let mut rows = vec![Bar {
        label: if simulated { "Lost at the moment of the trip" } else { "Lost" }.to_owned(),
        figure: loss.estimated.to_string(),
        from: 0.0,
        to: loss.estimated.dollars(),
        ink: Ink::Alarm,
    }];
    rows.push(Bar {
        label: "Without the kill".to_owned(),
        figure: loss.without_kill.to_string(),
        from: 0.0,
        to: loss.without_kill.dollars(),
        ink: Ink::Quiet,
    });
    if let Some(acceptable) = loss.acceptable {
        rows.push(Bar {
            label: "Acceptable, says the ledger".to_owned(),
            figure: acceptable.to_string(),
            from: 0.0,
            to: acceptable.dollars(),
            ink: Ink::Series(0),
        });
    }
    let say = format!(
        "Without the kill: the same rate, {} an hour, until {}.",
        loss.per_hour,
        harmless::line(&loss.horizon.because)
    );
    html! { figure { (caption("Money, with and without the kill", &say)) (half_width("money", "Money with and without the kill", &rows)) } }
}

/// More bars than that are in the table only.
const MODELS_SHOWN: usize = 4;

fn models(report: &IncidentReport) -> Markup {
    let mut ordinary = 0;
    let rows: Vec<Bar> = report
        .breakdown
        .iter()
        .take(MODELS_SHOWN)
        .map(|line| {
            let ink = if line.foreign {
                Ink::Alarm
            } else {
                ordinary += 1;
                Ink::Series(ordinary - 1)
            };
            let tier = line.tier.as_deref().filter(|t| *t != "standard").map(|t| format!(", {t}")).unwrap_or_default();
            Bar {
                label: format!("{}{tier}", line.model),
                figure: if line.foreign { format!("not expected, {}", line.cost) } else { line.cost.to_string() },
                from: 0.0,
                to: line.cost.dollars(),
                ink,
            }
        })
        .collect();
    let total: UsdMicros = report.breakdown.iter().map(|l| l.cost).sum();
    let say = match report.breakdown.len() {
        0 => "No usage is known since the abuse began.".to_owned(),
        n if n > MODELS_SHOWN => format!("{total} since the abuse began; the {MODELS_SHOWN} dearest of {n} lines."),
        _ => format!("{total} since the abuse began, ordinary work included."),
    };
    html! { figure { (caption("What it was spent on", &say)) (half_width("models", "Cost by model", &rows)) } }
}

fn time(report: &IncidentReport) -> Markup {
    let moments = &report.moments;
    let Some(start) = moments.steps().first().map(|s| s.1) else { return html! {} };
    let stages = [
        (Step::Onset, Step::Visible, "Until the report showed it", Ink::Quiet),
        (Step::Visible, Step::Detected, "Until guard was sure", Ink::Series(0)),
        (Step::Detected, Step::Dead, "Until the key was dead", Ink::Alarm),
        (Step::Dead, Step::FailedOver, "Until the standby took over", Ink::Series(1)),
    ];
    let offset = |at: Option<crate::domain::time::Timestamp>| {
        at.map_or(0.0, |at| at.signed_duration_since(start).num_milliseconds() as f64)
    };
    let rows: Vec<Bar> = stages
        .into_iter()
        .filter_map(|(from, to, label, ink)| {
            let passed = moments.between(from, to)?;
            let (from, to) = (offset(moments.of(from)), offset(moments.of(to)));
            Some(Bar { label: label.to_owned(), figure: span(passed), from, to, ink })
        })
        .collect();
    if rows.is_empty() {
        return html! {};
    }
    html! { figure {
        (caption("Where the time went", "From the first abnormal request on. The first stretch is the provider's reporting delay; guard is answerable for the others."))
        (full_width("time", "Where the time went", &rows))
    } }
}
