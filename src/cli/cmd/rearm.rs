use serde_json::json;

use crate::app::rearm::{self, RearmRequest};
use crate::cli::{Failure, Session};
use crate::domain::ids::{IncidentId, WorkspaceName};
use crate::domain::incident::{Check, CheckState};
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
    #[arg(
        long, value_name = "TEXT", required_unless_present = "dry_run",
        value_parser = clap::builder::NonEmptyStringValueParser::new()
    )]
    reason: Option<String>,
    /// What caused the incident, unless it is on record already
    #[arg(long, value_name = "TEXT", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    cause: Option<String>,
    /// Open although nobody knows the cause yet; it goes on record. A key that is alive keeps the gate closed all the same
    #[arg(long, conflicts_with = "cause")]
    force: bool,
    /// Print the checklist and change nothing
    #[arg(short = 'n', long)]
    dry_run: bool,
}

/// Opens a gate again after an incident.
pub async fn run(args: Args, session: &Session) -> Result<Exit, Failure> {
    let app = session.app("rearm")?;
    session.workspace(&app.ledger, &args.workspace)?;
    let incident = IncidentId(args.incident);
    let (Some(reason), false) = (args.reason, args.dry_run) else {
        let list = rearm::list(&app, &args.workspace, incident)?;
        session.out.document(&json!({ "type": "rearm", "schema": 1, "dry_run": true, "checklist": list }));
        show(session, &list);
        session.out.line("nothing is changed");
        return Ok(Exit::Done);
    };
    let by = app.actor.clone();
    let request =
        RearmRequest { workspace: args.workspace, incident, reason, cause: args.cause, forced: args.force, by };
    let report = match rearm::rearm(&app, &request).await {
        Ok(report) => report,
        Err(error) => {
            if let Ok(list) = rearm::list(&app, &request.workspace, incident) {
                show(session, &list);
            }
            return Err(error.into());
        }
    };
    let list = rearm::list(&app, &request.workspace, incident)?;
    session
        .out
        .document(&json!({ "type": "rearm", "schema": 1, "dry_run": false, "rearm": report, "checklist": list }));
    let name = &report.workspace;
    let left: Vec<Check> = list.into_iter().filter(|check| check.state == CheckState::Mind).collect();
    show(session, &left);
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

fn show(session: &Session, list: &[Check]) {
    for check in list {
        let mark = match check.state {
            CheckState::Done => "done",
            CheckState::Open => "OPEN",
            CheckState::Mind => "mind",
        };
        session.out.line(format!("  {mark}  {}", check.text));
    }
}
