//! `guard key`: the secrets that guard holds.

mod add;
mod forget;
mod list;
mod print;
mod request;

use crate::cli::{Failure, Session};
use crate::exit::Exit;

/// Arguments of `guard key`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: KeyCommand,
}

#[derive(Debug, clap::Subcommand)]
enum KeyCommand {
    /// Seal a key that a person made in the Console
    #[command(after_help = "Examples:
  guard key add -w prod                 asks for the key, without showing it
  pass show anthropic/prod | guard key add -w prod")]
    Add(add::Args),
    /// List the keys in the vault and what the provider says of them
    List(list::Args),
    /// Print the key that jobs are to use now, for programs that call a helper
    #[command(after_help = "Example, in Claude Code's settings:
  { \"apiKeyHelper\": \"guard key print -w prod\" }

Prints the key and a line break, nothing else. With the gate closed: nothing, and exit status 12.
Needs no network and takes no lock; gives up after 5 seconds.")]
    Print(print::Args),
    /// Say exactly what a person must make in the Console, and how to hand it over
    #[command(after_help = "Example:
  guard key request -w prod

A rotation that waits for a key goes on when one was handed over.")]
    Request(request::Args),
    /// Remove a key from the vault
    Forget(forget::Args),
}

/// Runs the subcommand.
pub async fn run(args: Args, session: &Session) -> Result<Exit, Failure> {
    match args.command {
        KeyCommand::Add(args) => add::run(args, session).await,
        KeyCommand::List(args) => list::run(args, session).await,
        KeyCommand::Print(args) => print::run(args, session),
        KeyCommand::Request(args) => request::run(args, session).await,
        KeyCommand::Forget(args) => forget::run(args, session).await,
    }
}
