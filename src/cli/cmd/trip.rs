use serde_json::json;

use crate::app::trip::{self, Ending, TripCause, TripReport, TripRequest};
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
        Err(failure) => return Err(without_records(&args, session, failure).await),
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

/// What a trip does when guard's records cannot even be opened (a full disk): no job starts any more, and the key is deactivated. The
/// note in the gate tells the next guard what it has to write down.
async fn without_records(args: &Args, session: &Session, failure: Failure) -> Failure {
    let name = &args.workspace;
    // Without a ledger there is no such workspace, and the failure that is there says why.
    let Ok(ledger) = session.ledger() else { return failure };
    let workspace = match session.workspace(&ledger, name) {
        Ok(workspace) => workspace,
        Err(unknown) => return unknown,
    };
    let switch = match wiring::kill_switch(&session.paths, &ledger) {
        Ok(switch) => switch,
        Err(error) => {
            return Failure::new(error.exit, format!("nothing was stopped: {}; {}", error.message, failure.message))
                .hint("deactivate the key in the Console now");
        }
    };
    if args.gate_only {
        let closed = switch.gate.close(name, &args.reason);
        let what = closed.map_or_else(|error| error.to_string(), |()| format!("the gate of `{name}` is closed"));
        return Failure::new(failure.exit, format!("{what}, and nothing is on record: {}", failure.message))
            .hint("mend that, then run the same command again");
    }
    let done = trip::trip_unrecorded(&switch, workspace, args.key.as_ref(), &args.reason).await;
    let mut said = vec![match done.gate {
        Ok(()) => format!("the gate of `{name}` is closed"),
        Err(error) => format!("the gate of `{name}` may still be open: {error}"),
    }];
    let mut hint = "mend what is named here, then run the same command again: it goes on from what the gate says";
    for (key, ending) in &done.keys {
        said.push(match ending {
            Ending::Dead => format!("{key} is deactivated and refused"),
            Ending::Off => format!("{key} is deactivated"),
            Ending::Alive(why) => format!("{key} may be ALIVE ({why})"),
        });
    }
    if done.keys.is_empty() {
        said.push("no key was deactivated, because guard does not know which one is meant".to_owned());
    }
    if done.keys.is_empty() || done.keys.iter().any(|(_, ending)| matches!(ending, Ending::Alive(_))) {
        hint = "deactivate the key in the Console now; mend what is named here, then run the same command again";
    }
    let what = said.join(", ");
    Failure::new(failure.exit, format!("{what}; nothing is on record yet: {}", failure.message)).hint(hint)
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
