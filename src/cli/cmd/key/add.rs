use crate::cli::{Failure, Session, prompt};
use crate::domain::ids::{KeyId, WorkspaceName};
use crate::domain::secret::Secret;
use crate::exit::Exit;

/// Arguments of `guard key add`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The workspace that the key was made in
    #[arg(short, long, value_name = "NAME")]
    workspace: WorkspaceName,
    /// The key's id at the provider, when several keys fit the secret
    #[arg(long, value_name = "ID")]
    key: Option<KeyId>,
    /// `-` reads the key from standard input, as does a pipe; without it guard asks
    #[arg(value_name = "-", value_parser = ["-"])]
    stdin: Option<String>,
}

/// Reads the key and hands it to custody.
pub async fn run(args: Args, session: &Session) -> Result<Exit, Failure> {
    let question = format!("Paste the new key of {}", args.workspace);
    let secret = prompt::secret(&session.out, &question, args.stdin.is_some(), session.globals.no_input)?;
    enroll(session, args.workspace, args.key, secret).await
}

/// Matches the secret to one key of the workspace, seals it, and makes it the first key or a standby.
async fn enroll(
    _session: &Session,
    _workspace: WorkspaceName,
    _key: Option<KeyId>,
    _secret: Secret,
) -> Result<Exit, Failure> {
    Err(Failure::new(Exit::Internal, "skeleton: key add"))
}
