use serde_json::json;

use super::{Which, document, next_step};
use crate::app::incident;
use crate::cli::{Failure, Session};
use crate::exit::Exit;
use crate::report::incident::{json as report_json, text};

pub(super) fn run(which: &Which, session: &Session) -> Result<Exit, Failure> {
    let app = session.app("incident")?;
    if let Some(name) = &which.workspace {
        session.workspace(&app.ledger, name)?;
    }
    let (name, life) = incident::find(&app, which.workspace.as_ref(), which.id())?;
    let report = incident::report(&app, session.workspace(&app.ledger, &name)?, &life)?;
    let whole = report_json(&report).map_err(|error| Failure::new(Exit::Internal, error.to_string()))?;
    session.out.document(&json!({
        "type": "incident", "schema": 1, "incident": document(&name, &life), "report": whole,
    }));
    session.out.line(format!("{name}, incident {}: {}", life.trip.incident, life.state().words()));
    for line in text(&report) {
        session.out.line(line);
    }
    if let Some((_, by)) = &life.acknowledged {
        session.out.line(format!("Looked after by {by}"));
    }
    if let Some(closing) = &life.closing {
        session.out.line(format!("Cause, as {} found: {}", closing.by, closing.cause));
        session.out.line(format!("Lesson: {}", closing.lesson));
    }
    if let Some(next) = next_step(&name, &life) {
        session.out.line(format!("Next: {next}"));
    }
    Ok(Exit::Done)
}
