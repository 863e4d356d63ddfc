use std::path::PathBuf;

use serde_json::json;

use super::{Which, document};
use crate::app::incident;
use crate::cli::{Failure, Session};
use crate::exit::Exit;
use crate::wiring;

/// Arguments of `guard incident export`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    which: Which,
    /// Make the bundle's directory in this one [default: "incidents" below the state directory]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub(super) fn run(args: &Args, session: &Session) -> Result<Exit, Failure> {
    let app = session.app("incident")?;
    if let Some(name) = &args.which.workspace {
        session.workspace(&app.ledger, name)?;
    }
    let (name, life) = incident::find(&app, args.which.workspace.as_ref(), args.which.id())?;
    let (_, directory) = match &args.out {
        Some(out) => incident::export(&app, &name, &life, &wiring::bundles(out))?,
        None => incident::export(&app, &name, &life, app.bundles.as_ref())?,
    };
    session.out.document(&json!({
        "type": "incident_exported", "schema": 1, "incident": document(&name, &life), "directory": directory,
    }));
    session.out.line(directory.display().to_string());
    Ok(Exit::Done)
}
