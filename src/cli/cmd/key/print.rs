use std::io::{IsTerminal, Write};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use crate::app::current_key::current_key;
use crate::cli::{Failure, Session};
use crate::domain::ids::WorkspaceName;
use crate::domain::ledger::Ledger;
use crate::domain::secret::Secret;
use crate::exit::Exit;
use crate::wiring::{self, Paths};

/// Callers have no time-out of their own, so the answer comes within this or not at all.
const BOUND: Duration = Duration::from_secs(5);

/// Arguments of `guard key print`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Whose key
    #[arg(short, long, value_name = "NAME")]
    workspace: WorkspaceName,
    /// Print the key even when standard output is a terminal, where it stays readable in the scrollback
    #[arg(long)]
    reveal: bool,
}

/// Prints the key, or nothing at all.
pub fn run(args: Args, session: &Session) -> Result<Exit, Failure> {
    let mut out = std::io::stdout();
    if out.is_terminal() && !args.reveal {
        return Err(Failure::new(Exit::Refused, "standard output is a terminal, the key would stay readable on it")
            .hint("this command is for programs; add --reveal to see the key all the same"));
    }
    let secret = within(BOUND, session.paths.clone(), session.ledger()?, args.workspace)?;
    // One write, so that a reader never sees half a key. A reader that is gone is told nothing more.
    let _ = out.write_all(format!("{}\n", secret.expose()).as_bytes()).and_then(|()| out.flush());
    Ok(Exit::Done)
}

/// Looks the key up in a thread of its own: a keyring service that hangs must not hang the caller. The thread ends with
/// the process.
fn within(bound: Duration, paths: Paths, ledger: Arc<Ledger>, workspace: WorkspaceName) -> Result<Secret, Failure> {
    let (sender, receiver) = mpsc::sync_channel(1);
    std::thread::spawn(move || {
        // Nobody listens any more once the time is over.
        let _ = sender.send(look_up(&paths, &ledger, &workspace));
    });
    receiver.recv_timeout(bound).unwrap_or_else(|_| {
        Err(Failure::new(Exit::Later, format!("the vault did not answer within {} s", bound.as_secs()))
            .hint("`guard doctor` checks the vault"))
    })
}

fn look_up(paths: &Paths, ledger: &Ledger, workspace: &WorkspaceName) -> Result<Secret, Failure> {
    let ring = wiring::key_ring(paths, ledger)?;
    Ok(current_key(ring.gate.as_ref(), ring.vault.as_ref(), workspace)?.1)
}
