use super::{AuditReport, ProofRecord};
use crate::domain::rotation::{Audited, DrainEvidence};
use crate::domain::time::{Timestamp, rfc3339};
use crate::report::harmless;

const HEAD: [&str; 20] = [
    "what",
    "workspace",
    "number",
    "begun_at",
    "by",
    "reason",
    "old_keys",
    "new_key",
    "consumers",
    "switched_at",
    "drain",
    "dead_at",
    "refusals",
    "seconds_to_refused",
    "outcome",
    "ended_at",
    "archived_at",
    "cause",
    "records",
    "last_record_hash",
];

/// One line for each rotation and incident, RFC 4180. What a spreadsheet would take for a formula is set in an apostrophe.
///
/// # Errors
/// Only what the writer of CSV reports; writing to memory does not fail.
pub fn csv(report: &AuditReport) -> Result<Vec<u8>, csv::Error> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    writer.write_record(HEAD)?;
    let time = |at: Option<Timestamp>| at.map(rfc3339).unwrap_or_default();
    for one in &report.rotations {
        let rotation = &one.rotation;
        let (dead_at, proof) = rotation.death.clone().unzip();
        let (records, hash) = proof_of(&one.records);
        write(
            &mut writer,
            [
                "rotation".to_owned(),
                one.workspace.to_string(),
                rotation.rotation.to_string(),
                rfc3339(rotation.requested_at),
                rotation.by.clone(),
                rotation.reason.clone(),
                rotation.old.to_string(),
                rotation.new.as_ref().map(ToString::to_string).unwrap_or_default(),
                consumers(rotation),
                time(rotation.switched_at),
                drain(&rotation.drain),
                time(dead_at),
                proof.as_ref().map(|proof| proof.refusals.to_string()).unwrap_or_default(),
                proof.and_then(|proof| proof.effective_seconds).map(|s| s.to_string()).unwrap_or_default(),
                rotation.outcome.words(),
                time(rotation.ended_at),
                time(rotation.archived_at),
                String::new(),
                records,
                hash,
            ],
        )?;
    }
    for one in &report.incidents {
        let keys: Vec<String> = one.trip.keys.iter().map(ToString::to_string).collect();
        let (records, hash) = proof_of(&one.records);
        write(
            &mut writer,
            [
                "incident".to_owned(),
                one.workspace.to_string(),
                one.trip.incident.to_string(),
                rfc3339(one.at),
                one.trip.rule.clone(),
                one.trip.sentence.clone(),
                keys.join(" "),
                String::new(),
                String::new(),
                String::new(),
                String::new(),
                time(one.dead_at),
                String::new(),
                one.dead_at.map(|at| (at - one.at).num_seconds().to_string()).unwrap_or_default(),
                one.state.words().to_owned(),
                time(one.rearmed.as_ref().map(|(at, ..)| *at)),
                String::new(),
                one.cause.clone().unwrap_or_default(),
                records,
                hash,
            ],
        )?;
    }
    writer.into_inner().map_err(|e| csv::Error::from(std::io::Error::other(e.to_string())))
}

fn write(writer: &mut csv::Writer<Vec<u8>>, cells: [String; HEAD.len()]) -> Result<(), csv::Error> {
    writer.write_record(cells.iter().map(|cell| harmless::no_formula(&harmless::line(cell))))
}

/// The first and last record, and the hash of the last, which stands for all before it.
fn proof_of(records: &[ProofRecord]) -> (String, String) {
    match (records.first(), records.last()) {
        (Some(first), Some(last)) => (format!("{}..{}", first.seq, last.seq), last.hash.to_string()),
        _ => (String::new(), String::new()),
    }
}

/// `app (read back), secret (written)`.
pub(super) fn consumers(rotation: &Audited) -> String {
    let one = |delivery: &crate::domain::rotation::Delivery| {
        let how = if delivery.read_back_at.is_some() { "read back" } else { "written" };
        format!("{} ({how})", delivery.consumer)
    };
    rotation.deliveries.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// What stood for the old key being out of use.
pub(super) fn drain(evidence: &DrainEvidence) -> String {
    match evidence {
        DrainEvidence::None => String::new(),
        DrainEvidence::Proven { proof, .. } => format!(
            "proven: silent from {} to {}, the new key used at {}",
            proof.silent_from, proof.complete_until, proof.new_seen
        ),
        DrainEvidence::Forced { by, reason, .. } => format!("forced by {by}: {reason}"),
    }
}
