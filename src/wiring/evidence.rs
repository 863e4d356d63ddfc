use zeroize::Zeroizing;

use super::Paths;
use crate::adapters::store::SqliteStore;
use crate::app::AppError;
use crate::exit::Failure;
use crate::ports::{EvidenceLog, WatchState};

/// The evidence chain and the public key that it is signed by, for reading: it can be verified while the ledger or the vault is broken.
pub fn evidence(paths: &Paths) -> Result<impl EvidenceLog + WatchState, Failure> {
    SqliteStore::open_read_only(&paths.state_dir).map_err(|error| AppError::from(error).into())
}

/// What the signing key of checkpoints is made from.
pub fn fresh_seed() -> Zeroizing<[u8; 32]> {
    Zeroizing::new(rand::random())
}
