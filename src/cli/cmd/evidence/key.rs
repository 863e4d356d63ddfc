use serde_json::json;

use crate::app::checkpoint;
use crate::cli::{Failure, Session};
use crate::exit::Exit;
use crate::wiring;

/// Arguments of `guard evidence key`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Print it in PEM, for a file
    #[arg(long)]
    pem: bool,
}

pub(super) fn run(args: &Args, session: &Session) -> Result<Exit, Failure> {
    let app = session.app("evidence key")?;
    let (key, is_new) = checkpoint::make_key(&app, &wiring::fresh_seed())?;
    session.out.document(&json!({
        "type": "evidence_key", "schema": 1, "public_key": key.to_string(), "pem": key.pem(),
        "fingerprint": key.fingerprint(), "made": is_new,
    }));
    if args.pem {
        session.out.line(key.pem().trim_end());
        return Ok(Exit::Done);
    }
    session.out.line(key.to_string());
    session.out.calm(format!("fingerprint {}", key.fingerprint()));
    if is_new {
        session.out.calm(format!(
            "A new key: its private half is sealed in the {}. Keep the public half somewhere else.",
            app.vault.describe()
        ));
    }
    Ok(Exit::Done)
}

/// `guard evidence checkpoint`.
pub(super) fn checkpoint(session: &Session) -> Result<Exit, Failure> {
    let app = session.app("evidence checkpoint")?;
    if checkpoint::signing_key(&app)?.is_none() {
        return Err(Failure::new(Exit::Refused, "there is no key to sign with").hint("`guard evidence key` makes one"));
    }
    let head = checkpoint::make(&app)?;
    session.out.document(&json!({ "type": "evidence_checkpoint", "schema": 1, "head": head }));
    session.out.calm(match head {
        Some(head) => format!("signed up to record {}\nhead {head}", head.seq - 1),
        None => "nothing is new since the last checkpoint".to_owned(),
    });
    Ok(Exit::Done)
}
