use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use crate::app::trip::TripReport;
use crate::app::watch::{Cycle, cycle_within};
use crate::app::{App, AppError};
use crate::cli::{Failure, Output, Session};
use crate::daemon::http::{self, Listen};
use crate::daemon::{self, Board, Signals};
use crate::domain::ledger::TripMode;
use crate::domain::rotation::Event;
use crate::domain::time::rfc3339;
use crate::domain::watch::Level;
use crate::exit::Exit;
use crate::wiring;

/// Arguments of `guard watch`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// One cycle, then exit: 0 all is well, 1 a key was tripped or a trip failed, 69 or 75 the feed could not be read
    #[arg(long)]
    once: bool,
    /// Serve the status page, /metrics, /healthz and /readyz at a loopback address (127.0.0.1:9464) or a socket file
    /// (unix:/run/guard/status.sock). On loopback the token in `status.token` below the state directory is asked for
    #[arg(long, value_name = "ADDR", conflicts_with = "once")]
    listen: Option<Listen>,
}

/// Watches until told to stop, or once.
pub async fn run(args: Args, session: &Session) -> Result<Exit, Failure> {
    let app = session.app("watch")?;
    if args.once {
        // Nothing comes after it, so it sees everything through.
        let outcome = cycle_within(&app, Duration::MAX).await;
        show(&session.out, &app, &outcome);
        return conclude(outcome, &session.out);
    }
    let signals = Signals::listen()
        .map_err(|error| Failure::new(Exit::Internal, format!("signals cannot be received: {error}")))?;
    session.out.calm(format!("watching {} workspaces; Ctrl-C stops", app.ledger.workspaces.len()));
    let board = Board::new(app.clone());
    let _server = match &args.listen {
        Some(listen) => Some(serve(listen, board.clone(), session).await?),
        None => None,
    };
    let reload = || match session.app("watch") {
        Ok(app) => Some(app),
        Err(failure) => {
            session.out.fail(&failure);
            session.out.note("guard: the ledger was not read again; going on with the old one");
            None
        }
    };
    let seen = |app: &App, outcome: &Cycle| {
        board.note(app, outcome);
        show(&session.out, app, outcome);
    };
    daemon::watch(app, signals, reload, seen).await;
    Ok(Exit::Done)
}

async fn serve(listen: &Listen, board: Arc<Board>, session: &Session) -> Result<http::Server, Failure> {
    let token = wiring::status_token(&session.paths)?;
    let server = http::serve(listen, board, token).await.map_err(|error| {
        Failure::new(Exit::Failed, format!("the status server cannot listen at {listen}: {error}"))
            .hint("name another address with --listen")
    })?;
    let address = server.address.to_string();
    session.out.calm(format!("status at {address}"));
    session.out.document(&json!({ "type": "listening", "schema": 1, "address": address }));
    Ok(server)
}

/// Prints what is news: verdicts, trips, steps of rotations, blindness. A quiet cycle prints nothing for people.
fn show(out: &Output, app: &App, outcome: &Cycle) {
    let at = rfc3339(app.clock.now());
    if let Ok(report) = &outcome.poll {
        if let Some(finding) = &report.blind {
            out.note(format!("{at} blind: {}", finding.figures));
        }
        for judged in report.verdicts.iter().filter(|j| j.news && j.verdict.level >= Level::Warn) {
            let whose = judged.workspace.as_ref().map_or("no workspace", |w| w.as_str());
            let verdict = &judged.verdict;
            out.line(format!(
                "{at} {whose} {} {} ({}): {}",
                verdict.level.as_str(),
                verdict.principal,
                verdict.rule.as_str(),
                verdict.sentence
            ));
        }
    }
    for trip in outcome.trips.iter().flatten() {
        let keys =
            trip.keys.iter().map(|k| format!("{} {}", k.key, if k.dead { "proven dead" } else { "not dead yet" }));
        let keys = keys.collect::<Vec<_>>().join(", ");
        let what = match trip.mode {
            TripMode::Observe => "would be tripped (it is only observed)",
            TripMode::Gate => "tripped: the gate is closed",
            TripMode::Kill => "tripped",
        };
        out.line(format!("{at} {} {what}{}{keys}", trip.workspace, if keys.is_empty() { "" } else { ": " }));
        for trouble in &trip.troubles {
            out.note(format!("{at} {}: {trouble}", trip.workspace));
        }
    }
    for ticked in &outcome.ticked {
        for event in &ticked.happened {
            if let Some(text) = milestone(event) {
                out.line(format!("{at} {} {text}", ticked.workspace));
            }
        }
    }
    out.document(&json!({
        "type": "cycle",
        "schema": 1,
        "at": at,
        "principals": outcome.poll.as_ref().ok().map(|r| r.principals),
        "watermark": outcome.poll.as_ref().ok().and_then(|r| r.watermark).map(|m| m.to_string()),
        "blind": outcome.poll.as_ref().map_or_else(|e| Some(e.to_string()), |r| r.blind.as_ref().map(|f| f.figures.to_string())),
        "verdicts": outcome.poll.as_ref().map(|r| r.verdicts.iter().map(|j| json!({
            "workspace": j.workspace, "verdict": j.verdict, "news": j.news,
        })).collect::<Vec<_>>()).unwrap_or_default(),
        "trips": outcome.trips.iter().flatten().collect::<Vec<_>>(),
    }));
}

/// The steps that a person who watches wants to see.
fn milestone(event: &Event) -> Option<String> {
    Some(match event {
        Event::OverlapProven { key } => format!("{key} works and becomes the key to use"),
        Event::Switched => "every consumer holds the new key".to_owned(),
        Event::Drained { .. } => "the old key is out of use".to_owned(),
        Event::DeadProven { key, proof } => match proof.effective_seconds {
            Some(seconds) => format!("{key} is proven dead, {seconds} s after the request"),
            None => format!("{key} is proven dead"),
        },
        Event::RotationEnded { ending } => format!("rotation over: {ending:?}").to_lowercase(),
        Event::Promoted { key } => format!("standby {key} takes over"),
        Event::GateOpened { generation, .. } => format!("the gate is open (generation {generation})"),
        Event::Blocked { task, why } => format!("BLOCKED: {task}: {why}"),
        Event::DriftSeen { key } => format!("{key} was activated by somebody else; it is deactivated again"),
        _ => return None,
    })
}

fn conclude(outcome: Cycle, out: &Output) -> Result<Exit, Failure> {
    let report = outcome.poll.map_err(Failure::from)?;
    if let Some(trouble) = report.trouble {
        return Err(AppError::from(trouble).into());
    }
    let acted = |trip: &Result<TripReport, AppError>| trip.as_ref().map_or(true, |t| t.mode != TripMode::Observe);
    if let Some(trip) = outcome.trips.into_iter().find(acted) {
        trip.map_err(Failure::from)?;
        out.note("guard: a key was tripped; `guard status` shows what is owed");
        return Ok(Exit::Failed);
    }
    let seen = report.watermark.map_or("nothing".to_owned(), |m| m.to_string());
    out.calm(format!("{} principals judged up to {seen}, {} verdicts", report.principals, report.verdicts.len()));
    Ok(Exit::Done)
}
