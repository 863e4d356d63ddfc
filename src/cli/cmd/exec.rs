use crate::cli::{Failure, Session};
use crate::exit::Exit;

/// Arguments of `guard exec`.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Skeleton.
pub async fn run(_args: Args, _session: &Session) -> Result<Exit, Failure> {
    Err(Failure::new(Exit::Internal, "skeleton: exec"))
}
