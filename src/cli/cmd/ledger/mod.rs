//! `guard ledger`: what the ledger says.

mod check;

use crate::cli::{Failure, Session};
use crate::exit::Exit;

/// Arguments of `guard ledger`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Read the ledger and say everything that is wrong with it; nothing else is touched
    Check,
    /// Print the JSON Schema of the ledger, for editors
    Schema,
}

/// Runs the command.
pub async fn run(args: Args, session: &Session) -> Result<Exit, Failure> {
    match args.command {
        Command::Check => check::run(session),
        Command::Schema => {
            // The schema is data in one form: with and without `--json`.
            let text = serde_json::to_string_pretty(&crate::domain::ledger::schema())
                .map_err(|error| Failure::new(Exit::Internal, error.to_string()))?;
            session.out.data(&text);
            Ok(Exit::Done)
        }
    }
}
