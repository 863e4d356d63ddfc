//! The tables of the page.

use chrono::TimeDelta;
use maud::{Markup, html};

use super::story::span;
use crate::domain::incident::{Action, IncidentReport, Outcome, Part};
use crate::domain::run::Run;
use crate::domain::time::rfc3339;
use crate::report::harmless;

/// More lines than that are in `incident.json` only.
const ROWS: usize = 300;

/// The most of the ledger that the page shows; all of it is in its own file.
const LEDGER_CHARS: usize = 20_000;

fn more(all: usize) -> Markup {
    html! { @if all > ROWS { p class="soft" { (all - ROWS) " more lines are in " code { "incident.json" } "." } } }
}

/// A table that scrolls by itself where it does not fit, with the keyboard, too.
fn table(caption: &str, head: &[(&str, bool)], body: &Markup) -> Markup {
    html! {
        div class="scroll" tabindex="0" role="region" aria-label=(format!("Table: {caption}")) {
            table {
                caption { (caption) }
                thead { tr { @for (name, number) in head { th scope="col" class=[number.then_some("num")] { (name) } } } }
                tbody { (body) }
            }
        }
    }
}

/// Everything that was done, with seconds since the trip.
pub fn timeline(report: &IncidentReport) -> Markup {
    let since = |action: &Action| {
        let ms = report.moments.since_trip(action.at);
        let sign = if ms < 0 { '−' } else { '+' };
        format!("{sign}{}", span(TimeDelta::milliseconds(ms.saturating_abs())))
    };
    html! {
        p class="soft" { "Times in UTC, and relative to the trip." }
        ol class="timeline" {
            @for action in report.timeline.iter().take(ROWS) { li {
                time datetime=(rfc3339(action.at)) { (action.at.format("%H:%M:%S")) }
                span class="since" { (since(action)) }
                span class="what" {
                    (harmless::line(&action.what))
                    span class="detail" {
                        (harmless::line(&action.actor)) @if !action.detail.is_empty() { ": " (harmless::line(&action.detail)) }
                    }
                }
                (outcome(action.outcome))
            } }
        }
        (more(report.timeline.len()))
    }
}

fn outcome(outcome: Outcome) -> Markup {
    let class = match outcome {
        Outcome::Done => "tag good",
        Outcome::Failed => "tag alarm",
        Outcome::Unknown | Outcome::Pending => "tag warn",
    };
    html! { span { span class=(class) { (outcome.words()) } } }
}

/// Tokens and cost by model and tier.
pub fn breakdown(report: &IncidentReport) -> Markup {
    let body = html! { @for line in report.breakdown.iter().take(ROWS) { tr {
        th scope="row" class="long" { (harmless::short(&line.model, 80)) }
        td { (harmless::short(line.tier.as_deref().unwrap_or("not reported"), 40)) }
        td { @if line.foreign { span class="tag alarm" { "no" } } @else { "yes" } }
        td class="num" { (grouped(line.tokens.input())) }
        td class="num" { (grouped(line.tokens.output)) }
        td class="num" { (line.cost) }
    } } };
    let head = [
        ("Model", false),
        ("Tier", false),
        ("Expected", false),
        ("Input tokens", true),
        ("Output tokens", true),
        ("Cost", true),
    ];
    html! { (table("Usage since the abuse began, by model and service tier", &head, &body)) (more(report.breakdown.len())) }
}

/// `1234567` as `1,234,567`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Who was involved.
pub fn involved(report: &IncidentReport) -> Markup {
    let body = html! { @for one in report.involved.iter().take(ROWS) { tr {
        th scope="row" class="long" { (harmless::line(&one.principal.to_string())) }
        td { @match &one.hint { Some(hint) => code { (hint) }, None => "–" } }
        td { @if one.part == Part::Compromised { span class="tag alarm" { (one.part.words()) } } @else { (one.part.words()) } }
        td { (harmless::short(one.status.as_ref().map_or("not known", |s| s.as_str()), 40)) }
    } } };
    let head = [("Principal", false), ("Ends in", false), ("Part", false), ("State at the provider", false)];
    html! { (table("Keys and other principals involved", &head, &body)) (more(report.involved.len())) }
}

/// What the provider answered.
pub fn provider_responses(report: &IncidentReport) -> Markup {
    let body = html! { @for answer in report.provider_responses.iter().take(ROWS) { tr {
        th scope="row" class="when" { (answer.at.format("%H:%M:%S%.3f")) }
        td class="mono" { (harmless::short(&answer.request, 160)) }
        td { (answer.status.map_or_else(|| "no answer".to_owned(), |s| s.to_string())) }
        td { (harmless::short(&answer.meaning, 160)) }
        td class="mono id" { (harmless::short(answer.request_id.as_deref().unwrap_or("–"), 80)) }
    } } };
    let head =
        [("Time (UTC)", false), ("Request", false), ("Status", false), ("Meaning", false), ("Request id", false)];
    html! { (table("Answers of the provider, for its support desk", &head, &body)) (more(report.provider_responses.len())) }
}

/// Jobs that ran.
pub fn runs(report: &IncidentReport) -> Markup {
    if report.runs.is_empty() {
        return html! { p { "No registered run was in progress while the abnormal usage went on." } };
    }
    let end = |run: &Run| match (run.ended_at, run.exit_status) {
        (Some(at), Some(status)) => format!("{}, status {status}", at.format("%H:%M:%S")),
        (Some(at), None) => at.format("%H:%M:%S").to_string(),
        (None, _) => "no end recorded".to_owned(),
    };
    let body = html! { @for run in report.runs.iter().take(ROWS) { tr {
        th scope="row" { (run.id) }
        td class="long" { (harmless::short(&run.program, 80)) }
        td class="when" { (run.started_at.format("%e %b %H:%M:%S")) }
        td { (end(run)) }
        td class="long mono" { (run.key) }
    } } };
    let head = [("Run", false), ("Program", false), ("Started (UTC)", false), ("Ended", false), ("Key", false)];
    html! { (table("Runs in progress", &head, &body)) (more(report.runs.len())) }
}

/// The ledger of that time.
pub fn ledger(report: &IncidentReport) -> Markup {
    html! {
        p { "What the ledger said at that time, in " code { "config.redacted.toml" } ". Credentials, programs and network paths are left out." }
        details { summary { "The redacted ledger" } pre { (harmless::block(report.ledger.as_str(), LEDGER_CHARS)) } }
    }
}

/// What nobody knows yet.
pub fn open_questions(report: &IncidentReport) -> Markup {
    html! {
        @if report.open_questions.is_empty() { p { "None are recorded." } }
        @else { ul class="plain" { @for question in report.open_questions.iter().take(ROWS) { li { (harmless::line(question)) } } } }
        (more(report.open_questions.len()))
    }
}
