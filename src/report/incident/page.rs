use maud::{Markup, html};

use super::story::{headline, instant, paragraphs, span};
use super::{figures, glossary, proof, sections};
use crate::domain::incident::{IncidentReport, Standing, Step};
use crate::domain::time::rfc3339;
use crate::report::harmless;
use crate::report::page::{StyleFrom, page};

/// `report.html`: one file that needs nobody. Pictures first.
pub fn html(report: &IncidentReport) -> String {
    let title = format!("Incident {} in {}", report.incident, report.workspace);
    let body = html! {
        a class="skip" href="#main" { "Skip to the report" }
        header class="top" {
            p class="over" { "guard: incident report" }
            h1 { (harmless::line(&headline(report))) }
            p class="lead" {
                "Incident " (report.incident) " in workspace " strong { (report.workspace) } " (" (harmless::short(&report.environment, 60)) "), "
                (instant(report.moments.detected)) "."
            }
            p { span class=(standing_class(report.standing)) { (report.standing.words()) } }
            (warning(report))
            (tiles(report))
        }
        main id="main" {
            section aria-labelledby="pictures" { h2 id="pictures" { "In pictures" } (figures::figures(report)) }
            section class="prose" aria-labelledby="story" {
                h2 id="story" { "What happened" }
                @for paragraph in paragraphs(report) { p { (harmless::short(&paragraph, 1500)) } }
                (figures_of_cause(report))
            }
            (section("timeline", "Timeline", &sections::timeline(report)))
            (section("breakdown", "What was used", &sections::breakdown(report)))
            (section("involved", "Keys", &sections::involved(report)))
            (section("responses", "What the provider answered", &sections::provider_responses(report)))
            (section("runs", "Jobs", &sections::runs(report)))
            (section("questions", "Open questions", &sections::open_questions(report)))
            (section("evidence", "Evidence, and how to check it", &proof::proof(&report.evidence)))
            (section("ledger", "Ledger", &sections::ledger(report)))
            (section("words", "Words", &glossary::glossary()))
        }
        footer {
            p { "Made by guard " (harmless::short(&report.guard_version, 40)) " on " (rfc3339(report.generated_at))
                ". This page holds no prompts, no answers and no keys; it loads nothing and runs no script." }
        }
    };
    page(&title, StyleFrom::Page, &body)
}

fn section(id: &str, name: &str, content: &Markup) -> Markup {
    html! { section aria-labelledby=(id) { h2 id=(id) { (name) } (content) } }
}

const fn standing_class(standing: Standing) -> &'static str {
    match standing {
        Standing::Simulated => "pill calm",
        Standing::Acting => "pill alarm",
        Standing::Contained => "pill good",
        Standing::Resolved => "pill calm",
    }
}

fn warning(report: &IncidentReport) -> Markup {
    html! {
        @match report.standing {
            Standing::Acting => div class="notice" { p { strong { "The key is not proven dead. " }
                "guard keeps asking the provider to set it inactive and looks again every minute. If you can, set it inactive in the provider's console now." } },
            Standing::Simulated => div class="notice warn" { p { strong { "Nothing was stopped. " }
                "The workspace is in observe mode, or this was a drill." } },
            Standing::Contained | Standing::Resolved => {},
        }
    }
}

fn tiles(report: &IncidentReport) -> Markup {
    let moments = &report.moments;
    let since = |from, to| moments.between(from, to).map_or_else(|| "not known".to_owned(), span);
    let no_death = if report.standing == Standing::Simulated { "not killed" } else { "not yet" };
    let dead = moments.between(Step::Detected, Step::Dead).map_or_else(|| no_death.to_owned(), span);
    let until = report.loss.horizon.until.format("until %e %b %H:%M UTC").to_string().replace("  ", " ");
    html! {
        dl class="tiles" {
            div { dt { "Lost, estimated" } dd class="alarm" { (report.loss.estimated) }
                dd class="note" { @match report.loss.acceptable { Some(limit) => { "accepted: " (limit) }, None => "no accepted loss is set" } } }
            div { dt { "Without the kill" } dd { (report.loss.without_kill) } dd class="note" { (until) } }
            div { dt { "From first abuse to detection" } dd { (since(Step::Onset, Step::Detected)) }
                dd class="note" { "provider's delay: " (since(Step::Onset, Step::Visible)) } }
            div { dt { "From detection to dead key" } dd { (dead) } dd class="note" { "gate closed after " (since(Step::Detected, Step::GateClosed)) } }
        }
    }
}

fn figures_of_cause(report: &IncidentReport) -> Markup {
    html! {
        @if !report.cause.figures.is_empty() {
            h3 { "The figures behind the verdict (rule " code { (harmless::short(&report.cause.rule, 60)) } ")" }
            dl class="facts" { @for figure in report.cause.figures.iter().take(40) {
                dt { (harmless::short(&figure.name, 120)) } dd { (harmless::short(&figure.value, 200)) }
            } }
        }
    }
}
