use rusqlite::ErrorCode;

use crate::ports::StoreError;

/// What to do about damage, in one sentence.
const REMEDY: &str = "stop guard, move the state directory's guard.db* aside and restore a backup, or start anew and let \
                      `guard ledger diff` show what the provider has";

/// The database contradicts itself.
pub(super) fn damaged(what: impl std::fmt::Display) -> StoreError {
    StoreError::Damaged(format!("{what}; {REMEDY}"))
}

/// SQLite's answer in guard's words.
pub(super) fn sqlite(error: rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => StoreError::Io(
            "the disk is full; nothing was written, free some space and run the command again".to_owned(),
        ),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => damaged(error),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => busy(error),
        Some(ErrorCode::ReadOnly) => StoreError::Io("the state directory is read-only".to_owned()),
        Some(ErrorCode::SystemIoFailure) => {
            StoreError::Io(format!("{error}; nothing was written: is the disk full or failing?"))
        }
        _ => StoreError::Io(error.to_string()),
    }
}

/// As [`sqlite`], for the statement that asks for the write lock.
pub(super) fn busy(error: rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            StoreError::Busy { holder: "another guard".to_owned(), since: "more than 10 seconds".to_owned() }
        }
        _ => sqlite(error),
    }
}
