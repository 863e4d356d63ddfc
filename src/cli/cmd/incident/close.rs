use std::io::Write;

use serde_json::json;

use super::{Which, document};
use crate::app::incident;
use crate::cli::{Failure, Session};
use crate::exit::Exit;
use crate::ports::GateState;

/// Arguments of `guard incident close`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    which: Which,
    /// What caused it [default: asked for]
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
    incident::find(&app, args.which.workspace.as_ref(), args.which.id())?;
    let cause = answer(session, args.cause, "--cause", "What caused it?")?;
    let lesson = answer(session, args.lesson, "--lesson", "What was learnt?")?;
    let (name, life) = incident::close(&app, args.which.workspace.as_ref(), args.which.id(), &cause, &lesson)?;
    session.out.document(&json!({ "type": "incident_closed", "schema": 1, "incident": document(&name, &life) }));
    session.out.calm(format!("{name}: incident {} is {}", life.trip.incident, life.state().words()));
    if matches!(app.gate.read(&name), GateState::Closed { .. }) {
        session.out.line(format!(
            "  its gate is still closed: `guard rearm -w {name} --incident {} --reason TEXT` opens it",
            life.trip.incident
        ));
    }
    Ok(Exit::Done)
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
