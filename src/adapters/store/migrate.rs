//! Formats of the database. A step is never changed once released; a new one is added at the end.

use rusqlite::{Connection, TransactionBehavior};

use super::error::{busy, damaged, sqlite};
use crate::ports::StoreError;

const STEPS: &[&str] = &[include_str!("migrations/0001_first.sql"), include_str!("migrations/0002_notify.sql")];
/// "guar", so that another program's database is not taken for guard's.
const APPLICATION: i32 = 0x6775_6172;

fn newest() -> u32 {
    // A handful of steps.
    u32::try_from(STEPS.len()).unwrap_or(u32::MAX)
}

/// Brings the database to the newest format. Each step is one transaction with its number in it: a crash leaves the old
/// format or the new one.
pub(super) fn run(connection: &mut Connection) -> Result<(), StoreError> {
    while format(connection)? < newest() {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(busy)?;
        // Asked again under the lock: another guard may have been faster.
        let done = format(&transaction)?;
        if let Some(step) = STEPS.get(done as usize) {
            transaction.execute_batch(step).map_err(sqlite)?;
            transaction.pragma_update(None, "application_id", APPLICATION).map_err(sqlite)?;
            transaction.pragma_update(None, "user_version", done + 1).map_err(sqlite)?;
        }
        transaction.commit().map_err(sqlite)?;
    }
    Ok(())
}

/// For those who may not migrate.
pub(super) fn must_be_current(connection: &Connection) -> Result<(), StoreError> {
    let found = format(connection)?;
    if found == newest() {
        return Ok(());
    }
    Err(StoreError::Io(format!(
        "it has format {found}, this guard writes {}; run `guard tick` once to bring it up to date",
        newest()
    )))
}

fn format(connection: &Connection) -> Result<u32, StoreError> {
    let number = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).map_err(sqlite);
    let found = u32::try_from(number("user_version")?).map_err(damaged)?;
    match number("application_id")? {
        0 if found == 0 => {}
        application if application == i64::from(APPLICATION) => {}
        _ => return Err(damaged("guard.db is the database of another program")),
    }
    if found > newest() {
        return Err(StoreError::Newer { found, known: newest() });
    }
    Ok(found)
}
