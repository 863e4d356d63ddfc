//! `guard baseline`: what is usual, and a person's word that something was.

mod accept;
mod show;

use crate::cli::{Failure, Session};
use crate::exit::Exit;

/// Arguments of `guard baseline`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Draw a workspace's usage against what was expected, and say what is usual for each key
    #[command(after_help = "Examples:
  guard baseline show -w prod
  guard baseline show -w prod --key apikey_01… --hours 168")]
    Show(show::Args),
    /// Say that all usage so far was legitimate: days that a verdict kept out of the baseline teach again
    #[command(after_help = "Examples:
  guard baseline accept -w prod --reason 'the digest has three languages now'
  guard baseline accept -w prod --key apikey_01… --reason 'backlog of the outage'

So much usage is no news for two days; after that it belongs to the baseline. It goes into the evidence, with the reason.
It neither opens a gate nor revives a key: that is `guard rearm`.")]
    Accept(accept::Args),
}

/// `guard baseline`: works from the records alone, the provider is not asked.
pub async fn run(args: Args, session: &Session) -> Result<Exit, Failure> {
    match args.action {
        Action::Show(args) => show::run(&args, session),
        Action::Accept(args) => accept::run(&args, session),
    }
}
