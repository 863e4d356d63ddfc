//! Consumers: the places that workloads read their key from. A new kind is one file that implements [`place::Place`] and one
//! line in [`build`].

mod dotenv;
mod exec;
mod file;
pub mod place;
mod target;

use self::dotenv::Dotenv;
use self::exec::Exec;
use self::file::KeyFile;
use self::place::{Place, Served};
use crate::domain::ids::WorkspaceName;
use crate::domain::ledger::{ConsumerKind, ConsumerSettings};
use crate::ports::Consumer;

/// The adapter for a consumer of the ledger. Nothing is touched before it is used.
pub fn build(workspace: &WorkspaceName, settings: &ConsumerSettings) -> Box<dyn Consumer> {
    match &settings.kind {
        ConsumerKind::File { path, mode, follow_symlink } => {
            served(KeyFile::new(path, *mode, *follow_symlink), settings)
        }
        ConsumerKind::Dotenv { path, variable, follow_symlink } => {
            served(Dotenv::new(path, variable, *follow_symlink), settings)
        }
        ConsumerKind::Exec { write, read } => {
            served(Exec::new(write, read.as_ref(), workspace, &settings.name), settings)
        }
    }
}

fn served(place: impl Place + 'static, settings: &ConsumerSettings) -> Box<dyn Consumer> {
    Box::new(Served::new(place, settings.reload.clone(), settings.verify.clone()))
}
