use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use crate::app::checkpoint::public_key;
use crate::app::{AppError, evidence_lines};
use crate::cli::{Failure, Session};
use crate::domain::evidence::{BadRecord, Head, PublicKey, Verifier};
use crate::exit::Exit;
use crate::wiring;

/// No record is longer; a file with longer lines is no export.
const LONGEST: u64 = 1024 * 1024;

/// Arguments of `guard evidence verify`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Check an export instead of this machine's chain; `-` is standard input
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// A head that somebody kept, from a notice or from `guard evidence head`: the chain must contain it
    #[arg(long, value_name = "SEQ:HASH")]
    head: Option<Head>,
    /// The first record of an export that was made with the same option; the record before it is taken on trust
    #[arg(long, value_name = "SEQ", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    since: u64,
    /// The key that checkpoints must be signed by: 64 digits, or a file with them or with PEM [default: this machine's,
    /// unless --file is given]
    #[arg(long, value_name = "KEY|FILE")]
    public_key: Option<String>,
}

/// What a chain came to.
struct Verified {
    head: Option<Head>,
    first: u64,
    /// The newest record that a checkpoint vouches for.
    signed: Option<u64>,
}

pub(super) fn run(args: Args, session: &Session) -> Result<Exit, Failure> {
    let since = args.since;
    let mut verifier = Verifier::since(since);
    if let Some(known) = args.head {
        if known.seq < since {
            let message = format!("record {} of --head stands before record {since} of --since", known.seq);
            return Err(Failure::new(Exit::Usage, message).hint("export and verify from that record on"));
        }
        verifier = verifier.must_contain(known);
    }
    let given = args.public_key.as_deref().map(key).transpose()?;
    let asked = given.is_some();
    let (verified, key) = match &args.file {
        Some(file) => (verify_file(file, with_key(verifier, given.clone()))?, given),
        None => {
            let log = wiring::evidence(&session.paths)?;
            let key = given.or(public_key(&log).map_err(AppError::from)?);
            let mut verifier = with_key(verifier, key.clone());
            let mut lines = evidence_lines(&log, since);
            lines.try_for_each(|line| {
                verifier.push(line.map_err(AppError::from)?.as_bytes()).map(drop).map_err(broken)
            })?;
            (finish(verifier)?, key)
        }
    };
    if asked && verified.signed.is_none() && verified.head.is_some() {
        return Err(Failure::new(Exit::Failed, "the chain has no checkpoint: nothing of it is signed")
            .hint("`guard evidence checkpoint`, where the chain is written, signs it"));
    }
    session.out.document(&serde_json::json!({
        "type": "evidence_verified", "schema": 1, "since": verified.first,
        "records": verified.head.as_ref().map_or(0, |head| head.seq + 1 - verified.first), "head": verified.head,
        "signed_until": key.as_ref().and(verified.signed), "key": key.as_ref().map(ToString::to_string),
    }));
    say(session, &verified, since, key.as_ref());
    Ok(Exit::Done)
}

fn say(session: &Session, verified: &Verified, since: u64, key: Option<&PublicKey>) {
    let Some(head) = &verified.head else {
        session.out.calm("the chain has no records yet");
        return;
    };
    let first = verified.first;
    session.out.calm(match (since > 1, first > 1) {
        (true, _) => format!(
            "the chain is sound from record {since} to {}; what came before record {since} was not checked",
            head.seq
        ),
        (false, true) => format!(
            "the chain is sound from record {first} to {}; what came before was pruned, and checkpoint {first} stands for it",
            head.seq
        ),
        (false, false) => format!("the chain is sound, {} records", head.seq),
    });
    if let Some(key) = key {
        let name = key.fingerprint();
        session.out.calm(match verified.signed {
            Some(signed) => match head.seq.saturating_sub(signed + 1) {
                0 => format!("signed up to record {signed} by key {name}"),
                newer => {
                    format!("signed up to record {signed} by key {name}; {newer} newer records are not signed yet")
                }
            },
            None => "nothing is signed yet".to_owned(),
        });
    }
    session.out.calm(format!("head {head}"));
}

/// A key in digits, or the file that it is in.
fn key(text: &str) -> Result<PublicKey, Failure> {
    let wrong = |why: &str| Failure::new(Exit::Usage, format!("--public-key {text}: {why}"));
    if let Ok(key) = text.parse() {
        return Ok(key);
    }
    let content = fs::read_to_string(text).map_err(|error| wrong(&format!("it is no key, and no file: {error}")))?;
    content.parse().map_err(wrong)
}

fn with_key(verifier: Verifier, key: Option<PublicKey>) -> Verifier {
    match key {
        Some(key) => verifier.signed_by(key),
        None => verifier,
    }
}

fn finish(verifier: Verifier) -> Result<Verified, Failure> {
    let (first, signed) = (verifier.first(), verifier.signed());
    Ok(Verified { head: verifier.finish().map_err(broken)?, first, signed })
}

fn broken(bad: BadRecord) -> Failure {
    Failure::new(Exit::Failed, format!("the evidence chain is broken at {bad}")).hint(
        "records before it are sound; keep the state directory as it is and compare with earlier exports and heads",
    )
}

fn verify_file(path: &Path, mut verifier: Verifier) -> Result<Verified, Failure> {
    let unreadable = |error: io::Error| Failure::new(Exit::Failed, format!("{}: {error}", path.display()));
    let input: Box<dyn Read> =
        if path == Path::new("-") { Box::new(io::stdin()) } else { Box::new(File::open(path).map_err(unreadable)?) };
    let mut input = BufReader::new(input);
    loop {
        let mut line = Vec::new();
        if input.by_ref().take(LONGEST).read_until(b'\n', &mut line).map_err(unreadable)? == 0 {
            return finish(verifier);
        }
        let whole = line.pop_if(|byte| *byte == b'\n').is_some();
        verifier.push(&line).map_err(|bad| match whole {
            true => broken(bad),
            false => broken(BadRecord { why: format!("{}; the export was cut off inside this line", bad.why), ..bad }),
        })?;
    }
}
