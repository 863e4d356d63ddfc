use serde_json::json;

use crate::app::silence;
use crate::cli::{Failure, Session};
use crate::exit::Exit;

/// Arguments of `guard notify unsilence`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Its number
    #[arg(value_name = "N")]
    number: u64,
}

/// Ends a silence.
pub fn run(args: &Args, session: &Session) -> Result<Exit, Failure> {
    let app = session.app("notify unsilence")?;
    let silence = silence::end(&app, args.number)?;
    session.out.document(&json!({ "type": "silence_ended", "schema": 1, "silence": silence }));
    session.out.calm(format!("silence {} is over", silence.id));
    Ok(Exit::Done)
}
