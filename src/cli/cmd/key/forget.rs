use crate::app::enroll;
use crate::cli::{Failure, Session, prompt};
use crate::domain::ids::{KeyId, WorkspaceName};
use crate::exit::Exit;

/// Arguments of `guard key forget`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The workspace that the key belongs to
    #[arg(short, long, value_name = "NAME")]
    workspace: WorkspaceName,
    /// The key's id at the provider
    #[arg(value_name = "ID")]
    key: KeyId,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

/// Asks, then removes the key from the vault.
pub async fn run(args: Args, session: &Session) -> Result<Exit, Failure> {
    let question = format!("Remove {} of {} from the vault for good?", args.key, args.workspace);
    prompt::confirm(&session.out, &question, args.yes, session.globals.no_input)?;
    forget(session, args.workspace, args.key).await
}

/// Removes the key's secret; custody refuses while the key is in use or owed a deactivation.
async fn forget(session: &Session, workspace: WorkspaceName, key: KeyId) -> Result<Exit, Failure> {
    let app = session.app("key forget")?;
    session.workspace(&app.ledger, &workspace)?;
    enroll::forget(&app, &workspace, &key).await?;
    session.out.calm(format!("{key} is gone from the vault. Its state at the provider is unchanged."));
    Ok(Exit::Done)
}
