//! Places that workloads read their key from. A new kind is one file that implements [`Place`] and one line in [`place`].

mod dotenv;
mod exec;
mod file;
mod programs;
mod target;

use async_trait::async_trait;

use self::dotenv::Dotenv;
use self::exec::Exec;
use self::file::KeyFile;
use self::programs::WithPrograms;
use crate::domain::ids::WorkspaceName;
use crate::domain::ledger::{ConsumerKind, ConsumerSettings};
use crate::domain::secret::Secret;
use crate::ports::{Consumer, ConsumerError, Reading};

/// What differs between kinds of consumers; reload and verify programs are the same for all. The methods promise what those
/// of [`Consumer`] promise.
#[async_trait]
trait Place: Send + Sync {
    /// What it is and where, for people.
    fn describe(&self) -> String;
    /// What it holds now.
    async fn read(&self) -> Result<Reading, ConsumerError>;
    /// Writes atomically and reads back.
    async fn deliver(&self, secret: &Secret) -> Result<(), ConsumerError>;
    /// When a running workload picks the new key up by itself.
    fn pickup(&self) -> &'static str;
}

/// The adapter for a consumer of the ledger.
pub fn build(workspace: &WorkspaceName, settings: &ConsumerSettings) -> Box<dyn Consumer> {
    Box::new(WithPrograms::new(place(workspace, settings), workspace, settings))
}

fn place(workspace: &WorkspaceName, settings: &ConsumerSettings) -> Box<dyn Place> {
    match &settings.kind {
        ConsumerKind::File { path, mode, follow_symlink } => Box::new(KeyFile::new(path, *mode, *follow_symlink)),
        ConsumerKind::Dotenv { path, variable, follow_symlink } => {
            Box::new(Dotenv::new(path, variable, *follow_symlink))
        }
        ConsumerKind::Exec { write, read } => Box::new(Exec::new(write, read.as_ref(), workspace, &settings.name)),
    }
}
