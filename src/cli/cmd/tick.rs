use serde_json::{Value, json};

use crate::app::drive::{self, Patience, Pause, Ticked};
use crate::app::rotate::{self, Order, RotateRequest};
use crate::app::watch::look;
use crate::app::{App, AppError, heartbeat, hold, outbox};
use crate::cli::{Failure, Session};
use crate::domain::ids::WorkspaceName;
use crate::domain::ledger::TripMode;
use crate::domain::time::rfc3339;
use crate::exit::Exit;
use crate::ports::StoreError;

/// Arguments of `guard tick`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only this workspace
    #[arg(short, long, value_name = "NAME")]
    workspace: Option<WorkspaceName>,
    /// Begin no rotation, even if one is due
    #[arg(long)]
    no_due: bool,
}

/// Looks at usage first, then begins what is due, takes everything that is open as far as it goes now, and tells people.
pub async fn run(args: Args, session: &Session) -> Result<Exit, Failure> {
    let app = session.app("tick")?;
    if let Some(name) = &args.workspace {
        session.workspace(&app.ledger, name)?;
    }
    let (poll, trips) = look(&app).await;
    let saw_well = heartbeat::saw_well(&poll, &trips);
    let trouble = poll.and_then(|report| report.trouble.map_or(Ok(()), |trouble| Err(AppError::from(trouble))));
    for one in &trips {
        match one {
            Ok(trip) if trip.mode == TripMode::Observe => {}
            Ok(trip) => session.out.line(format!("{}: tripped; `guard status` shows what is owed", trip.workspace)),
            Err(error) => session.out.note(format!("guard: a trip failed: {error}")),
        }
    }
    let held = hold::current(&app);
    if let Some(hold) = &held {
        session.out.line(format!("guard is on hold, only what trips owe is done: {hold}"));
    }
    if !args.no_due && held.is_none() {
        begin_due(&app, args.workspace.as_ref(), session).await;
    }
    let ticked = drive::tick(&app, args.workspace.as_ref()).await;
    let documents: Vec<Value> = ticked.iter().map(document).collect();
    session.out.document(&json!({ "type": "tick", "schema": 1, "workspaces": documents }));
    let mut failure = trouble.err().map(Failure::from);
    if let Some(blind) = &failure {
        session.out.note(format!("guard: blind: {}", blind.message));
    }
    if let Err(error) = outbox::deliver(&app).await {
        session.out.note(format!("guard: notices could not be delivered: {error}"));
    }
    heartbeat::beat(&app, saw_well).await;
    for one in ticked {
        let name = one.workspace;
        match one.pause {
            Ok(Pause::Settled) => session.out.calm(format!("{name}: nothing is owed")),
            Ok(Pause::Waiting { until, why }) => {
                session.out.line(format!("{name}: waiting until {}: {why}", rfc3339(until)));
            }
            Ok(Pause::Asking(ask)) => session.out.line(format!("{name}: a person must act: {ask}")),
            // Whoever holds the lock does the same work.
            Err(AppError::Store(StoreError::Busy { holder, .. })) => {
                session.out.calm(format!("{name}: {holder} is at it"));
            }
            Err(error) => {
                let this = Failure::from(error);
                session.out.note(format!("guard: {name}: {}", this.message));
                failure.get_or_insert(this);
            }
        }
    }
    match failure {
        None => Ok(Exit::Done),
        Some(failure) => Ok(failure.exit),
    }
}

/// Opens rotations that are due; the tick that follows takes them on. One that cannot begin is told and holds up no other.
async fn begin_due(app: &App, only: Option<&WorkspaceName>, session: &Session) {
    for (name, due) in rotate::due(app) {
        if only.is_some_and(|o| *o != name) || !due.as_ref().is_ok_and(|due| *due) {
            continue;
        }
        let request = RotateRequest {
            order: Order::Forward,
            reason: rotate::SCHEDULED.to_owned(),
            patience: Patience::Short,
            lock_wait: session.globals.lock_timeout,
        };
        if let Err(error) = rotate::rotate(app, &name, &request).await {
            session.out.note(format!("guard: {name}: {error}"));
        }
    }
}

fn document(ticked: &Ticked) -> Value {
    let (state, until, what) = match &ticked.pause {
        Ok(Pause::Settled) => ("settled", None, None),
        Ok(Pause::Waiting { until, why }) => ("waiting", Some(rfc3339(*until)), Some(why.to_string())),
        Ok(Pause::Asking(ask)) => ("asking", None, Some(ask.to_string())),
        Err(error) => ("failed", None, Some(error.to_string())),
    };
    json!({ "workspace": ticked.workspace, "state": state, "until": until, "what": what, "events": ticked.happened })
}
