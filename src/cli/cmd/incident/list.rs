use serde_json::json;

use super::document;
use crate::app::incident;
use crate::cli::{Failure, Session};
use crate::domain::ids::WorkspaceName;
use crate::domain::incident::LifeState;
use crate::domain::time::{humane, rfc3339};
use crate::exit::Exit;

/// Arguments of `guard incident list`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only this workspace
    #[arg(short, long, value_name = "NAME")]
    workspace: Option<WorkspaceName>,
    /// Leave out what is resolved
    #[arg(long)]
    open: bool,
    /// What would have been incidents, had guard been allowed to act (`trip.mode = "observe"`, `guard hold`)
    #[arg(long, conflicts_with = "open")]
    simulated: bool,
}

pub(super) fn run(args: &Args, session: &Session) -> Result<Exit, Failure> {
    let app = session.app("incident")?;
    if let Some(name) = &args.workspace {
        session.workspace(&app.ledger, name)?;
    }
    if args.simulated {
        return simulated(args, session);
    }
    let mut found = incident::all(&app, args.workspace.as_ref())?;
    found.retain(|(_, life)| !(args.open && life.state() == LifeState::Resolved));
    found.sort_by(|(a, x), (b, y)| y.moments.detected.cmp(&x.moments.detected).then_with(|| a.cmp(b)));
    let documents: Vec<_> = found.iter().map(|(name, life)| document(name, life)).collect();
    session.out.document(&json!({ "type": "incidents", "schema": 1, "incidents": documents }));
    if found.is_empty() {
        session.out.calm("no incidents");
    }
    for (name, life) in &found {
        let dead = life.to_dead().map_or_else(String::new, |d| format!(", dead after {}", humane(d)));
        session.out.line(format!(
            "{name} {}  {}  {}{dead}",
            life.trip.incident,
            rfc3339(life.moments.detected),
            life.state().words()
        ));
        session.out.line(format!("    {}: {}", life.trip.rule, life.trip.sentence));
    }
    Ok(Exit::Done)
}

fn simulated(args: &Args, session: &Session) -> Result<Exit, Failure> {
    let app = session.app("incident")?;
    let mut found = incident::simulated(&app, args.workspace.as_ref())?;
    found.reverse();
    session.out.document(&json!({ "type": "incidents_simulated", "schema": 1, "incidents": found }));
    if found.is_empty() {
        session.out.calm("nothing would have been stopped that was not");
    }
    for one in &found {
        let why = if one.held.is_some() { "guard was on hold" } else { "the workspace observes" };
        session.out.line(format!("{}  {}  {} ({why})", one.workspace, one.at, one.state.words()));
        session.out.line(format!("    {}: {}", one.rule, one.sentence));
    }
    Ok(Exit::Done)
}
