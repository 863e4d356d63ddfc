//! The evidence on the page: the records as a table, the head, and how to check them without guard's word.

use maud::{Markup, html};
use serde_json::Value;

use crate::domain::incident::EvidenceExcerpt;
use crate::report::harmless;

/// More records than that are in the file only.
const ROWS: usize = 200;

struct Row {
    seq: String,
    time: String,
    kind: String,
    subject: String,
    hash: String,
}

/// A field of a record as text. What cannot be read is shown as missing: judging the chain is `guard evidence verify`'s work.
fn row(line: &str) -> Row {
    let record: Value = serde_json::from_str(line).unwrap_or(Value::Null);
    let field = |name: &str, chars| match &record[name] {
        Value::String(text) => harmless::short(text, chars),
        Value::Number(number) => number.to_string(),
        _ => "–".to_owned(),
    };
    Row {
        seq: field("seq", 20),
        time: field("time", 40),
        kind: field("kind", 60),
        subject: field("subject", 140),
        hash: field("hash", 16),
    }
}

/// The option that an excerpt needs: its first record has others before it, which are not here.
fn since(evidence: &EvidenceExcerpt) -> String {
    let first = evidence.records.first().map(|line| row(line).seq).and_then(|seq| seq.parse::<u64>().ok());
    first.filter(|seq| *seq > 1).map_or_else(String::new, |seq| format!(" --since {seq}"))
}

/// The section's content.
pub fn proof(evidence: &EvidenceExcerpt) -> Markup {
    html! {
        p { "Everything guard decided and did is a record in a log in which each record names the hash of the one before, so that a record "
            "cannot be changed, dropped or inserted afterwards without breaking every later one. The " (evidence.records.len())
            " records from this incident's time are in " code { "events.jsonl" } " beside this page." }
        @match &evidence.head {
            Some(head) => p { "Head of the whole log when this report was made: record " strong { (head.seq) } ", hash "
                code { (harmless::short(&head.hash, 128)) } ". guard's notifications carry the head of their time: a log that was cut or rewritten since does not hold that record any more." },
            None => p { "The head of the whole log was not available when this report was made." },
        }
        h3 { "How to check, without a network" }
        pre { "sha256sum -c SHA256SUMS\nguard evidence verify --file events.jsonl" (since(evidence)) }
        p { "The first command shows that no file of the bundle was changed, the second that the chain holds; it names the first bad record." }
        @if !evidence.records.is_empty() {
            details {
                summary { "The records" }
                div class="scroll" tabindex="0" role="region" aria-label="Table: evidence records" {
                    table {
                        caption { "Evidence records, oldest first; hashes cut" }
                        thead { tr { th scope="col" { "Record" } th scope="col" { "Time" } th scope="col" { "Kind" } th scope="col" { "About" } th scope="col" { "Hash" } } }
                        tbody { @for line in evidence.records.iter().take(ROWS) { @let row = row(line); tr {
                            th scope="row" { (row.seq) } td class="when" { (row.time) } td class="long" { (row.kind) } td class="long" { (row.subject) } td class="mono" { (row.hash) }
                        } } }
                    }
                }
                @if evidence.records.len() > ROWS { p class="soft" { (evidence.records.len() - ROWS) " more are in the file." } }
            }
        }
    }
}
