use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use crate::app::{AppError, evidence_lines};
use crate::cli::{Failure, Session};
use crate::domain::evidence::{BadRecord, Head, Verifier};
use crate::exit::Exit;
use crate::ports::EvidenceLog;
use crate::wiring;

/// No record is longer; a file with longer lines is no export.
const LONGEST: u64 = 1024 * 1024;

/// Arguments of `guard evidence`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Check that no record was changed, dropped, moved or cut off
    Verify {
        /// Check an export instead of this machine's chain; `-` is standard input
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
        /// A head that somebody kept, from a notice or from `guard evidence head`: the chain must contain it
        #[arg(long, value_name = "SEQ:HASH")]
        head: Option<Head>,
        /// The first record of an export that was made with the same option; the record before it is taken on trust
        #[arg(long, value_name = "SEQ", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
        since: u64,
    },
    /// Print the chain as JSON Lines, byte for byte as it was hashed
    Export {
        /// Write to this file; `-` is standard output
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
        /// Begin with this record
        #[arg(long, value_name = "SEQ", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
        since: u64,
    },
    /// Print number and hash of the newest record: keep it somewhere else, so that a cut chain can be shown
    Head,
}

/// `guard evidence`: needs neither ledger nor vault.
pub async fn run(args: Args, session: &Session) -> Result<Exit, Failure> {
    match args.action {
        Action::Verify { file, head, since } => verify(session, file.as_deref(), head, since),
        Action::Export { output, since } => export(session, output.as_deref(), since),
        Action::Head => head(session),
    }
}

fn verify(session: &Session, file: Option<&Path>, known: Option<Head>, since: u64) -> Result<Exit, Failure> {
    let mut verifier = Verifier::since(since);
    if let Some(known) = known {
        if known.seq < since {
            let message = format!("record {} of --head stands before record {since} of --since", known.seq);
            return Err(Failure::new(Exit::Usage, message).hint("export and verify from that record on"));
        }
        verifier = verifier.must_contain(known);
    }
    let verified = match file {
        Some(file) => verify_file(file, verifier)?,
        None => {
            let log = wiring::evidence(&session.paths)?;
            let mut lines = evidence_lines(&log, since);
            lines.try_for_each(|line| {
                verifier.push(line.map_err(AppError::from)?.as_bytes()).map(drop).map_err(broken)
            })?;
            verifier.finish().map_err(broken)?
        }
    };
    session.out.document(&serde_json::json!({
        "type": "evidence_verified", "schema": 1, "since": since,
        "records": verified.as_ref().map_or(0, |head| head.seq + 1 - since), "head": verified,
    }));
    match verified {
        Some(head) if since > 1 => session.out.calm(format!(
            "the chain is sound from record {since} to {}; what came before record {since} was not checked\nhead {head}",
            head.seq
        )),
        Some(head) => session.out.calm(format!("the chain is sound, {} records\nhead {head}", head.seq)),
        None => session.out.calm("the chain has no records yet"),
    }
    Ok(Exit::Done)
}

fn broken(bad: BadRecord) -> Failure {
    Failure::new(Exit::Failed, format!("the evidence chain is broken at {bad}")).hint(
        "records before it are sound; keep the state directory as it is and compare with earlier exports and heads",
    )
}

fn verify_file(path: &Path, mut verifier: Verifier) -> Result<Option<Head>, Failure> {
    let unreadable = |error: io::Error| Failure::new(Exit::Failed, format!("{}: {error}", path.display()));
    let input: Box<dyn Read> =
        if path == Path::new("-") { Box::new(io::stdin()) } else { Box::new(File::open(path).map_err(unreadable)?) };
    let mut input = BufReader::new(input);
    loop {
        let mut line = Vec::new();
        if input.by_ref().take(LONGEST).read_until(b'\n', &mut line).map_err(unreadable)? == 0 {
            return verifier.finish().map_err(broken);
        }
        let whole = line.pop_if(|byte| *byte == b'\n').is_some();
        verifier.push(&line).map_err(|bad| match whole {
            true => broken(bad),
            false => broken(BadRecord { why: format!("{}; the export was cut off inside this line", bad.why), ..bad }),
        })?;
    }
}

fn export(session: &Session, output: Option<&Path>, since: u64) -> Result<Exit, Failure> {
    let log = wiring::evidence(&session.paths)?;
    match output.filter(|path| *path != Path::new("-")) {
        None => match write_lines(&log, since, io::stdout().lock()) {
            // Whoever reads has seen enough.
            Err(Stopped::Io(error)) if error.kind() == io::ErrorKind::BrokenPipe => {}
            Err(stopped) => return Err(stopped.failure("standard output")),
            Ok(_) => {}
        },
        Some(path) => {
            let name = path.display().to_string();
            let written = File::create(path).map_err(Stopped::Io).and_then(|file| {
                let count = write_lines(&log, since, &file)?;
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
enum Stopped {
    Store(AppError),
    Io(io::Error),
}

impl Stopped {
    fn failure(self, place: &str) -> Failure {
        match self {
            Self::Store(error) => error.into(),
            Self::Io(error) => Failure::new(Exit::Failed, format!("{place}: {error}")),
        }
    }
}

fn write_lines(log: &dyn EvidenceLog, since: u64, output: impl Write) -> Result<u64, Stopped> {
    let mut output = BufWriter::new(output);
    let mut count = 0;
    for line in evidence_lines(log, since) {
        let line = line.map_err(|error| Stopped::Store(error.into()))?;
        writeln!(output, "{line}").map_err(Stopped::Io)?;
        count += 1;
    }
    output.flush().map_err(Stopped::Io)?;
    Ok(count)
}

fn head(session: &Session) -> Result<Exit, Failure> {
    let head = wiring::evidence(&session.paths)?.evidence_head().map_err(AppError::from)?;
    let parts = head.as_ref().map(|(seq, hash)| serde_json::json!({ "seq": seq, "hash": hash }));
    session.out.document(&serde_json::json!({ "type": "evidence_head", "schema": 1, "head": parts }));
    match head {
        Some((seq, hash)) => session.out.line(format!("{seq}:{hash}")),
        None => session.out.note("the chain has no records yet"),
    }
    Ok(Exit::Done)
}
