use std::ffi::OsString;

use crate::app::exec::{self, ACTIVE, Outcome, Request};
use crate::cli::{Failure, Session};
use crate::domain::ids::WorkspaceName;
use crate::domain::redact::printable;
use crate::exit::Exit;
use crate::ports::StartError;

/// Arguments of `guard exec`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Whose key the job gets
    #[arg(short, long, value_name = "NAME")]
    workspace: WorkspaceName,
    /// The variable that carries the key [default: the ledger's, ANTHROPIC_API_KEY]
    #[arg(long, value_name = "VAR", value_parser = variable_name)]
    env: Option<String>,
    /// Models to offer in GUARD_MODELS, the preferred one first [default: the ledger's ladder]
    #[arg(long, value_name = "MODEL", value_delimiter = ',', num_args = 1)]
    model_ladder: Option<Vec<String>>,
    /// The job and its arguments, after `--`
    #[arg(last = true, required = true, value_name = "CMD")]
    command: Vec<OsString>,
}

/// Starts the job and returns its exit status.
pub async fn run(args: Args, session: &Session) -> Result<Exit, Failure> {
    if let Some(outer) = std::env::var_os(ACTIVE).filter(|v| !v.is_empty()) {
        let outer = printable(&outer.to_string_lossy(), 64);
        return Err(Failure::new(
            Exit::Usage,
            format!("this is a job of `guard exec` for {outer} already ({ACTIVE} is set)"),
        )
        .hint("a job runs for one workspace; start the other one outside of this job"));
    }
    let app = session.app("exec")?;
    session.workspace(&app.ledger, &args.workspace)?;
    let mut command = args.command.into_iter();
    let Some(program) = command.next() else {
        return Err(Failure::new(Exit::Usage, "there is no job to run").hint("guard exec -w NAME -- CMD ARG …"));
    };
    let shown = printable(&program.to_string_lossy(), 200);
    let request = Request {
        workspace: args.workspace,
        program,
        args: command.collect(),
        variable: args.env,
        ladder: args.model_ladder,
    };
    let outcome = exec::exec(&app, &session.process.jobs(), request).await?;
    match &outcome {
        Outcome::NotStarted(error @ StartError::NotFound) => {
            Err(Failure::new(Exit::NotFound, format!("`{shown}`: {error}"))
                .hint("give its full path, or check PATH; a script's interpreter (its first line) must exist, too"))
        }
        Outcome::NotStarted(error @ StartError::NotRunnable(_)) => {
            Err(Failure::new(Exit::NotRunnable, format!("`{shown}` cannot be run: {error}")).hint("is it executable?"))
        }
        Outcome::Ended(_) => Ok(Exit::Other(outcome.status())),
    }
}

fn variable_name(text: &str) -> Result<String, String> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    if text.is_empty() || !text.bytes().all(fits) || text.as_bytes()[0].is_ascii_digit() {
        return Err("a variable's name has letters, digits and `_`, and begins with no digit".to_owned());
    }
    Ok(text.to_owned())
}
