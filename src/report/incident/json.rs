use serde_json::{Value, json};

use crate::domain::incident::{IncidentReport, Step};

/// The version of the document's shape. Fields are only added.
pub const SCHEMA: u32 = 1;

/// `incident.json`: the report as it is, with what the page derives from it: seconds since the trip on every action, and a
/// block `derived`. Strings are raw; whoever shows them escapes them.
///
/// # Errors
/// Only what the serializer reports; a report has no key that is not text.
pub fn json(report: &IncidentReport) -> Result<Value, serde_json::Error> {
    let mut document = serde_json::to_value(report)?;
    let moments = &report.moments;
    let seconds = |ms: i64| ms as f64 / 1000.0;
    let between = |from, to| moments.between(from, to).map(|d| seconds(d.num_milliseconds()));
    if let Some(actions) = document["timeline"].as_array_mut() {
        for (line, action) in actions.iter_mut().zip(&report.timeline) {
            line["seconds_since_trip"] = seconds(moments.since_trip(action.at)).into();
        }
    }
    document["schema"] = SCHEMA.into();
    document["derived"] = json!({
        "seconds_onset_to_visible": between(Step::Onset, Step::Visible),
        "seconds_onset_to_detected": between(Step::Onset, Step::Detected),
        "seconds_visible_to_detected": between(Step::Visible, Step::Detected),
        "seconds_detected_to_gate_closed": between(Step::Detected, Step::GateClosed),
        "seconds_detected_to_dead": between(Step::Detected, Step::Dead),
        "seconds_detected_to_failed_over": between(Step::Detected, Step::FailedOver),
        "avoided_usd": report.loss.avoided(),
    });
    Ok(document)
}
