//! Writes the incident bundle: one directory that may be sent to a provider's support desk, an insurer or a lawyer.

use std::path::PathBuf;

use sha2::{Digest, Sha256};

use super::AppError;
use crate::domain::incident::IncidentReport;
use crate::domain::secret_scan::{KnownSecrets, holds_secret};
use crate::ports::{BundleFile, BundleStore};
use crate::report::incident;

/// Writes the bundle of `report` and returns its directory, named after workspace, incident and the time of the report.
///
/// # Errors
/// [`AppError::Refused`] when a file would hold something that looks like a key or is a known secret; then nothing is
/// written, and the error names the file but not what was found. [`AppError::Store`] when the directory cannot be written.
pub fn write(report: &IncidentReport, known: KnownSecrets<'_>, store: &dyn BundleStore) -> Result<PathBuf, AppError> {
    let files = files(report)?;
    if let Some(file) = files.iter().find(|f| holds_secret(&String::from_utf8_lossy(&f.content), known)) {
        return Err(AppError::Refused {
            what: format!("{} of the incident bundle would hold a secret; nothing was written", file.name),
            remedy: "find out how a secret got into guard's records, and report it as a bug; the incident itself is safe in \
                     the state and in the evidence"
                .to_owned(),
        });
    }
    let directory =
        format!("incident-{}-{}-{}", report.workspace, report.incident, report.generated_at.format("%Y%m%dT%H%M%SZ"));
    Ok(store.write_bundle(&directory, &files)?)
}

fn files(report: &IncidentReport) -> Result<Vec<BundleFile>, AppError> {
    let unwritable = |what: &str, why: String| AppError::Bug(format!("{what} could not be written: {why}"));
    let json = incident::json(report)
        .and_then(|document| serde_json::to_vec_pretty(&document))
        .map_err(|e| unwritable("incident.json", e.to_string()))?;
    let usage = incident::usage_csv(&report.usage).map_err(|e| unwritable("usage.csv", e.to_string()))?;
    let events: String = report.evidence.records.iter().map(|line| format!("{line}\n")).collect();
    let file = |name, content| BundleFile { name, content };
    let mut files = vec![
        file("config.redacted.toml", report.ledger.as_str().as_bytes().to_vec()),
        file("events.jsonl", events.into_bytes()),
        file("incident.json", json),
        file("report.html", incident::html(report).into_bytes()),
        file("usage.csv", usage),
    ];
    let sums: String =
        files.iter().map(|f| format!("{}  {}\n", hex::encode(Sha256::digest(&f.content)), f.name)).collect();
    files.push(file("SHA256SUMS", sums.into_bytes()));
    Ok(files)
}
