//! What happened, in plain English, from the facts alone.

use chrono::TimeDelta;

use crate::domain::incident::{Failover, IncidentReport, Part, Standing, Step};
use crate::domain::money::UsdMicros;
use crate::domain::time::{Timestamp, humane};

/// A span with a decimal below ten seconds: `0.4 s`, `3.1 s`, `5 min 40 s`. Its spaces do not break lines.
pub fn span(passed: TimeDelta) -> String {
    let tenths = (passed.num_milliseconds().max(0) + 50) / 100;
    let text = if tenths < 100 { format!("{}.{} s", tenths / 10, tenths % 10) } else { humane(passed) };
    text.replace(' ', "\u{a0}")
}

/// `21 November 2026, 02:41:00 UTC`.
pub fn instant(at: Timestamp) -> String {
    at.format("%-d %B %Y, %H:%M:%S UTC").to_string()
}

/// The compromised for the beginning of a sentence, "Key …igAA", and whether the verb is a plural.
fn subject(report: &IncidentReport) -> (String, bool) {
    let compromised: Vec<_> = report.involved.iter().filter(|i| i.part == Part::Compromised).collect();
    match compromised.as_slice() {
        [] => ("A principal".to_owned(), false),
        [one] => match (&one.hint, one.principal.key()) {
            (Some(hint), Some(_)) => (format!("Key {hint}"), false),
            (None, Some(key)) => (format!("Key {key}"), false),
            (_, None) => (format!("Usage of {}", one.principal), false),
        },
        many => (format!("{} principals", many.len()), true),
    }
}

/// The page's heading.
pub fn headline(report: &IncidentReport) -> String {
    let ((who, plural), loss) = (subject(report), report.loss.estimated);
    let verb = |one: &'static str, many: &'static str| if plural { many } else { one };
    match report.standing {
        Standing::Simulated => format!("{who} would have been stopped after {loss}"),
        Standing::Acting => format!("{who} {} being stopped; {loss} lost so far", verb("is", "are")),
        Standing::Contained | Standing::Resolved => format!("{who} {} stopped after {loss}", verb("was", "were")),
    }
}

/// The paragraphs under "What happened".
pub fn paragraphs(report: &IncidentReport) -> Vec<String> {
    vec![report.cause.sentence.clone(), course(report), money(report), succession(report)]
}

fn course(report: &IncidentReport) -> String {
    let moments = &report.moments;
    let mut text = match moments.onset {
        Some(onset) => format!("The abnormal usage began on {}.", instant(onset)),
        None => "When the abnormal usage began is not known.".to_owned(),
    };
    if let Some(delay) = moments.between(Step::Onset, Step::Visible) {
        text.push_str(&format!(
            " The provider's usage report first showed it {} later; before that nobody outside the provider could see it.",
            span(delay)
        ));
    }
    text.push_str(&format!(" guard tripped on {}", instant(moments.detected)));
    if let Some(delay) = moments.between(Step::Visible, Step::Detected) {
        text.push_str(&format!(", {} after the data became visible", span(delay)));
    }
    text.push('.');
    let simulated = report.standing == Standing::Simulated;
    if simulated {
        text.push_str(" This was a drill or observe mode, in which guard stops nothing real.");
    }
    match moments.between(Step::Detected, Step::GateClosed) {
        Some(passed) => {
            text.push_str(&format!(" The gate was closed {} later, so that no further job could start.", span(passed)));
        }
        None if simulated => {}
        None => text.push_str(" The gate is not recorded as closed."),
    }
    match (moments.between(Step::Detected, Step::Dead), moments.kill_sent) {
        (Some(passed), _) => {
            text.push_str(&format!(" The provider refused the key {} after the trip: it was dead.", span(passed)));
        }
        (None, Some(_)) => {
            text.push_str(" The key was ordered inactive, but there is no proof yet that it is dead.");
        }
        (None, None) if simulated => {}
        (None, None) => text.push_str(" The provider has not been asked to stop a key."),
    }
    text
}

fn money(report: &IncidentReport) -> String {
    let loss = &report.loss;
    let mut text = format!("The abnormal usage cost an estimated {}", loss.estimated);
    if loss.avoided() > UsdMicros::ZERO {
        let (rate, total, by) = (loss.per_hour, loss.without_kill, &loss.horizon.because);
        text.push_str(&match report.standing {
            Standing::Acting => format!(" so far. At the same rate ({rate} an hour) it reaches {total} by {by}"),
            Standing::Simulated => format!(
                " up to the trip. At the same rate ({rate} an hour) it reaches {total} by {by}; a kill avoids {} of it",
                loss.avoided()
            ),
            Standing::Contained | Standing::Resolved => format!(
                ". At the same rate ({rate} an hour) it would have cost {total} by {by}; the kill avoided {}",
                loss.avoided()
            ),
        });
    }
    if let Some(acceptable) = loss.acceptable {
        let verdict = if loss.estimated <= acceptable { "is within" } else { "exceeds" };
        text.push_str(&format!(". The estimate {verdict} the {acceptable} that the ledger accepts as a loss"));
    }
    text + ". All figures are estimates at upper-bound list prices, not a bill."
}

fn succession(report: &IncidentReport) -> String {
    match &report.failover {
        Failover::None { remedy } => format!("No other key has taken over. {remedy}"),
        Failover::Underway { hint, delivered: (done, all) } => {
            format!("Standby {hint} is taking over: {done} of {all} consumers hold it.")
        }
        Failover::Complete { hint } => {
            let passed = report.moments.between(Step::Detected, Step::FailedOver);
            let when = passed.map(|p| format!(" {} after the trip", span(p))).unwrap_or_default();
            format!("Standby {hint} took over{when}: every consumer holds it and the provider accepts it.")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_spans_keep_a_decimal() {
        for (ms, text) in
            [(0, "0.0 s"), (449, "0.4 s"), (3_100, "3.1 s"), (9_949, "9.9 s"), (9_950, "9 s"), (340_000, "5 min 40 s")]
        {
            assert_eq!(span(TimeDelta::milliseconds(ms)).replace('\u{a0}', " "), text);
        }
    }
}
