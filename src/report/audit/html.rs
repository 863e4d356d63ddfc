use maud::{Markup, html};

use super::csv::{consumers, drain};
use super::{AuditReport, AuditedIncident, AuditedRotation, ProofRecord};
use crate::domain::time::{Timestamp, rfc3339};
use crate::report::harmless;
use crate::report::page::{StyleFrom, page};

/// A self-contained page: no script, nothing loaded, prints to A4.
pub fn html(report: &AuditReport) -> String {
    let body = html! {
        header class="top" {
            p class="over" { "guard: evidence report" }
            h1 { (count(report.rotations.len(), "rotation")) " and " (count(report.incidents.len(), "incident")) }
            p class="lead" { (span(report)) }
        }
        main {
            section {
                h2 { "Rotations" }
                @if report.rotations.is_empty() { p { "None." } }
                @for one in &report.rotations { (rotation(one)) }
            }
            section {
                h2 { "Incidents" }
                @if report.incidents.is_empty() { p { "None." } }
                @for one in &report.incidents { (incident(one)) }
            }
            section {
                h2 { "How to check it" }
                p {
                    "Each line of proof is a record of guard's evidence chain. "
                    code { "guard evidence export -o log.jsonl" } " prints the chain, and "
                    code { "guard evidence verify --file log.jsonl --public-key KEY" }
                    " checks it on any machine. The hash of a record stands for all records before it."
                }
                @if let Some(head) = &report.head { p { "Head of the chain at the time of this page: " code class="mono" { (head) } } }
                @match &report.signed_by {
                    Some(key) => p { "Signed by key " code { (key) } "." },
                    None => p { "The chain was not signed." },
                }
            }
        }
    };
    page("guard: evidence report", StyleFrom::Page, &body)
}

fn count(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

fn span(report: &AuditReport) -> String {
    let from = report.since.map_or_else(|| "From the beginning".to_owned(), |at| format!("From {}", rfc3339(at)));
    format!("{from} to {}.", rfc3339(report.until.unwrap_or(report.generated_at)))
}

fn time(at: Option<Timestamp>) -> String {
    at.map_or_else(|| "–".to_owned(), rfc3339)
}

fn fact(name: &str, value: &str) -> Markup {
    html! { tr { th scope="row" { (name) } td class="long" { (harmless::short(value, 400)) } } }
}

fn rotation(one: &AuditedRotation) -> Markup {
    let rotation = &one.rotation;
    let name = format!("{}, rotation {}", one.workspace, rotation.rotation);
    let new = rotation.new.as_ref().map_or_else(|| "–".to_owned(), ToString::to_string);
    let death = match &rotation.death {
        None => "not proven".to_owned(),
        Some((at, proof)) => {
            let seconds = proof.effective_seconds.map_or_else(String::new, |s| format!(", {s} s after the request"));
            format!("{}: {} at the provider, refused {} times{seconds}", rfc3339(*at), proof.status, proof.refusals)
        }
    };
    html! {
        h3 { (name) ": " (rotation.outcome.words()) }
        div class="scroll" tabindex="0" role="region" aria-label=(format!("Table: {name}")) {
            table { tbody {
                (fact("Asked for", &format!("{} by {}", rfc3339(rotation.requested_at), rotation.by)))
                (fact("Why", &rotation.reason))
                (fact("Replaced", rotation.old.as_str()))
                (fact("By", &new))
                (fact("New key proven to work", &time(rotation.proven_at)))
                (fact("Consumers", &consumers(rotation)))
                (fact("All switched", &time(rotation.switched_at)))
                (fact("Old key out of use", &drain(&rotation.drain)))
                (fact("Old key dead", &death))
                (fact("Ended", &time(rotation.ended_at)))
                (fact("Old key deleted", &time(rotation.archived_at)))
            } }
        }
        (proof(&name, &one.records))
    }
}

fn incident(one: &AuditedIncident) -> Markup {
    let name = format!("{}, incident {}", one.workspace, one.trip.incident);
    let keys: Vec<String> = one.trip.keys.iter().map(ToString::to_string).collect();
    let rearmed = one.rearmed.as_ref().map(|(at, by, reason)| format!("{} by {by}: {reason}", rfc3339(*at)));
    html! {
        h3 { (name) ": " (one.state.words()) }
        div class="scroll" tabindex="0" role="region" aria-label=(format!("Table: {name}")) {
            table { tbody {
                (fact("Decided", &format!("{} by {}", rfc3339(one.at), one.trip.rule)))
                (fact("Why", &one.trip.sentence))
                (fact("Stopped", &keys.join(" ")))
                (fact("Proven dead", &time(one.dead_at)))
                (fact("Cause", one.cause.as_deref().unwrap_or("–")))
                (fact("Gate released", rearmed.as_deref().unwrap_or("–")))
            } }
        }
        (proof(&name, &one.records))
    }
}

fn proof(name: &str, records: &[ProofRecord]) -> Markup {
    html! {
        details {
            summary { "Proof: " (count(records.len(), "record")) }
            div class="scroll" tabindex="0" role="region" aria-label=(format!("Table: proof of {name}")) {
                table {
                    thead { tr { @for head in ["Record", "Time", "Kind", "Actor", "Hash"] { th scope="col" { (head) } } } }
                    tbody { @for record in records { tr {
                        th scope="row" { (record.seq) }
                        td class="when" { (record.time) }
                        td class="mono" { (record.kind) }
                        td { (harmless::short(&record.actor, 80)) }
                        td class="mono id" { (record.hash) }
                    } } }
                }
            }
        }
    }
}
