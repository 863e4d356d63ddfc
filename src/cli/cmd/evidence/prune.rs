use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde_json::json;
use sha2::{Digest, Sha256};

use super::export::{Stopped, write_lines};
use crate::app::prune::{self, PrunePlan};
use crate::cli::{Failure, Session};
use crate::domain::time::{Timestamp, rfc3339};
use crate::exit::Exit;
use crate::ports::EvidenceLog;

/// Arguments of `guard evidence prune`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Keep what is newer than this (RFC 3339, such as 2025-11-27T00:00:00Z)
    #[arg(long, value_name = "TIME", value_parser = instant)]
    before: Timestamp,
    /// Where the removed records go; a new file
    #[arg(long, value_name = "FILE", required_unless_present = "dry_run")]
    to: Option<PathBuf>,
    /// Say what would be removed and change nothing
    #[arg(short = 'n', long)]
    dry_run: bool,
}

pub(super) fn instant(text: &str) -> Result<Timestamp, String> {
    chrono::DateTime::parse_from_rfc3339(text)
        .map(|time| time.to_utc())
        .map_err(|error| format!("{error}; write for example 2025-11-27T00:00:00Z"))
}

pub(super) fn run(args: &Args, session: &Session) -> Result<Exit, Failure> {
    let app = session.app("evidence prune")?;
    let Some(plan) = prune::plan(&app, args.before)? else {
        session.out.document(&json!({ "type": "evidence_pruned", "schema": 1, "removed": 0 }));
        session.out.calm(format!("no checkpoint is older than {}: nothing to remove", rfc3339(args.before)));
        return Ok(Exit::Done);
    };
    if let Some(what) = &plan.held_by {
        session.out.calm(format!("{what} is open: its records stay"));
    }
    let (first, last) = (plan.first, &plan.last);
    let (Some(to), false) = (&args.to, args.dry_run) else {
        session.out.document(&json!({
            "type": "evidence_pruned", "schema": 1, "dry_run": true, "first": first, "last": last.seq,
        }));
        session.out.line(format!("records {first} to {} would be removed; nothing is changed", last.seq));
        return Ok(Exit::Done);
    };
    let name = to.display().to_string();
    let sum = copy(app.evidence.as_ref(), to, &plan).map_err(|stopped| stopped.failure(&name))?;
    let removed = prune::carry_out(&app, &plan, (&name, &sum))?;
    session.out.document(&json!({
        "type": "evidence_pruned", "schema": 1, "dry_run": false, "first": first, "last": last.seq, "removed": removed,
        "copy": name, "sha256": sum,
    }));
    session.out.calm(format!(
        "records {first} to {} are in {name}; the chain begins with record {}",
        last.seq,
        last.seq + 1
    ));
    Ok(Exit::Done)
}

/// Everything is on the disk before anything is removed. The file is new: no older copy is ever overwritten.
fn copy(log: &dyn EvidenceLog, to: &Path, plan: &PrunePlan) -> Result<String, Stopped> {
    let mut lines = Vec::new();
    write_lines(log, plan.first, plan.last.seq, &mut lines)?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to).map_err(Stopped::Io)?;
    file.write_all(&lines).and_then(|()| file.sync_all()).map_err(Stopped::Io)?;
    Ok(hex::encode(Sha256::digest(&lines)))
}
