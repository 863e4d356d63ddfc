use super::story::{headline, paragraphs, span};
use crate::domain::incident::{Figure, IncidentReport};
use crate::domain::time::rfc3339;
use crate::report::harmless;

/// Lines of the timeline that a terminal shows.
const LINES: usize = 40;

/// The report for a terminal, line by line.
pub fn text(report: &IncidentReport) -> Vec<String> {
    let mut lines = vec![harmless::line(&headline(report)), String::new()];
    for paragraph in paragraphs(report) {
        lines.push(harmless::short(&paragraph, 1500).replace('\u{a0}', " "));
    }
    lines.push(String::new());
    for (step, at) in report.moments.steps() {
        let since = report.moments.since_trip(at);
        let relative = match since {
            0 => String::new(),
            later if later > 0 => format!("  {} later", span(chrono::TimeDelta::milliseconds(later))),
            earlier => format!("  {} earlier", span(chrono::TimeDelta::milliseconds(-earlier))),
        };
        lines.push(format!("  {}  {}{}", rfc3339(at), step.words(), relative.replace('\u{a0}', " ")));
    }
    if !report.cause.figures.is_empty() {
        lines.push(String::new());
        let shown = |figure: &Figure| {
            format!("  {}: {}", harmless::short(&figure.name, 80), harmless::short(&figure.value, 120))
        };
        lines.extend(report.cause.figures.iter().take(LINES).map(shown));
    }
    if !report.timeline.is_empty() {
        lines.push(String::new());
    }
    for action in report.timeline.iter().take(LINES) {
        let detail = if action.detail.is_empty() {
            String::new()
        } else {
            format!(": {}", harmless::short(&action.detail, 160))
        };
        let what = harmless::short(&action.what, 120);
        lines.push(format!("  {}  {what} [{}]{detail}", action.at.format("%H:%M:%S"), action.outcome.words()));
    }
    if report.timeline.len() > LINES {
        lines.push(format!("  {} more lines are in the bundle", report.timeline.len() - LINES));
    }
    if !report.open_questions.is_empty() {
        lines.push(String::new());
        lines.push("Open questions:".to_owned());
        lines.extend(report.open_questions.iter().map(|question| format!("  - {}", harmless::short(question, 300))));
    }
    lines
}
