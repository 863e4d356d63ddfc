//! guard's memory: one SQLite database below the state directory. Nothing in it is secret.

mod error;
mod evidence;
mod journal;
mod migrate;
mod outbox;
mod runs;
mod usage;
mod watch_state;

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::DateTime;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use self::error::{busy, damaged, sqlite};
use super::fs::{self, FileError, Trust};
use crate::domain::time::Timestamp;
use crate::ports::StoreError;

/// Older versions can corrupt a database when the write-ahead log is reset: <https://sqlite.org/wal.html#walresetbug>.
const OLDEST_SQLITE: i32 = 3_051_003;
/// How long a statement waits for another process.
const PATIENCE: Duration = Duration::from_secs(10);
const FILE: &str = "guard.db";

/// Implements every storage port over two connections: one writes, one reads and never waits for a writer.
pub struct SqliteStore {
    writer: Option<Mutex<Connection>>,
    reader: Mutex<Connection>,
}

impl SqliteStore {
    /// Opens the database of this state directory, makes it or brings it to the newest format, and checks the tables that
    /// guard acts on.
    ///
    /// # Errors
    /// [`StoreError::Newer`], [`StoreError::Damaged`], [`StoreError::Untrusted`] when others may read or change the state, or
    /// [`StoreError::Io`].
    pub fn open(state_dir: &Path) -> Result<Self, StoreError> {
        fs::directory(state_dir).map_err(file)?;
        let path = state_dir.canonicalize().map_err(|e| file(FileError::io("open", state_dir, e)))?.join(FILE);
        if !fs::exists(&path, Trust::Private).map_err(file)? {
            // SQLite would make the file by the umask; its logs take the mode of the file. Losing a race is fine.
            let _ = fs::create(&path, b"").map_err(file)?;
        }
        let mut writer = connect(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        writer.pragma_update(None, "journal_mode", "WAL").map_err(sqlite)?;
        writer.pragma_update(None, "synchronous", "FULL").map_err(sqlite)?;
        writer.pragma_update(None, "foreign_keys", true).map_err(sqlite)?;
        // In KiB: a poll of ten thousand keys touches more pages than the usual two MiB hold.
        writer.pragma_update(None, "cache_size", -16_384).map_err(sqlite)?;
        migrate::run(&mut writer)?;
        examine(&writer, &["journal", "meta"])?;
        let reader = connect(&path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        Ok(Self { writer: Some(Mutex::new(writer)), reader: Mutex::new(reader) })
    }

    /// Opens the database for reading only; never waits for a writer and never changes a file. Where there is no state yet,
    /// everything is empty.
    ///
    /// # Errors
    /// As [`SqliteStore::open`]; a format that is older than this guard's is [`StoreError::Io`], because only a writer may
    /// bring it up to date.
    pub fn open_read_only(state_dir: &Path) -> Result<Self, StoreError> {
        let path = state_dir.join(FILE);
        if !fs::exists(&path, Trust::Private).map_err(file)? {
            let mut empty = Connection::open_in_memory().map_err(sqlite)?;
            migrate::run(&mut empty)?;
            return Ok(Self { writer: None, reader: Mutex::new(empty) });
        }
        let path = path.canonicalize().map_err(|e| file(FileError::io("open", &path, e)))?;
        let reader = connect(&path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        migrate::must_be_current(&reader)?;
        Ok(Self { writer: None, reader: Mutex::new(reader) })
    }

    /// Reads every page and checks every index: for `guard doctor`, it takes time in proportion to the size.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] with what SQLite found first.
    pub fn examine(&self) -> Result<(), StoreError> {
        let reader = self.read();
        let verdict: String = reader.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0)).map_err(sqlite)?;
        if verdict == "ok" { Ok(()) } else { Err(damaged(verdict)) }
    }

    /// Names this state, so that a copy of guard's configuration on another host can be told apart. 32 hexadecimal digits.
    pub fn instance(&self) -> Result<String, StoreError> {
        let sql = "SELECT value FROM meta WHERE name = 'instance'";
        self.read().query_row(sql, [], |row| row.get(0)).map_err(sqlite)
    }

    fn read(&self) -> MutexGuard<'_, Connection> {
        // A panic elsewhere leaves no half-done work in a connection: an open transaction is rolled back when it is dropped.
        self.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `work` in one transaction that holds the write lock from its first statement, so that it never has to be upgraded.
    fn write<T>(&self, work: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let writer = self.writer.as_ref().ok_or_else(|| StoreError::Io("it was opened for reading only".to_owned()))?;
        let mut writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
        let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate).map_err(busy)?;
        let done = work(&transaction)?;
        transaction.commit().map_err(sqlite)?;
        Ok(done)
    }
}

fn connect(path: &Path, mode: OpenFlags) -> Result<Connection, StoreError> {
    if rusqlite::version_number() < OLDEST_SQLITE {
        return Err(StoreError::Io(format!(
            "SQLite {} can damage a database; build guard with 3.51.3 or newer",
            rusqlite::version()
        )));
    }
    let flags = mode | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let connection = Connection::open_with_flags(path, flags).map_err(sqlite)?;
    connection.busy_timeout(PATIENCE).map_err(sqlite)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// Checks small tables that guard decides on; a large history is left to [`SqliteStore::examine`].
fn examine(connection: &Connection, tables: &[&str]) -> Result<(), StoreError> {
    for table in tables {
        let verdict: String =
            connection.query_row(&format!("PRAGMA quick_check({table})"), [], |row| row.get(0)).map_err(sqlite)?;
        if verdict != "ok" {
            return Err(damaged(verdict));
        }
    }
    Ok(())
}

fn file(error: FileError) -> StoreError {
    match error {
        FileError::Untrusted { .. } => StoreError::Untrusted(error.to_string()),
        FileError::Io { .. } | FileError::Unsettled { .. } => StoreError::Io(error.to_string()),
    }
}

fn micros(at: Timestamp) -> i64 {
    at.timestamp_micros()
}

fn timestamp(micros: i64) -> Result<Timestamp, StoreError> {
    DateTime::from_timestamp_micros(micros).ok_or_else(|| damaged(format!("{micros} is no time")))
}

/// A number that was stored from a `u64`.
fn unsigned(number: i64) -> Result<u64, StoreError> {
    u64::try_from(number).map_err(|_| damaged(format!("{number} is negative")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::{EvidenceDraft, EvidenceLog, WatchState};

    #[test]
    fn on_a_full_disk_nothing_is_half_written() {
        let state = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(state.path()).unwrap();
        let pages = |sql: &str| {
            let writer = store.writer.as_ref().unwrap().lock().unwrap();
            writer.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap()
        };
        let now = pages("PRAGMA page_count");
        pages(&format!("PRAGMA max_page_count = {now}"));
        let figures = serde_json::Value::String("x".repeat(100_000));
        let draft = EvidenceDraft { actor: "a".into(), kind: "k".into(), subject: "s".into(), detail: figures };
        let small = EvidenceDraft { detail: serde_json::Value::Null, ..draft.clone() };
        let error = store.append_evidence(Timestamp::UNIX_EPOCH, &[small.clone(), draft]).unwrap_err();
        assert!(matches!(&error, StoreError::Io(why) if why.contains("disk is full")), "{error}");
        assert_eq!(store.evidence_head().unwrap(), None);
        pages(&format!("PRAGMA max_page_count = {}", now + 100));
        store.append_evidence(Timestamp::UNIX_EPOCH, &[small]).unwrap();
        store.save_states(&[("poll".into(), serde_json::Value::Null)]).unwrap();
        store.examine().unwrap();
    }
}
