use rusqlite::{Transaction, params};

use super::error::{damaged, sqlite};
use super::{SqliteStore, micros, timestamp, unsigned};
use crate::domain::ids::WorkspaceName;
use crate::domain::rotation::{DecodeError, Event, VERSION};
use crate::ports::{Commit, Journal, Recorded, StoreError};

impl Journal for SqliteStore {
    fn events(&self, workspace: &WorkspaceName) -> Result<Vec<Recorded>, StoreError> {
        let reader = self.read();
        let sql = "SELECT seq, at, event FROM journal WHERE workspace = ? ORDER BY seq";
        let mut statement = reader.prepare_cached(sql).map_err(sqlite)?;
        let mut rows = statement.query([workspace.as_str()]).map_err(sqlite)?;
        let mut events = Vec::new();
        while let Some(row) = rows.next().map_err(sqlite)? {
            let (seq, at) = (row.get(0).map_err(sqlite)?, row.get(1).map_err(sqlite)?);
            let text: String = row.get(2).map_err(sqlite)?;
            let event = Event::decode(&text).map_err(|error| match error {
                DecodeError::Newer { found } => StoreError::Newer { found, known: VERSION },
                DecodeError::Damaged(why) => damaged(format!("event {seq} of {workspace} cannot be read: {why}")),
            })?;
            let recorded = Recorded { seq: unsigned(seq)?, at: timestamp(at)?, event };
            if recorded.seq != events.len() as u64 + 1 {
                return Err(damaged(format!("event {} of {workspace} is missing", events.len() + 1)));
            }
            events.push(recorded);
        }
        Ok(events)
    }

    fn commit(&self, commit: &Commit<'_>) -> Result<u64, StoreError> {
        self.write(|transaction| {
            let last = last(transaction, commit.workspace)?;
            if last != commit.expected {
                return Err(StoreError::Conflict { workspace: commit.workspace.clone() });
            }
            let sql = "INSERT INTO journal (workspace, seq, at, event) VALUES (?, ?, ?, ?)";
            let mut insert = transaction.prepare_cached(sql).map_err(sqlite)?;
            let mut seq = last;
            for event in commit.events {
                seq += 1;
                insert
                    .execute(params![commit.workspace.as_str(), seq.cast_signed(), micros(commit.at), event.encode()])
                    .map_err(sqlite)?;
            }
            let head = super::evidence::append_all(transaction, commit.at, commit.evidence)?;
            super::outbox::add_all(transaction, commit.notices, head.as_ref())?;
            Ok(seq)
        })
    }
}

fn last(transaction: &Transaction<'_>, workspace: &WorkspaceName) -> Result<u64, StoreError> {
    let sql = "SELECT coalesce(max(seq), 0) FROM journal WHERE workspace = ?";
    let mut statement = transaction.prepare_cached(sql).map_err(sqlite)?;
    unsigned(statement.query_row([workspace.as_str()], |row| row.get(0)).map_err(sqlite)?)
}
