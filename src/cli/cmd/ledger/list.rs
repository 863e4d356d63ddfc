use comfy_table::{Table, presets};
use serde_json::{Value, json};

use crate::cli::{Failure, Session};
use crate::domain::ledger::{TripMode, Workspace};
use crate::exit::Exit;

/// Prints one line a workspace.
pub(super) fn run(session: &Session) -> Result<Exit, Failure> {
    let ledger = session.ledger()?;
    let workspaces: Vec<Value> = ledger.workspaces.iter().map(document).collect();
    session.out.document(&json!({ "schema": 1, "workspaces": workspaces }));
    if ledger.workspaces.is_empty() {
        session.out.line("the ledger has no workspace yet; `guard init` shows what one looks like");
        return Ok(Exit::Done);
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["WORKSPACE", "ENVIRONMENT", "OWNER", "ON TRIP", "STANDBYS", "MONTHLY LIMIT", "CONSUMERS"]);
    for workspace in &ledger.workspaces {
        table.add_row([
            workspace.name.to_string(),
            workspace.environment.clone(),
            workspace.owner.clone().unwrap_or_else(|| "nobody".to_owned()),
            trip_word(workspace.trip.mode).to_owned(),
            workspace.rotation.standbys.to_string(),
            workspace.monthly_limit.map_or_else(|| "none".to_owned(), |limit| limit.to_string()),
            consumers(workspace).join(", "),
        ]);
    }
    session.out.line(table.trim_fmt());
    Ok(Exit::Done)
}

fn trip_word(mode: TripMode) -> &'static str {
    match mode {
        TripMode::Observe => "observe",
        TripMode::Gate => "gate",
        TripMode::Kill => "kill",
    }
}

fn consumers(workspace: &Workspace) -> Vec<&str> {
    workspace.consumers.iter().map(|consumer| consumer.name.as_str()).collect()
}

fn document(workspace: &Workspace) -> Value {
    json!({
        "name": workspace.name,
        "id": workspace.id,
        "environment": workspace.environment,
        "owner": workspace.owner,
        "trip_mode": workspace.trip.mode,
        "standbys": workspace.rotation.standbys,
        "monthly_limit_usd": workspace.monthly_limit,
        "consumers": consumers(workspace),
    })
}
