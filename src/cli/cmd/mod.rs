//! One command a file: its arguments and what it does.

pub mod backtest;
pub mod baseline;
pub mod check;
pub mod completions;
pub mod doctor;
pub mod drill;
pub mod evidence;
pub mod exec;
pub mod hold;
pub mod incident;
pub mod init;
pub mod key;
pub mod ledger;
pub mod man;
pub mod notify;
pub mod rearm;
pub mod report;
pub mod rotate;
pub mod sandbox;
pub mod status;
pub mod tick;
pub mod trip;
pub mod watch;
pub mod why;

use super::{Command, Failure, Session};
use crate::exit::Exit;

/// Runs the command that was typed.
pub async fn run(command: Command, session: &Session) -> Result<Exit, Failure> {
    match command {
        Command::Init(args) => init::run(args, session).await,
        Command::Doctor(args) => doctor::run(args, session).await,
        Command::Status(args) => status::run(args, session).await,
        Command::Ledger(args) => ledger::run(args, session).await,
        Command::Key(args) => key::run(args, session).await,
        Command::Report(args) => report::run(args, session).await,
        Command::Rotate(args) => rotate::run(args, session).await,
        Command::Watch(args) => watch::run(args, session).await,
        Command::Tick(args) => tick::run(args, session).await,
        Command::Exec(args) => exec::run(args, session).await,
        Command::Check(args) => check::run(args, session).await,
        Command::Trip(args) => trip::run(args, session).await,
        Command::Rearm(args) => rearm::run(args, session).await,
        Command::Hold(args) => hold::run(args, session).await,
        Command::Why(args) => why::run(args, session).await,
        Command::Incident(args) => incident::run(args, session).await,
        Command::Evidence(args) => evidence::run(args, session).await,
        Command::Backtest(args) => backtest::run(args, session).await,
        Command::Baseline(args) => baseline::run(args, session).await,
        Command::Drill(args) => drill::run(args, session).await,
        Command::Sandbox(args) => sandbox::run(*args, session).await,
        Command::Completions(args) => completions::run(args, session).await,
        Command::Man(args) => man::run(args, session).await,
        Command::Notify(args) => notify::run(args, session).await,
    }
}
