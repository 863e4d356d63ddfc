use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::prune::instant;
use crate::app::audit::{AuditRequest, audit};
use crate::cli::{Failure, Session};
use crate::domain::ids::WorkspaceName;
use crate::domain::time::Timestamp;
use crate::exit::Exit;
use crate::report::audit as pages;

/// Arguments of `guard evidence report`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only this workspace
    #[arg(short, long, value_name = "NAME")]
    workspace: Option<WorkspaceName>,
    /// What began at or after this (RFC 3339)
    #[arg(long, value_name = "TIME", value_parser = instant)]
    since: Option<Timestamp>,
    /// What began before this (RFC 3339)
    #[arg(long, value_name = "TIME", value_parser = instant)]
    until: Option<Timestamp>,
    /// The form
    #[arg(long, value_enum, default_value_t = Format::Csv)]
    format: Format,
    /// Write to this file, mode 0600; `-` is standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// One line for each rotation and incident, for spreadsheets
    Csv,
    /// Everything, with each record that proves it
    Json,
    /// A page for people; one file, prints to A4
    Html,
}

pub(super) fn run(args: Args, session: &Session) -> Result<Exit, Failure> {
    let app = session.app("evidence report")?;
    if let Some(name) = &args.workspace {
        session.workspace(&app.ledger, name)?;
    }
    let request = AuditRequest { workspace: args.workspace, since: args.since, until: args.until };
    let report = audit(&app, &request)?;
    let format = if session.globals.json { Format::Json } else { args.format };
    let bug = |error: String| Failure::new(Exit::Internal, error);
    let text = match format {
        Format::Csv => pages::csv(&report).map_err(|error| bug(error.to_string()))?,
        Format::Html => pages::html(&report).into_bytes(),
        Format::Json => {
            let mut document = serde_json::to_value(&report).map_err(|error| bug(error.to_string()))?;
            document["type"] = "evidence_report".into();
            document["schema"] = 1.into();
            format!("{document}\n").into_bytes()
        }
    };
    let (place, written) = match args.output.as_deref().filter(|path| *path != Path::new("-")) {
        None => ("standard output".to_owned(), std::io::stdout().lock().write_all(&text)),
        Some(path) => {
            let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
            let written = file.and_then(|mut file| file.write_all(&text).and_then(|()| file.sync_all()));
            (path.display().to_string(), written)
        }
    };
    match written {
        // Whoever reads has seen enough.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(Exit::Done),
        Err(error) => Err(Failure::new(Exit::Failed, format!("{place}: {error}"))),
        Ok(()) => Ok(Exit::Done),
    }
}
