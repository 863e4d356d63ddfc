//! `guard notify`: the channels to people.

mod list;
mod secret;
mod silence;
mod test;
mod unsilence;

use crate::cli::{Failure, Session};
use crate::exit::Exit;

/// Arguments of `guard notify`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: NotifyCommand,
}

#[derive(Debug, clap::Subcommand)]
enum NotifyCommand {
    /// List the channels: what waits, what the other side last answered, what is silenced
    #[command(after_help = "Example:
  guard notify list --json | jq '.channels[] | select(.failing != null)'")]
    List(list::Args),
    /// Send a real test message and say what the other side answered
    #[command(after_help = "Examples:
  guard notify test            every channel, one after the other
  guard notify test pager      opens a page and closes it again

Exit status: 0 every message arrived; 1 one was refused for good; 69 one could not be delivered now.")]
    Test(test::Args),
    /// Be told less for a while, for a reason; what is critical is told all the same
    #[command(after_help = "Examples:
  guard notify silence --for 2h --reason \"load test\" -w staging
  guard notify silence --until 2026-12-01T06:00:00Z --reason \"moving the chat\" --channel team
  guard notify silence --for 30m --reason \"drill\" --even-critical

A silence is put on record as evidence. Trips and keys that cannot be stopped are critical: they are told in spite of it
unless --even-critical is given, which lasts at most 24 hours. The end of what was told is told, too.")]
    Silence(silence::Args),
    /// End a silence before its time
    #[command(after_help = "Example:
  guard notify unsilence 3     the number is in `guard notify list`")]
    Unsilence(unsilence::Args),
    /// Seal a channel's address, token or signing secret in the vault
    #[command(after_help = "Examples:
  guard notify secret team                       asks for it, without showing it
  pass show slack/guard | guard notify secret team
  guard notify secret --heartbeat                the address of the dead-man's switch

The ledger says where a secret is: `url = \"vault\"` for slack, discord and teams, `routing_key`, `token`, `secret`, `password`
for the other kinds.")]
    Secret(secret::Args),
}

/// Runs the subcommand.
pub async fn run(args: Args, session: &Session) -> Result<Exit, Failure> {
    match args.command {
        NotifyCommand::List(args) => list::run(args, session),
        NotifyCommand::Test(args) => test::run(args, session).await,
        NotifyCommand::Silence(args) => silence::run(args, session),
        NotifyCommand::Unsilence(args) => unsilence::run(&args, session),
        NotifyCommand::Secret(args) => secret::run(args, session),
    }
}
