use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::app::{AppError, evidence_lines};
use crate::cli::{Failure, Session};
use crate::exit::Exit;
use crate::ports::EvidenceLog;
use crate::wiring;

/// Arguments of `guard evidence export`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Write to this file; `-` is standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Begin with this record
    #[arg(long, value_name = "SEQ", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    since: u64,
}

pub(super) fn run(args: &Args, session: &Session) -> Result<Exit, Failure> {
    let log = wiring::evidence(&session.paths)?;
    match args.output.as_deref().filter(|path| *path != Path::new("-")) {
        None => match write_lines(&log, args.since, u64::MAX, io::stdout().lock()) {
            // Whoever reads has seen enough.
            Err(Stopped::Io(error)) if error.kind() == io::ErrorKind::BrokenPipe => {}
            Err(stopped) => return Err(stopped.failure("standard output")),
            Ok(_) => {}
        },
        Some(path) => {
            let name = path.display().to_string();
            let written = File::create(path).map_err(Stopped::Io).and_then(|file| {
                let count = write_lines(&log, args.since, u64::MAX, &file)?;
                file.sync_all().map_err(Stopped::Io)?;
                Ok(count)
            });
            let count = written.map_err(|stopped| stopped.failure(&name))?;
            session.out.calm(format!("{count} records written to {name}"));
        }
    }
    Ok(Exit::Done)
}

/// Why an export ended early.
pub(super) enum Stopped {
    Store(AppError),
    Io(io::Error),
}

impl Stopped {
    pub(super) fn failure(self, place: &str) -> Failure {
        match self {
            Self::Store(error) => error.into(),
            Self::Io(error) => Failure::new(Exit::Failed, format!("{place}: {error}")),
        }
    }
}

/// Writes the records from `since` up to number `until`; how many there were.
pub(super) fn write_lines(log: &dyn EvidenceLog, since: u64, until: u64, output: impl Write) -> Result<u64, Stopped> {
    let mut output = BufWriter::new(output);
    let mut count = 0;
    for line in evidence_lines(log, since) {
        let line = line.map_err(|error| Stopped::Store(error.into()))?;
        if until < u64::MAX
            && serde_json::from_str::<crate::domain::evidence::Record>(&line).is_ok_and(|record| record.seq > until)
        {
            break;
        }
        writeln!(output, "{line}").map_err(Stopped::Io)?;
        count += 1;
    }
    output.flush().map_err(Stopped::Io)?;
    Ok(count)
}
