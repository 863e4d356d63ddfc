use rusqlite::{OptionalExtension, Transaction, params};

use super::error::{damaged, sqlite};
use super::{SqliteStore, micros, timestamp, unsigned};
use crate::domain::evidence::Head;
use crate::domain::ids::NotifierName;
use crate::domain::message::Phase;
use crate::domain::notice::Notice;
use crate::domain::time::Timestamp;
use crate::ports::{ChannelRecord, Outbox, OutboxEntry, Outcome, StoreError};

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
        let sql = "SELECT delivery.id, notice.body, notifier, attempts, next_attempt, told_as
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
                notice: read_notice(&body)?,
                notifier: notifier.clone(),
                attempts: row.get(3).map_err(sqlite)?,
                next_attempt: timestamp(row.get(4).map_err(sqlite)?)?,
                told_as: row.get(5).map_err(sqlite)?,
            });
        }
        Ok(entries)
    }

    fn settle(&self, entries: &[u64], at: Timestamp, outcome: &Outcome<'_>) -> Result<(), StoreError> {
        self.write(|transaction| {
            for id in entries {
                let id = id.cast_signed();
                let changed = match outcome {
                    Outcome::Told { answer, thread, again } => transaction.execute(
                        "UPDATE delivery SET attempts = 0, delivered_at = ?, answer = ?, told_as = ?, next_attempt = ?, held = ?
                         WHERE id = ?",
                        params![micros(at), answer, thread, again.map(micros), again.is_some(), id],
                    ),
                    Outcome::Skipped { why } => transaction.execute(
                        "UPDATE delivery SET next_attempt = NULL, held = 0, answer = iif(told_as IS NULL, ?, answer) WHERE id = ?",
                        params![format!("not sent: {why}"), id],
                    ),
                    Outcome::Held { until } => transaction
                        .execute("UPDATE delivery SET next_attempt = ?, held = 1 WHERE id = ?", params![micros(*until), id]),
                    Outcome::Failed { why, next } => transaction.execute(
                        "UPDATE delivery SET attempts = attempts + 1, next_attempt = ?, answer = ?, held = 0 WHERE id = ?",
                        params![next.map(micros), why, id],
                    ),
                };
                if changed.map_err(sqlite)? == 0 {
                    return Err(StoreError::Io("the outbox has no such entry".to_owned()));
                }
            }
            Ok(())
        })
    }

    fn opening(&self, entry: u64) -> Result<Option<(Notice, String)>, StoreError> {
        let sql = "SELECT opening.body, delivery.told_as
                   FROM delivery AS own
                   JOIN notice AS news ON news.id = own.notice
                   JOIN notice AS opening ON opening.thread = news.thread AND opening.phase = 'begins' AND opening.id < news.id
                   JOIN delivery ON delivery.notice = opening.id AND delivery.notifier = own.notifier
                   WHERE own.id = ? AND delivery.told_as IS NOT NULL AND NOT EXISTS (
                       SELECT 1 FROM notice AS over WHERE over.thread = news.thread AND over.phase = 'ends'
                       AND over.id > opening.id AND over.id < news.id)
                   ORDER BY opening.id DESC LIMIT 1";
        let reader = self.read();
        let mut statement = reader.prepare_cached(sql).map_err(sqlite)?;
        let found = statement
            .query_row([entry.cast_signed()], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))
            .optional()
            .map_err(sqlite)?;
        found.map(|(body, told_as)| Ok((read_notice(&body)?, told_as))).transpose()
    }

    fn taken(&self, entry: u64) -> Result<Option<Phase>, StoreError> {
        let sql = "SELECT later.phase
                   FROM delivery AS own
                   JOIN notice AS news ON news.id = own.notice
                   JOIN notice AS later ON later.thread = news.thread AND later.id > news.id
                   WHERE own.id = ? AND later.phase IN ('acknowledged', 'ends')
                   ORDER BY later.phase = 'ends' DESC LIMIT 1";
        let reader = self.read();
        let mut statement = reader.prepare_cached(sql).map_err(sqlite)?;
        let word: Option<String> =
            statement.query_row([entry.cast_signed()], |row| row.get(0)).optional().map_err(sqlite)?;
        Ok(word.as_deref().and_then(Phase::of_word))
    }

    fn open_under(&self, notifier: &NotifierName, thread: &str) -> Result<u64, StoreError> {
        let sql = "SELECT count(*) FROM delivery JOIN notice ON notice.id = delivery.notice
                   WHERE delivery.notifier = ? AND delivery.told_as = ? AND notice.phase = 'begins' AND NOT EXISTS (
                       SELECT 1 FROM notice AS over WHERE over.thread = notice.thread AND over.phase = 'ends'
                       AND over.id > notice.id)";
        let reader = self.read();
        let mut statement = reader.prepare_cached(sql).map_err(sqlite)?;
        unsigned(statement.query_row([notifier.as_str(), thread], |row| row.get(0)).map_err(sqlite)?)
    }

    fn backlog(&self) -> Result<(u64, Option<Timestamp>), StoreError> {
        let sql = "SELECT count(*), min(at) FROM (
                       SELECT at FROM notice WHERE fanned = 0
                       UNION ALL
                       SELECT at FROM notice JOIN delivery ON delivery.notice = notice.id
                       WHERE next_attempt IS NOT NULL AND held = 0)";
        let reader = self.read();
        let mut statement = reader.prepare_cached(sql).map_err(sqlite)?;
        let (count, oldest): (i64, Option<i64>) =
            statement.query_row([], |row| Ok((row.get(0)?, row.get(1)?))).map_err(sqlite)?;
        Ok((unsigned(count)?, oldest.map(timestamp).transpose()?))
    }

    fn channels(&self, notifiers: &[NotifierName]) -> Result<Vec<ChannelRecord>, StoreError> {
        notifiers.iter().map(|notifier| self.channel(notifier)).collect()
    }

    fn prune(&self, before: Timestamp) -> Result<u64, StoreError> {
        let old = "at < ? AND fanned = 1 AND NOT EXISTS (
                       SELECT 1 FROM delivery WHERE delivery.notice = notice.id AND next_attempt IS NOT NULL)";
        let any: bool = {
            let reader = self.read();
            let sql = format!("SELECT EXISTS (SELECT 1 FROM notice WHERE {old})");
            let mut statement = reader.prepare_cached(&sql).map_err(sqlite)?;
            statement.query_row([micros(before)], |row| row.get(0)).map_err(sqlite)?
        };
        if !any {
            return Ok(0);
        }
        self.write(|transaction| {
            let deliveries = format!("DELETE FROM delivery WHERE notice IN (SELECT id FROM notice WHERE {old})");
            transaction.execute(&deliveries, [micros(before)]).map_err(sqlite)?;
            // Whatever waits for nobody has no delivery left.
            let notices = format!("DELETE FROM notice WHERE {old}");
            transaction.execute(&notices, [micros(before)]).map_err(sqlite).map(|count| count as u64)
        })
    }
}

fn read_notice(body: &str) -> Result<Notice, StoreError> {
    serde_json::from_str(body).map_err(|error| damaged(format!("a notice cannot be read: {error}")))
}

impl SqliteStore {
    fn any_not_fanned(&self) -> Result<bool, StoreError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM notice WHERE fanned = 0)";
        let reader = self.read();
        let mut statement = reader.prepare_cached(sql).map_err(sqlite)?;
        statement.query_row([], |row| row.get(0)).map_err(sqlite)
    }

    fn channel(&self, notifier: &NotifierName) -> Result<ChannelRecord, StoreError> {
        let reader = self.read();
        let one = |sql: &str| -> Result<Option<(i64, Option<String>)>, StoreError> {
            let mut statement = reader.prepare_cached(sql).map_err(sqlite)?;
            statement.query_row([notifier.as_str()], |row| Ok((row.get(0)?, row.get(1)?))).optional().map_err(sqlite)
        };
        let sql = "SELECT count(*), min(at) FROM delivery JOIN notice ON notice.id = delivery.notice
                   WHERE notifier = ? AND next_attempt IS NOT NULL AND held = 0";
        let mut statement = reader.prepare_cached(sql).map_err(sqlite)?;
        let (waiting, oldest): (i64, Option<i64>) =
            statement.query_row([notifier.as_str()], |row| Ok((row.get(0)?, row.get(1)?))).map_err(sqlite)?;
        let told = one("SELECT delivered_at, answer FROM delivery WHERE notifier = ? AND told_as IS NOT NULL
                        ORDER BY delivered_at DESC LIMIT 1")?;
        let failing = one("SELECT id, answer FROM delivery
                           WHERE notifier = ? AND next_attempt IS NOT NULL AND held = 0 AND attempts > 0
                           ORDER BY next_attempt DESC LIMIT 1")?;
        Ok(ChannelRecord {
            notifier: notifier.clone(),
            waiting: unsigned(waiting)?,
            oldest: oldest.map(timestamp).transpose()?,
            last_told: told
                .map(|(at, answer)| Ok::<_, StoreError>((timestamp(at)?, answer.unwrap_or_default())))
                .transpose()?,
            failing: failing.and_then(|(_, why)| why),
        })
    }
}

/// Adds notices in the caller's transaction; one that does not name the evidence head gets `head`.
pub(super) fn add_all(
    transaction: &Transaction<'_>,
    notices: &[Notice],
    head: Option<&Head>,
) -> Result<(), StoreError> {
    let sql =
        "INSERT INTO notice (dedup, at, body, thread, phase) VALUES (?, ?, ?, ?, ?) ON CONFLICT (dedup) DO NOTHING";
    let mut insert = transaction.prepare_cached(sql).map_err(sqlite)?;
    for notice in notices {
        let mut notice = notice.clone();
        notice.evidence_head = notice.evidence_head.or_else(|| head.map(Head::to_string));
        let body = serde_json::to_string(&notice)
            .map_err(|error| StoreError::Io(format!("a notice has no JSON form: {error}")))?;
        let (thread, phase) = (notice.thread(), notice.phase().as_str());
        insert.execute(params![notice.dedup, micros(notice.at), body, thread, phase]).map_err(sqlite)?;
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
