use serde_json::json;

use crate::app::rearm;
use crate::cli::{Failure, Session};
use crate::domain::ids::{IncidentId, WorkspaceName};
use crate::exit::Exit;

/// Arguments of `guard rearm`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Whose gate
    #[arg(short, long, value_name = "NAME")]
    workspace: WorkspaceName,
    /// The incident that you have looked at; a newer one keeps the gate closed
    #[arg(long, value_name = "N")]
    incident: u64,
    /// Why the gate may open, for the record
    #[arg(long, value_name = "TEXT", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    reason: String,
}

/// Opens a gate again after an incident.
pub async fn run(args: Args, session: &Session) -> Result<Exit, Failure> {
    let app = session.app("rearm")?;
    session.workspace(&app.ledger, &args.workspace)?;
    let by = app.actor.clone();
    let report = rearm::rearm(&app, &args.workspace, IncidentId(args.incident), &args.reason, &by).await?;
    session.out.document(&json!({ "type": "rearm", "schema": 1, "rearm": report }));
    let name = &report.workspace;
    if !report.open {
        return Err(Failure::new(
            Exit::Later,
            format!(
                "incident {} is released; the gate of `{name}` opens once its key is proven to work",
                report.incident
            ),
        )
        .hint(format!("`guard tick -w {name}` tries again now; `guard watch` does so by itself")));
    }
    let key = report.key.map_or_else(String::new, |k| format!(" with {k}"));
    session.out.calm(format!("{name}: incident {} is released and the gate is open{key}", report.incident));
    Ok(Exit::Done)
}
