use crate::app::AppError;
use crate::cli::{Failure, Session};
use crate::exit::Exit;
use crate::ports::EvidenceLog;
use crate::wiring;

pub(super) fn run(session: &Session) -> Result<Exit, Failure> {
    let head = wiring::evidence(&session.paths)?.evidence_head().map_err(AppError::from)?;
    let parts = head.as_ref().map(|(seq, hash)| serde_json::json!({ "seq": seq, "hash": hash }));
    session.out.document(&serde_json::json!({ "type": "evidence_head", "schema": 1, "head": parts }));
    match head {
        Some((seq, hash)) => session.out.line(format!("{seq}:{hash}")),
        None => session.out.note("the chain has no records yet"),
    }
    Ok(Exit::Done)
}
