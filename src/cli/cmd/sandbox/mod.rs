//! `guard sandbox`: a provider to try things on, and the two roles around it: a person in the Console, and a job.

mod mint;
mod pipeline;
mod serve;

use clap::Subcommand;

use crate::cli::{Failure, Session};
use crate::exit::Exit;

/// Arguments of `guard sandbox`.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    role: Option<Role>,
    #[command(flatten)]
    serve: serve::Serve,
}

#[derive(Debug, Subcommand)]
enum Role {
    /// Make a key as a person in the Console would, and print its secret alone
    Mint(mint::Args),
    /// Be a job: send messages with the key that a file or the environment holds
    Pipeline(pipeline::Args),
}

/// Starts the sandbox, or plays a role around one that runs.
pub async fn run(args: Args, session: &Session) -> Result<Exit, Failure> {
    match args.role {
        None => serve::run(args.serve, session).await,
        Some(Role::Mint(args)) => mint::run(args, session).await,
        Some(Role::Pipeline(args)) => pipeline::run(args, session).await,
    }
}
