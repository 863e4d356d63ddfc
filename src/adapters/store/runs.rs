use rusqlite::{Row, params};

use super::error::{damaged, sqlite};
use super::{SqliteStore, micros, timestamp, unsigned};
use crate::domain::ids::{KeyId, RunId, WorkspaceName};
use crate::domain::run::Run;
use crate::domain::time::Timestamp;
use crate::ports::{Runs, StoreError};

impl Runs for SqliteStore {
    fn begin_run(
        &self,
        workspace: &WorkspaceName,
        key: &KeyId,
        program: &str,
        at: Timestamp,
    ) -> Result<RunId, StoreError> {
        self.write(|transaction| {
            let sql = "INSERT INTO run (workspace, key, program, started_at) VALUES (?, ?, ?, ?)";
            transaction.execute(sql, params![workspace.as_str(), key.as_str(), program, micros(at)]).map_err(sqlite)?;
            unsigned(transaction.last_insert_rowid()).map(RunId)
        })
    }

    fn run_started(&self, id: RunId, pid: u32) -> Result<(), StoreError> {
        self.change(id, "UPDATE run SET pid = ? WHERE id = ?", params![pid, id.0.cast_signed()])
    }

    fn end_run(&self, id: RunId, at: Timestamp, exit_status: i32) -> Result<(), StoreError> {
        let sql = "UPDATE run SET ended_at = ?, exit_status = ?, pid = NULL WHERE id = ?";
        self.change(id, sql, params![micros(at), exit_status, id.0.cast_signed()])
    }

    fn runs(&self, workspace: &WorkspaceName, from: Timestamp, until: Timestamp) -> Result<Vec<Run>, StoreError> {
        let reader = self.read();
        // A run that begins and ends in one instant still happened at that instant.
        let sql = "SELECT id, key, program, pid, started_at, ended_at, exit_status FROM run
                   WHERE workspace = ?1 AND started_at < ?3
                     AND (ended_at IS NULL OR ended_at > ?2 OR started_at >= ?2)
                   ORDER BY started_at, id";
        let mut statement = reader.prepare_cached(sql).map_err(sqlite)?;
        let mut rows = statement.query(params![workspace.as_str(), micros(from), micros(until)]).map_err(sqlite)?;
        let mut runs = Vec::new();
        while let Some(row) = rows.next().map_err(sqlite)? {
            runs.push(run(workspace, row)?);
        }
        Ok(runs)
    }
}

impl SqliteStore {
    fn change(&self, id: RunId, sql: &str, values: &[&dyn rusqlite::ToSql]) -> Result<(), StoreError> {
        self.write(|transaction| match transaction.execute(sql, values).map_err(sqlite)? {
            0 => Err(StoreError::Io(format!("there is no run {id}"))),
            _ => Ok(()),
        })
    }
}

fn run(workspace: &WorkspaceName, row: &Row<'_>) -> Result<Run, StoreError> {
    Ok(Run {
        id: RunId(unsigned(row.get(0).map_err(sqlite)?)?),
        workspace: workspace.clone(),
        key: KeyId::new(row.get::<_, String>(1).map_err(sqlite)?).map_err(damaged)?,
        program: row.get(2).map_err(sqlite)?,
        pid: row.get(3).map_err(sqlite)?,
        started_at: timestamp(row.get(4).map_err(sqlite)?)?,
        ended_at: row.get::<_, Option<i64>>(5).map_err(sqlite)?.map(timestamp).transpose()?,
        exit_status: row.get(6).map_err(sqlite)?,
    })
}
