use std::time::Duration;

use chrono::DateTime;
use serde_json::json;

use crate::app::App;
use crate::app::silence::{self, SilenceRequest};
use crate::cli::{Failure, Session};
use crate::domain::ids::{NotifierName, WorkspaceName};
use crate::domain::time::{Timestamp, rfc3339};
use crate::exit::Exit;

/// Arguments of `guard notify silence`.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("end").required(true).args(["lasting", "until"]))]
pub struct Args {
    /// Only this channel
    #[arg(long, value_name = "NAME")]
    channel: Option<NotifierName>,
    /// Only what concerns this workspace
    #[arg(short, long, value_name = "NAME")]
    workspace: Option<WorkspaceName>,
    /// For how long, such as 2h; at most 30 days
    #[arg(long = "for", value_name = "DURATION", value_parser = humantime::parse_duration)]
    lasting: Option<Duration>,
    /// Until when (RFC 3339, such as 2026-12-01T06:00:00Z)
    #[arg(long, value_name = "TIME", value_parser = instant)]
    until: Option<Timestamp>,
    /// Why, for the record
    #[arg(long, value_name = "TEXT", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    reason: String,
    /// Critical notices, too; at most 24 hours
    #[arg(long)]
    even_critical: bool,
}

fn instant(text: &str) -> Result<Timestamp, String> {
    DateTime::parse_from_rfc3339(text)
        .map(|time| time.to_utc())
        .map_err(|error| format!("{error}; write for example 2026-12-01T06:00:00Z"))
}

/// Begins a silence.
pub fn run(args: Args, session: &Session) -> Result<Exit, Failure> {
    let app = session.app("notify silence")?;
    if let Some(workspace) = &args.workspace {
        session.workspace(&app.ledger, workspace)?;
    }
    let request = SilenceRequest {
        lasting: lasting(&args, &app)?,
        channel: args.channel,
        workspace: args.workspace,
        reason: args.reason,
        even_critical: args.even_critical,
    };
    let silence = silence::begin(&app, request)?;
    session.out.document(&json!({ "type": "silence", "schema": 1, "silence": silence }));
    let rest = if silence.even_critical {
        "Nothing of it is told, trips included."
    } else {
        "What is critical is told all the same."
    };
    session.out.calm(format!("silence {} until {}. {rest}", silence.id, rfc3339(silence.until)));
    session.out.calm(format!("`guard notify unsilence {}` ends it.", silence.id));
    Ok(Exit::Done)
}

fn lasting(args: &Args, app: &App) -> Result<Duration, Failure> {
    match (args.lasting, args.until) {
        (Some(lasting), _) => Ok(lasting),
        (None, Some(until)) => (until - app.clock.now())
            .to_std()
            .map_err(|_| Failure::new(Exit::Usage, format!("{} is over already", rfc3339(until)))),
        (None, None) => Err(Failure::new(Exit::Usage, "a silence needs an end").hint("add --for 2h")),
    }
}
