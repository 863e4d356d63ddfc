//! The command line: what was typed, what is printed, and the exit status.

mod args;
pub mod cmd;
mod diagnostics;
mod output;
mod prompt;
mod session;

use clap::Parser;

pub use crate::exit::Failure;
pub use args::{Cli, ColorChoice, Command, Globals};
pub use output::Output;
pub use session::Session;

use crate::exit::Exit;

/// Parses the arguments, runs the command, prints what went wrong, and says how it ended.
pub fn main() -> Exit {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // A closed standard output is no reason to fail while printing help.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage } else { Exit::Done };
        }
    };
    let session = match Session::new(cli.globals) {
        Ok(session) => session,
        Err((output, failure)) => return output.fail(&failure),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            return session
                .out
                .fail(&Failure::new(Exit::Internal, format!("the async runtime did not start: {error}")));
        }
    };
    match runtime.block_on(cmd::run(cli.command, &session)) {
        Ok(exit) => exit,
        Err(failure) => session.out.fail(&failure),
    }
}
