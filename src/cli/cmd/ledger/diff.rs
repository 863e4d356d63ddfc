use serde_json::json;

use crate::app::reconcile;
use crate::cli::{Failure, Session};
use crate::domain::ledger::reconcile::Finding;
use crate::domain::notice::Severity;
use crate::exit::Exit;

/// Prints what is not as the ledger says.
pub(super) async fn run(session: &Session) -> Result<Exit, Failure> {
    let app = session.app("ledger diff")?;
    let managed = reconcile::managed(&app)?;
    let findings = reconcile::findings(&app, &managed).await?;
    session.out.document(&json!({ "schema": 1, "findings": findings }));
    for finding in &findings {
        session.out.line(text(finding));
    }
    let to_act = findings.iter().filter(|finding| finding.severity >= Severity::Warning).count();
    if to_act == 0 {
        session.out.calm(format!("nothing to act on; findings: {}", findings.len()));
        return Ok(Exit::Done);
    }
    session.out.note(format!("guard: the provider differs from the ledger; findings to act on: {to_act}"));
    Ok(Exit::Failed)
}

fn text(finding: &Finding) -> String {
    let Finding { id, severity, subject, message, remedy, .. } = finding;
    format!("{id} {}  {subject}\n     {message}\n     → {remedy}", severity.as_str())
}
