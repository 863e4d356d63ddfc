use serde_json::json;

use super::{Which, document};
use crate::app::incident;
use crate::cli::{Failure, Session};
use crate::exit::Exit;

pub(super) fn run(which: &Which, session: &Session) -> Result<Exit, Failure> {
    let app = session.app("incident ack")?;
    if let Some(name) = &which.workspace {
        session.workspace(&app.ledger, name)?;
    }
    let (name, life) = incident::acknowledge(&app, which.workspace.as_ref(), which.id())?;
    session.out.document(&json!({
        "type": "incident_acknowledged", "schema": 1, "incident": document(&name, &life),
    }));
    let by = life.acknowledged.as_ref().map_or("somebody", |(_, by)| by.as_str());
    session.out.calm(format!("{name}: incident {} is looked after by {by}", life.trip.incident));
    Ok(Exit::Done)
}
