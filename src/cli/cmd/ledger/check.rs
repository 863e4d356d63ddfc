use serde_json::json;

use crate::cli::{Failure, Session, diagnostics};
use crate::exit::Exit;
use crate::wiring::{self, LedgerError, LoadedLedger};

/// Reads the ledger and prints its problems.
pub(super) fn run(session: &Session) -> Result<Exit, Failure> {
    let path = session.paths.ledger.display().to_string();
    let loaded = wiring::load_ledger(&session.paths);
    match &loaded {
        Ok(loaded) => {
            session.out.document(&json!({ "schema": 1, "ok": true, "problems": loaded.parsed.warnings }));
        }
        Err(LedgerError::Wrong { problems, .. }) => {
            session.out.document(&json!({ "schema": 1, "ok": false, "problems": problems }));
        }
        Err(LedgerError::File(_)) => {}
    }
    let LoadedLedger { text, parsed } = session.judged(loaded)?;
    if !parsed.warnings.is_empty() {
        session.out.note(diagnostics::render(&path, &text, &parsed.warnings));
    }
    let (workspaces, warnings) = (parsed.ledger.workspaces.len(), parsed.warnings.len());
    session.out.calm(format!("{path}: no mistakes; workspaces: {workspaces}, warnings: {warnings}"));
    Ok(Exit::Done)
}
