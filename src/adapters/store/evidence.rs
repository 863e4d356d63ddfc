use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::error::sqlite;
use super::{SqliteStore, unsigned};
use crate::domain::evidence::{Hash, Head, Record, Statement, append};
use crate::domain::time::Timestamp;
use crate::ports::{EvidenceDraft, EvidenceLog, StoreError};

/// As in the first migration.
const NOT_CUT: &str = "CREATE TRIGGER evidence_is_not_cut BEFORE DELETE ON evidence \
                       BEGIN SELECT RAISE(ABORT, 'evidence is append-only'); END";

impl EvidenceLog for SqliteStore {
    fn append_evidence(&self, at: Timestamp, drafts: &[EvidenceDraft]) -> Result<(), StoreError> {
        self.write(|transaction| append_all(transaction, at, drafts).map(drop))
    }

    fn evidence(&self, from: u64, limit: usize) -> Result<Vec<String>, StoreError> {
        let reader = self.read();
        let sql = "SELECT line FROM evidence WHERE seq >= ? ORDER BY seq LIMIT ?";
        let mut statement = reader.prepare_cached(sql).map_err(sqlite)?;
        let (from, limit) = (i64::try_from(from).unwrap_or(i64::MAX), i64::try_from(limit).unwrap_or(i64::MAX));
        let lines = statement.query_map([from, limit], |row| row.get(0)).map_err(sqlite)?;
        lines.collect::<Result<_, _>>().map_err(sqlite)
    }

    fn evidence_head(&self) -> Result<Option<(u64, String)>, StoreError> {
        Ok(head(&self.read())?.map(|head| (head.seq, head.hash.into())))
    }

    fn append_about_head(
        &self,
        at: Timestamp,
        draft: &dyn Fn(&Head) -> Option<EvidenceDraft>,
    ) -> Result<Option<Head>, StoreError> {
        self.write(|transaction| match head(transaction)?.as_ref().and_then(draft) {
            Some(draft) => append_all(transaction, at, &[draft]),
            None => Ok(None),
        })
    }

    fn prune_evidence(&self, before: u64, at: Timestamp, draft: &EvidenceDraft) -> Result<u64, StoreError> {
        self.write(|transaction| {
            append_all(transaction, at, std::slice::from_ref(draft))?;
            // The table refuses to be cut by anybody else, and by this as soon as the transaction is over.
            transaction.execute_batch("DROP TRIGGER evidence_is_not_cut").map_err(sqlite)?;
            let sql = "DELETE FROM evidence WHERE seq < ?";
            let removed = transaction.execute(sql, [i64::try_from(before).unwrap_or(i64::MAX)]).map_err(sqlite)?;
            transaction.execute_batch(NOT_CUT).map_err(sqlite)?;
            Ok(removed as u64)
        })
    }
}

/// Appends in the caller's transaction; the answer is the chain's head afterwards.
pub(super) fn append_all(
    transaction: &Transaction<'_>,
    at: Timestamp,
    drafts: &[EvidenceDraft],
) -> Result<Option<Head>, StoreError> {
    let mut newest = head(transaction)?;
    let mut insert = transaction.prepare_cached("INSERT INTO evidence (seq, line) VALUES (?, ?)").map_err(sqlite)?;
    for EvidenceDraft { actor, kind, subject, detail } in drafts {
        let (line, head) = append(newest.as_ref(), Statement { at, actor, kind, subject, detail });
        insert.execute(params![head.seq.cast_signed(), line]).map_err(sqlite)?;
        newest = Some(head);
    }
    Ok(newest)
}

/// The newest record's number and hash. A last record that cannot be read must not keep guard from acting: the chain goes on from the hash of the damaged text,
/// and verification names the damaged record.
pub(super) fn head(connection: &Connection) -> Result<Option<Head>, StoreError> {
    let sql = "SELECT seq, line FROM evidence ORDER BY seq DESC LIMIT 1";
    let mut statement = connection.prepare_cached(sql).map_err(sqlite)?;
    let row: Option<(i64, String)> =
        statement.query_row([], |row| Ok((row.get(0)?, row.get(1)?))).optional().map_err(sqlite)?;
    row.map(|(seq, line)| {
        let hash = match serde_json::from_str::<Record>(&line) {
            Ok(record) => record.hash,
            Err(_) => Hash::of(line.as_bytes()),
        };
        Ok(Head { seq: unsigned(seq)?, hash })
    })
    .transpose()
}
