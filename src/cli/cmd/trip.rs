use serde_json::json;

use crate::app::trip::{self, TripCause, TripReport, TripRequest};
use crate::cli::{Failure, Session};
use crate::domain::ids::{KeyId, WorkspaceName};
use crate::domain::ledger::TripMode;
use crate::exit::Exit;
use crate::wiring;

/// Arguments of `guard trip`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit status: 0 stopped and proven dead, 1 something could not be done, 75 not proven dead yet (guard goes on)"
)]
pub struct Args {
    /// Whose key
    #[arg(short, long, value_name = "NAME")]
    workspace: WorkspaceName,
    /// Which key [default: every key that is deployed in the workspace]
    #[arg(long, value_name = "ID")]
    key: Option<KeyId>,
    /// Why, for the record
    #[arg(long, value_name = "TEXT", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    reason: String,
    /// Close the gate and leave the key alive
    #[arg(long)]
    gate_only: bool,
    /// Print what would be stopped and change nothing
    #[arg(short = 'n', long)]
    dry_run: bool,
}

/// Stops a workspace's keys by hand.
pub async fn run(args: Args, session: &Session) -> Result<Exit, Failure> {
    let app = match session.app("trip") {
        Ok(app) => app,
        Err(failure) if args.dry_run => return Err(failure),
        Err(failure) => return Err(close_gate_alone(&args, session, failure)),
    };
    session.workspace(&app.ledger, &args.workspace)?;
    let request = TripRequest {
        workspace: args.workspace,
        key: args.key,
        cause: TripCause { rule: "person".to_owned(), sentence: args.reason, figures: json!({}), by_person: true },
    };
    let mode = if args.gate_only { TripMode::Gate } else { TripMode::Kill };
    if args.dry_run {
        let report = trip::dry_run(&app, &request, mode)?;
        document(session, &report, true);
        session.out.line(format!("{}: nothing is changed; a trip would close the gate", report.workspace));
        for killed in &report.keys {
            session.out.line(format!("  and deactivate {}, then prove it dead", killed.key));
        }
        return Ok(Exit::Done);
    }
    let report = trip::trip_as(&app, &request, mode).await?;
    document(session, &report, false);
    show(session, &report);
    outcome(&report)
}

/// The most certain act of a trip when guard's records cannot even be opened (a full disk): no job starts any more.
fn close_gate_alone(args: &Args, session: &Session, failure: Failure) -> Failure {
    let name = &args.workspace;
    // Without a ledger there is no such workspace, and the failure that is there says why.
    let Ok(ledger) = session.ledger() else { return failure };
    if let Err(unknown) = session.workspace(&ledger, name) {
        return unknown;
    }
    let closed = wiring::key_ring(&session.paths, &ledger)
        .and_then(|ring| ring.gate.close(name, &args.reason).map_err(|e| Failure::new(Exit::Failed, e.to_string())));
    let what = match closed {
        Ok(()) => format!("the gate of `{name}` is closed, but no key was deactivated and nothing is on record"),
        Err(error) => format!("the gate of `{name}` may still be open: {}; and no key was deactivated", error.message),
    };
    Failure::new(failure.exit, format!("{what}: {}", failure.message))
        .hint("deactivate the key in the Console now; mend what is named here, then run the same command again")
}

fn document(session: &Session, report: &TripReport, dry_run: bool) {
    session.out.document(&json!({ "type": "trip", "schema": 1, "dry_run": dry_run, "trip": report }));
}

fn show(session: &Session, report: &TripReport) {
    let (out, name) = (&session.out, &report.workspace);
    let incident = report.incident.map_or_else(String::new, |i| format!(" by incident {i}"));
    if report.gate_closed {
        out.line(format!("{name}: the gate is closed{incident}"));
    }
    for killed in &report.keys {
        let seconds = killed.effective_seconds.map_or_else(String::new, |s| format!(", {s} s after the request"));
        match killed.dead {
            true => out.line(format!("  {} is proven dead{seconds}", killed.key)),
            false => out.line(format!("  {} is NOT proven dead yet; guard goes on trying", killed.key)),
        }
    }
    if let Some(promoted) = &report.promoted {
        out.line(format!("  standby {promoted} took over"));
    }
    if let Some(bundle) = &report.bundle {
        out.line(format!("  all about it: {}", bundle.display()));
    }
    match report.incident {
        Some(_) if report.reopened => out.line("  the gate is open again, as the workspace's policy says"),
        Some(incident) => {
            out.line(format!(
                "  when the cause is known: `guard rearm -w {name} --incident {incident} --cause TEXT --reason TEXT`"
            ));
        }
        None => {}
    }
}

fn outcome(report: &TripReport) -> Result<Exit, Failure> {
    let alive = report.keys.iter().any(|k| !k.dead);
    if report.incident.is_none() || !(report.gate_closed || report.reopened) {
        return Err(Failure::new(Exit::Failed, format!("the trip is incomplete: {}", report.troubles.join("; ")))
            .hint("mend that and run the same command again; what could be stopped is stopped"));
    }
    if alive {
        let troubles = report.troubles.join("; ");
        let why = if troubles.is_empty() { "the provider has not confirmed it".to_owned() } else { troubles };
        return Err(Failure::new(Exit::Later, format!("a key is not proven dead yet: {why}"))
            .hint(format!("`guard tick -w {}` tries again now; `guard watch` does so by itself", report.workspace)));
    }
    Ok(Exit::Done)
}
