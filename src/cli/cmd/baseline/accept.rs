use serde_json::json;

use crate::app::baseline;
use crate::cli::{Failure, Session};
use crate::domain::ids::{KeyId, WorkspaceName};
use crate::exit::Exit;

/// Arguments of `guard baseline accept`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Whose usage
    #[arg(short, long, value_name = "NAME")]
    workspace: WorkspaceName,
    /// Only this key's
    #[arg(long, value_name = "ID")]
    key: Option<KeyId>,
    /// Why it was legitimate, for the record
    #[arg(long, value_name = "TEXT", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    reason: String,
}

/// Accepts what was used so far.
pub fn run(args: &Args, session: &Session) -> Result<Exit, Failure> {
    let app = session.app("baseline accept")?;
    session.workspace(&app.ledger, &args.workspace)?;
    let accepted = baseline::accept(&app, &args.workspace, args.key.as_ref(), &args.reason)?;
    session.out.document(&json!({
        "type": "baseline_accepted", "schema": 1, "workspace": args.workspace, "principals": accepted,
    }));
    for principal in accepted {
        session.out.calm(format!("{}: everything that {principal} used so far teaches its baseline", args.workspace));
    }
    Ok(Exit::Done)
}
