use rusqlite::{Transaction, params};

use super::error::{damaged, sqlite};
use super::{SqliteStore, micros, timestamp, unsigned};
use crate::domain::evidence::Head;
use crate::domain::ids::NotifierName;
use crate::domain::notice::Notice;
use crate::domain::time::Timestamp;
use crate::ports::{Outbox, OutboxEntry, StoreError};

impl Outbox for SqliteStore {
    fn enqueue(&self, notices: &[Notice]) -> Result<(), StoreError> {
        self.write(|transaction| {
            let head = super::evidence::head(transaction)?;
            add_all(transaction, notices, head.as_ref())
        })
    }

    fn due(&self, notifiers: &[NotifierName], now: Timestamp) -> Result<Vec<OutboxEntry>, StoreError> {
        if self.any_not_fanned()? {
            self.write(|transaction| fan_out(transaction, notifiers))?;
        }
        let reader = self.read();
        let sql = "SELECT delivery.id, notice.body, notifier, attempts, next_attempt
                   FROM delivery JOIN notice ON notice.id = delivery.notice
                   WHERE next_attempt <= ? ORDER BY delivery.notice, delivery.id";
        let mut statement = reader.prepare_cached(sql).map_err(sqlite)?;
        let mut rows = statement.query([micros(now)]).map_err(sqlite)?;
        let mut entries = Vec::new();
        while let Some(row) = rows.next().map_err(sqlite)? {
            let name: String = row.get(2).map_err(sqlite)?;
            let Some(notifier) = notifiers.iter().find(|n| n.as_str() == name) else { continue };
            let body: String = row.get(1).map_err(sqlite)?;
            entries.push(OutboxEntry {
                id: unsigned(row.get(0).map_err(sqlite)?)?,
                notice: serde_json::from_str(&body)
                    .map_err(|error| damaged(format!("a notice cannot be read: {error}")))?,
                notifier: notifier.clone(),
                attempts: row.get(3).map_err(sqlite)?,
                next_attempt: timestamp(row.get(4).map_err(sqlite)?)?,
            });
        }
        Ok(entries)
    }

    fn delivered(&self, id: u64, at: Timestamp, answer: &str) -> Result<(), StoreError> {
        let sql = "UPDATE delivery SET attempts = attempts + 1, next_attempt = NULL, delivered_at = ?, answer = ?
                   WHERE id = ?";
        self.settle(sql, params![micros(at), answer, id.cast_signed()])
    }

    fn postponed(&self, id: u64, next: Option<Timestamp>, why: &str) -> Result<(), StoreError> {
        let sql = "UPDATE delivery SET attempts = attempts + 1, next_attempt = ?, answer = ? WHERE id = ?";
        self.settle(sql, params![next.map(micros), why, id.cast_signed()])
    }

    fn backlog(&self) -> Result<(u64, Option<Timestamp>), StoreError> {
        let sql = "SELECT count(*), min(at) FROM (
                       SELECT at FROM notice WHERE fanned = 0
                       UNION ALL
                       SELECT at FROM notice JOIN delivery ON delivery.notice = notice.id
                       WHERE next_attempt IS NOT NULL)";
        let reader = self.read();
        let mut statement = reader.prepare_cached(sql).map_err(sqlite)?;
        let (count, oldest): (i64, Option<i64>) =
            statement.query_row([], |row| Ok((row.get(0)?, row.get(1)?))).map_err(sqlite)?;
        Ok((unsigned(count)?, oldest.map(timestamp).transpose()?))
    }
}

impl SqliteStore {
    fn any_not_fanned(&self) -> Result<bool, StoreError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM notice WHERE fanned = 0)";
        let reader = self.read();
        let mut statement = reader.prepare_cached(sql).map_err(sqlite)?;
        statement.query_row([], |row| row.get(0)).map_err(sqlite)
    }

    fn settle(&self, sql: &str, values: &[&dyn rusqlite::ToSql]) -> Result<(), StoreError> {
        self.write(|transaction| match transaction.execute(sql, values).map_err(sqlite)? {
            0 => Err(StoreError::Io("the outbox has no such entry".to_owned())),
            _ => Ok(()),
        })
    }
}

/// Adds notices in the caller's transaction; one that does not name the evidence head gets `head`.
pub(super) fn add_all(
    transaction: &Transaction<'_>,
    notices: &[Notice],
    head: Option<&Head>,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO notice (dedup, at, body) VALUES (?, ?, ?) ON CONFLICT (dedup) DO NOTHING";
    let mut insert = transaction.prepare_cached(sql).map_err(sqlite)?;
    for notice in notices {
        let mut notice = notice.clone();
        notice.evidence_head = notice.evidence_head.or_else(|| head.map(Head::to_string));
        let body = serde_json::to_string(&notice)
            .map_err(|error| StoreError::Io(format!("a notice has no JSON form: {error}")))?;
        insert.execute(params![notice.dedup, micros(notice.at), body]).map_err(sqlite)?;
    }
    Ok(())
}

/// Makes a delivery for each notifier of each notice that was never looked at, due since the notice was written.
fn fan_out(transaction: &Transaction<'_>, notifiers: &[NotifierName]) -> Result<(), StoreError> {
    let sql = "INSERT INTO delivery (notice, notifier, next_attempt)
               SELECT id, ?, at FROM notice WHERE fanned = 0 ORDER BY id ON CONFLICT DO NOTHING";
    let mut insert = transaction.prepare_cached(sql).map_err(sqlite)?;
    for notifier in notifiers {
        insert.execute([notifier.as_str()]).map_err(sqlite)?;
    }
    transaction.execute("UPDATE notice SET fanned = 1 WHERE fanned = 0", []).map_err(sqlite)?;
    Ok(())
}
