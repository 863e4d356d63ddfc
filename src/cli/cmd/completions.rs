use std::io::Write;

use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli::{Cli, Failure, Session};
use crate::exit::Exit;

/// Arguments of `guard completions`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Prints the script.
pub async fn run(args: Args, _session: &Session) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "guard", &mut script);
    // A closed pipe is not an error.
    let _ = std::io::stdout().write_all(&script);
    Ok(Exit::Done)
}
