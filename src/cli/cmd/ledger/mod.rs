//! `guard ledger`: what the ledger says, whether it is right, and whether the world agrees with it.

mod check;
mod diff;
mod list;
mod show;

use crate::cli::{Failure, Session};
use crate::domain::ids::WorkspaceName;
use crate::exit::Exit;

/// Arguments of `guard ledger`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List the workspaces
    List,
    /// Show every field as it holds, defaults included: of one workspace, or of the rest of the ledger
    Show {
        /// The workspace's name in the ledger
        workspace: Option<WorkspaceName>,
    },
    /// Compare the ledger with the provider; exits with 1 when somebody should act
    Diff,
    /// Read the ledger and say everything that is wrong with it; nothing else is touched
    Check,
    /// Print the JSON Schema of the ledger, for editors
    Schema,
}

/// Runs the command.
pub async fn run(args: Args, session: &Session) -> Result<Exit, Failure> {
    match args.command {
        Command::List => list::run(session),
        Command::Show { workspace } => show::run(session, workspace.as_ref()),
        Command::Diff => diff::run(session).await,
        Command::Check => check::run(session),
        Command::Schema => {
            let text = serde_json::to_string_pretty(&crate::domain::ledger::schema())
                .map_err(|error| Failure::new(Exit::Internal, error.to_string()))?;
            session.out.data(&text);
            Ok(Exit::Done)
        }
    }
}
