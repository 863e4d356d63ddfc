use rusqlite::{OptionalExtension, params};
use serde_json::Value;

use super::SqliteStore;
use super::error::{damaged, sqlite};
use crate::ports::{StoreError, WatchState};

impl WatchState for SqliteStore {
    fn load_state(&self, name: &str) -> Result<Option<Value>, StoreError> {
        let reader = self.read();
        let mut statement = reader.prepare_cached("SELECT value FROM watch_state WHERE name = ?").map_err(sqlite)?;
        let text: Option<String> = statement.query_row([name], |row| row.get(0)).optional().map_err(sqlite)?;
        text.map(|text| {
            serde_json::from_str(&text).map_err(|error| damaged(format!("the state `{name}` cannot be read: {error}")))
        })
        .transpose()
    }

    fn save_states(&self, states: &[(String, Value)]) -> Result<(), StoreError> {
        self.write(|transaction| {
            let sql = "INSERT INTO watch_state (name, value) VALUES (?1, ?2)
                       ON CONFLICT (name) DO UPDATE SET value = ?2 WHERE value <> ?2";
            let mut upsert = transaction.prepare_cached(sql).map_err(sqlite)?;
            for (name, value) in states {
                upsert.execute(params![name, value.to_string()]).map_err(sqlite)?;
            }
            Ok(())
        })
    }
}
