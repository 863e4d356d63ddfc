use super::Paths;
use crate::adapters::store::SqliteStore;
use crate::app::AppError;
use crate::exit::Failure;
use crate::ports::EvidenceLog;

/// The evidence chain alone, for reading: it can be verified while the ledger or the vault is broken.
pub fn evidence(paths: &Paths) -> Result<impl EvidenceLog, Failure> {
    SqliteStore::open_read_only(&paths.state_dir).map_err(|error| AppError::from(error).into())
}
