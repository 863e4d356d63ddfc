use std::time::Duration;

use serde_json::json;

use crate::app::hold;
use crate::cli::{Failure, Session};
use crate::domain::time::rfc3339;
use crate::exit::Exit;

/// Arguments of `guard hold`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Put guard on hold, for this reason; it goes on record and everybody is told
    #[arg(long, value_name = "TEXT", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    reason: Option<String>,
    /// For how long, such as 30m; at most 7 days [default: 4h]
    #[arg(long = "for", value_name = "DURATION", value_parser = humantime::parse_duration, requires = "reason")]
    lasting: Option<Duration>,
    /// End the hold: guard acts by itself again
    #[arg(long, conflicts_with_all = ["reason", "lasting"])]
    release: bool,
}

/// Shows, begins or ends the hold.
pub async fn run(args: Args, session: &Session) -> Result<Exit, Failure> {
    let app = session.app("hold")?;
    let (hold, line) = if args.release {
        let ended = hold::release(&app)?;
        (None, format!("the hold of {} is over: guard acts by itself again", rfc3339(ended.since)))
    } else if let Some(reason) = &args.reason {
        let hold = hold::begin(&app, args.lasting.unwrap_or(hold::USUAL), reason)?;
        let until = rfc3339(hold.until);
        (
            Some(hold),
            format!("guard is on hold until {until}: no rule stops a key, no rotation goes on; trips are seen through"),
        )
    } else {
        let hold = hold::current(&app);
        let line = match &hold {
            Some(hold) => format!("guard is on hold since {}: {hold}", rfc3339(hold.since)),
            None => "guard is not on hold".to_owned(),
        };
        (hold, line)
    };
    let asked = args.reason.is_none() && !args.release;
    session.out.document(&json!({ "type": "hold", "schema": 1, "hold": hold }));
    if asked {
        session.out.line(line)
    } else {
        session.out.calm(line)
    }
    if hold.is_some() {
        session.out.calm("`guard hold --release` ends it; `guard trip` works all the same");
    }
    Ok(Exit::Done)
}
