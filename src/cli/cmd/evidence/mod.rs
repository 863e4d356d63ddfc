//! `guard evidence`: the chain of records, verified, exported, signed and pruned.

mod export;
mod head;
mod key;
mod prune;
mod report;
mod verify;

use crate::cli::{Failure, Session};
use crate::exit::Exit;

/// Arguments of `guard evidence`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Check that no record was changed, dropped, moved or cut off
    #[command(after_help = "Examples:
  guard evidence verify                                        this machine's chain
  guard evidence verify --head 2345:9f86…                      it must contain a head that somebody kept
  guard evidence verify --file log.jsonl --public-key guard.pub   an export, anywhere, without ledger and state

The first record that is wrong is named. With a public key every checkpoint's signature is checked, too, so that a chain
whose hashes were all computed anew does not pass; records after the last checkpoint are not signed yet.")]
    Verify(verify::Args),
    /// Print the chain as JSON Lines, byte for byte as it was hashed
    Export(export::Args),
    /// Print number and hash of the newest record: keep it somewhere else, so that a cut chain can be shown
    Head,
    /// Print the public key that checkpoints are signed by; makes the key when there is none
    #[command(after_help = "Examples:
  guard evidence key                    64 digits for --public-key, and a fingerprint to compare
  guard evidence key --pem > guard.pub  for guard on another machine, or openssl

The private half stays in the vault. guard signs a checkpoint after every trip and once a day; docs/evidence.md says what that
proves and what it cannot.")]
    Key(key::Args),
    /// Sign a checkpoint now, if anything is new since the last one
    Checkpoint,
    /// Move old records to a file, up to a signed checkpoint that stands for them
    #[command(after_help = "Example:
  guard evidence prune --before 2025-11-27T00:00:00Z --to evidence-2025.jsonl

Records of open incidents and rotations stay. The chain then begins with a checkpoint and verifies by the public key; the file
and the rest, one after the other, verify as one chain.")]
    Prune(prune::Args),
    /// Print rotations and incidents one by one for auditors: who, when, why, and the records that prove it
    #[command(after_help = "Examples:
  guard evidence report --since 2026-01-01T00:00:00Z -o rotations.csv
  guard evidence report -w prod --format html -o rotations.html")]
    Report(report::Args),
}

/// Runs `guard evidence`. Reading needs neither ledger nor vault.
pub async fn run(args: Args, session: &Session) -> Result<Exit, Failure> {
    match args.action {
        Action::Verify(args) => verify::run(args, session),
        Action::Export(args) => export::run(&args, session),
        Action::Head => head::run(session),
        Action::Key(args) => key::run(&args, session),
        Action::Checkpoint => key::checkpoint(session),
        Action::Prune(args) => prune::run(&args, session),
        Action::Report(args) => report::run(args, session),
    }
}
