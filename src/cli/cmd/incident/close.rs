use std::io::Write;

use serde_json::json;

use super::{Which, document};
use crate::app::backtest::own::{Hindsight, hindsight};
use crate::app::incident;
use crate::cli::{Failure, Session};
use crate::exit::Exit;
use crate::ports::GateState;
use crate::wiring;

/// Arguments of `guard incident close`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    which: Which,
    /// What caused it [default: what is on record, else asked for]
    #[arg(long, value_name = "TEXT", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    cause: Option<String>,
    /// What was learnt [default: asked for]
    #[arg(long, value_name = "TEXT", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    lesson: Option<String>,
}

pub(super) fn run(args: Args, session: &Session) -> Result<Exit, Failure> {
    let app = session.app("incident close")?;
    if let Some(name) = &args.which.workspace {
        session.workspace(&app.ledger, name)?;
    }
    // Before anything is asked for.
    let (name, life) = incident::find(&app, args.which.workspace.as_ref(), args.which.id())?;
    let cause = match (args.cause, life.cause.clone()) {
        (None, Some(known)) => known,
        (given, _) => answer(session, given, "--cause", "What caused it?")?,
    };
    let lesson = answer(session, args.lesson, "--lesson", "What was learnt?")?;
    let hindsight = match hindsight(&app, &name, &life) {
        Ok(hindsight) => Some(hindsight),
        Err(error) => {
            session.out.note(format!("guard: what would have stopped it earlier could not be found out: {error}"));
            None
        }
    };
    let better = hindsight.as_ref().map(|found| found.better.as_slice()).unwrap_or_default();
    let diff = match better.first() {
        Some(best) => wiring::ledger_diff(&session.paths, &app.ledger_text, &name, std::slice::from_ref(&best.change))?,
        None => String::new(),
    };
    let policy = better.iter().map(ToString::to_string).collect();
    let (name, life) = incident::close(&app, Some(&name), life.trip.incident, &cause, &lesson, policy)?;
    session.out.document(&json!({
        "type": "incident_closed", "schema": 1, "incident": document(&name, &life), "hindsight": hindsight, "diff": diff,
    }));
    session.out.calm(format!("{name}: incident {} is {}", life.trip.incident, life.state().words()));
    if let Some(hindsight) = &hindsight {
        teach(session, hindsight, &diff);
    }
    if matches!(app.gate.read(&name), GateState::Closed { .. }) {
        session.out.line(format!(
            "  its gate is still closed: `guard rearm -w {name} --incident {} --cause TEXT --reason TEXT` opens it",
            life.trip.incident
        ));
    }
    Ok(Exit::Done)
}

/// What would have stopped it earlier, as a change of the ledger for people to review.
fn teach(session: &Session, hindsight: &Hindsight, diff: &str) {
    let out = &session.out;
    if hindsight.better.is_empty() {
        out.calm(match hindsight.days {
            0..7 => format!("  {} days of usage before it are too few to try a change of the ledger on", hindsight.days),
            days => format!(
                "  no change of the ledger that guard knows would have stopped it earlier without stopping something in the {days} days before"
            ),
        });
        return;
    }
    out.line(format!(
        "Until it was decided on, {} were spent. Tried on that and on the {} days before, which they would not have stopped:",
        hindsight.lost, hindsight.days
    ));
    for better in &hindsight.better {
        out.line(format!("  {better} ({})", better.change.why));
    }
    out.line("Proposed, for review:");
    for line in diff.lines() {
        out.line(line);
    }
}

fn answer(session: &Session, given: Option<String>, option: &str, question: &str) -> Result<String, Failure> {
    if let Some(text) = given {
        return Ok(text);
    }
    if session.globals.no_input || !session.out.interactive() {
        return Err(Failure::new(Exit::Usage, format!("{question} There is nobody to ask."))
            .hint(format!("say it with {option} TEXT")));
    }
    let _ = write!(std::io::stderr(), "{question} ");
    let mut text = String::new();
    // What cannot be read is no answer.
    let _ = std::io::stdin().read_line(&mut text);
    match text.trim() {
        "" => Err(Failure::new(Exit::Refused, "no answer; nothing was changed")),
        text => Ok(text.to_owned()),
    }
}
