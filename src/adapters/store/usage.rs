use std::collections::{BTreeSet, HashMap};

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::error::{damaged, sqlite};
use super::{SqliteStore, micros};
use crate::domain::ids::{Principal, WorkspaceId};
use crate::domain::time::{Minute, Timestamp};
use crate::domain::usage::{Billing, Tokens, UsageRow, UsageWindow};
use crate::ports::{StoreError, UsageStore};

/// Where a row stands in the table: hour, series, minute within the hour. Tuples sort as the table does.
type Place = (i64, i64, i64);
/// Counts in the order of the table's columns.
type Counts = [i64; 6];

const SELECT: &str = "SELECT hour, series, minute, uncached_input, cache_read, cache_write_5m, cache_write_1h, output, \
                      web_searches FROM usage";
/// With [`bounds`]: the rows of a stretch, found by the hour and filtered by the minute.
const WITHIN: &str = "hour BETWEEN ?1 AND ?2 AND hour * 60 + minute BETWEEN ?3 AND ?4";

impl UsageStore for SqliteStore {
    fn replace_usage(&self, window: &UsageWindow, read_at: Timestamp) -> Result<Vec<Minute>, StoreError> {
        let (Some(from), Some(until)) = (window.from, window.until) else { return Ok(Vec::new()) };
        self.write(|transaction| {
            let wanted = wanted(transaction, window, (from, until), read_at)?;
            let changes = differences(transaction, &wanted, (from, until))?;
            apply(transaction, &changes)?;
            let minutes: BTreeSet<Minute> = changes.iter().map(|change| minute(change.place)).collect();
            Ok(minutes.into_iter().collect())
        })
    }

    fn usage(&self, principal: Option<&Principal>, from: Minute, until: Minute) -> Result<Vec<UsageRow>, StoreError> {
        let mut reader = self.read();
        // One moment for all statements below.
        let snapshot = reader.transaction().map_err(sqlite)?;
        let Some((from, until)) = stored(&snapshot, from, until)? else { return Ok(Vec::new()) };
        let every = series(&snapshot, principal)?;
        let mut rows = match principal {
            None => everything(&snapshot, from, until)?,
            Some(_) => of_series(&snapshot, &every.keys().copied().collect::<Vec<_>>(), from, until)?,
        };
        rows.sort_unstable_by_key(|((hour, series, minute), _)| (*hour, *minute, *series));
        rows.into_iter()
            .map(|(place, counts)| {
                let series = every.get(&place.1).ok_or_else(|| damaged("usage of an unknown series"))?;
                Ok(UsageRow { minute: minute(place), tokens: tokens(counts), ..series.clone() })
            })
            .collect()
    }

    fn last_used(&self, principal: &Principal) -> Result<Option<Minute>, StoreError> {
        let reader = self.read();
        let sql = "SELECT max(last_minute) FROM series WHERE principal = ?";
        let mut statement = reader.prepare_cached(sql).map_err(sqlite)?;
        let last: Option<i64> = statement.query_row([json(principal)?], |row| row.get(0)).map_err(sqlite)?;
        Ok(last.map(Minute::from_epoch))
    }

    fn prune_usage(&self, before: Minute) -> Result<(), StoreError> {
        let (hour, _, minute) = place(before, 0);
        self.write(|transaction| {
            transaction.execute("DELETE FROM usage WHERE hour < ?", [hour]).map_err(sqlite)?;
            transaction.execute("DELETE FROM usage WHERE hour = ? AND minute < ?", [hour, minute]).map_err(sqlite)?;
            Ok(())
        })
    }
}

const fn place(minute: Minute, series: i64) -> Place {
    (minute.epoch().div_euclid(60), series, minute.epoch().rem_euclid(60))
}

const fn minute((hour, _, minute): Place) -> Minute {
    Minute::from_epoch(hour.saturating_mul(60).saturating_add(minute))
}

/// First and last hour, first and last minute of `from..until`.
const fn bounds(from: Minute, until: Minute) -> [i64; 4] {
    let last = until.plus(-1);
    [place(from, 0).0, place(last, 0).0, from.epoch(), last.epoch()]
}

fn counts(tokens: &Tokens) -> Counts {
    let Tokens { uncached_input, cache_read, cache_write_5m, cache_write_1h, output, web_searches } = *tokens;
    [uncached_input, cache_read, cache_write_5m, cache_write_1h, output, web_searches]
        .map(|count| i64::try_from(count).unwrap_or(i64::MAX))
}

fn tokens(counts: Counts) -> Tokens {
    // Written from unsigned numbers.
    let [uncached_input, cache_read, cache_write_5m, cache_write_1h, output, web_searches] =
        counts.map(i64::unsigned_abs);
    Tokens { uncached_input, cache_read, cache_write_5m, cache_write_1h, output, web_searches }
}

fn json(value: &impl serde::Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Io(format!("a name has no JSON form: {error}")))
}

/// The window's rows as they are to stand in the table, in its order. Empty rows are not kept; of two rows for the same
/// place the later one counts, because a repeated page must not double anything.
fn wanted(
    transaction: &Transaction<'_>,
    window: &UsageWindow,
    (from, until): (Minute, Minute),
    read_at: Timestamp,
) -> Result<Vec<(Place, Counts)>, StoreError> {
    let mut numbers = HashMap::new();
    let mut rows = Vec::with_capacity(window.rows.len());
    for row in window.rows.iter().filter(|row| from <= row.minute && row.minute < until) {
        let name = (&row.principal, &row.workspace, row.model.as_str(), &row.billing);
        let number = match numbers.get(&name) {
            Some(number) => *number,
            None => {
                let number = number(transaction, row, read_at)?;
                numbers.insert(name, number);
                number
            }
        };
        rows.push((place(row.minute, number), counts(&row.tokens)));
    }
    // Stable, so that the later of two equals stays behind the earlier; then the earlier ones go.
    rows.sort_by_key(|(place, _)| *place);
    rows.dedup_by(|later, earlier| {
        let same = later.0 == earlier.0;
        if same {
            earlier.1 = later.1;
        }
        same
    });
    rows.retain(|(_, counts)| *counts != Counts::default());
    Ok(rows)
}

/// The number of the row's series, which is made when it is new.
fn number(transaction: &Transaction<'_>, row: &UsageRow, read_at: Timestamp) -> Result<i64, StoreError> {
    let workspace = row.workspace.as_ref().map_or("", WorkspaceId::as_str);
    let (principal, billing) = (json(&row.principal)?, json(&row.billing)?);
    let sql = "SELECT id FROM series WHERE principal = ? AND workspace = ? AND model = ? AND billing = ?";
    let mut find = transaction.prepare_cached(sql).map_err(sqlite)?;
    let known = find.query_row([&principal, workspace, &row.model, &billing], |row| row.get(0)).optional();
    if let Some(number) = known.map_err(sqlite)? {
        return Ok(number);
    }
    let sql = "INSERT INTO series (principal, workspace, model, billing, first_read_at) VALUES (?, ?, ?, ?, ?)";
    let mut insert = transaction.prepare_cached(sql).map_err(sqlite)?;
    insert.execute(params![principal, workspace, row.model, billing, micros(read_at)]).map_err(sqlite)?;
    Ok(transaction.last_insert_rowid())
}

/// A place whose content is not as wanted; `None` is to be removed.
struct Change {
    place: Place,
    counts: Option<Counts>,
}

/// Walks table and wish side by side, both in the table's order, so that nothing unchanged is written and memory holds the
/// differences only.
fn differences(
    transaction: &Transaction<'_>,
    wanted: &[(Place, Counts)],
    (from, until): (Minute, Minute),
) -> Result<Vec<Change>, StoreError> {
    let sql = format!("{SELECT} WHERE {WITHIN} ORDER BY 1, 2, 3");
    let mut select = transaction.prepare_cached(&sql).map_err(sqlite)?;
    let mut rows = select.query(bounds(from, until)).map_err(sqlite)?;
    let mut wishes = wanted.iter().peekable();
    let mut changes = Vec::new();
    while let Some(row) = rows.next().map_err(sqlite)? {
        let (place, counts) = stored_row(row).map_err(sqlite)?;
        while let Some((new, counts)) = wishes.next_if(|(wish, _)| *wish < place) {
            changes.push(Change { place: *new, counts: Some(*counts) });
        }
        match wishes.next_if(|(wish, _)| *wish == place) {
            Some((_, wish)) if *wish == counts => {}
            other => changes.push(Change { place, counts: other.map(|(_, wish)| *wish) }),
        }
    }
    changes.extend(wishes.map(|(place, counts)| Change { place: *place, counts: Some(*counts) }));
    Ok(changes)
}

fn apply(transaction: &Transaction<'_>, changes: &[Change]) -> Result<(), StoreError> {
    let sql = "INSERT OR REPLACE INTO usage VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";
    let mut put = transaction.prepare_cached(sql).map_err(sqlite)?;
    let sql = "DELETE FROM usage WHERE hour = ? AND series = ? AND minute = ?";
    let mut delete = transaction.prepare_cached(sql).map_err(sqlite)?;
    let mut newest: HashMap<i64, i64> = HashMap::new();
    let mut emptied: HashMap<i64, i64> = HashMap::new();
    for Change { place: at @ (hour, series, within), counts } in changes {
        let (epoch, seen) = (minute(*at).epoch(), if counts.is_some() { &mut newest } else { &mut emptied });
        seen.entry(*series).and_modify(|last| *last = epoch.max(*last)).or_insert(epoch);
        match counts {
            Some([a, b, c, d, e, f]) => put.execute([*hour, *series, *within, *a, *b, *c, *d, *e, *f]),
            None => delete.execute([*hour, *series, *within]),
        }
        .map_err(sqlite)?;
    }
    // Removals first: what they leave behind counts only if nothing newer was added.
    let sql = "UPDATE series SET last_minute = ?2 WHERE id = ?1 AND last_minute = ?3";
    let mut lower = transaction.prepare_cached(sql).map_err(sqlite)?;
    for (series, removed) in emptied {
        if last_minute(transaction, series)? == Some(removed) {
            lower.execute(params![series, newest_row(transaction, series, removed)?, removed]).map_err(sqlite)?;
        }
    }
    let sql = "UPDATE series SET last_minute = ?2 WHERE id = ?1 AND coalesce(last_minute < ?2, TRUE)";
    let mut raise = transaction.prepare_cached(sql).map_err(sqlite)?;
    for (series, last) in newest {
        raise.execute([series, last]).map_err(sqlite)?;
    }
    Ok(())
}

fn last_minute(connection: &Connection, series: i64) -> Result<Option<i64>, StoreError> {
    let mut select = connection.prepare_cached("SELECT last_minute FROM series WHERE id = ?").map_err(sqlite)?;
    select.query_row([series], |row| row.get(0)).map_err(sqlite)
}

/// The newest minute of a series up to `upto`, looked for backwards hour by hour.
fn newest_row(connection: &Connection, series: i64, upto: i64) -> Result<Option<i64>, StoreError> {
    let Some((from, _)) = stored(connection, Minute::from_epoch(i64::MIN), Minute::from_epoch(i64::MAX))? else {
        return Ok(None);
    };
    let sql = "SELECT max(minute) FROM usage WHERE hour = ? AND series = ?";
    let mut select = connection.prepare_cached(sql).map_err(sqlite)?;
    for hour in (place(from, 0).0..=upto.div_euclid(60)).rev() {
        let within: Option<i64> = select.query_row([hour, series], |row| row.get(0)).map_err(sqlite)?;
        if let Some(within) = within {
            return Ok(Some(minute((hour, series, within)).epoch()));
        }
    }
    Ok(None)
}

/// The part of `from..until` for which anything is stored; `None` when there is nothing.
fn stored(connection: &Connection, from: Minute, until: Minute) -> Result<Option<(Minute, Minute)>, StoreError> {
    let sql = "SELECT (SELECT min(hour) FROM usage), (SELECT max(hour) FROM usage)";
    let mut select = connection.prepare_cached(sql).map_err(sqlite)?;
    let ends: (Option<i64>, Option<i64>) =
        select.query_row([], |row| Ok((row.get(0)?, row.get(1)?))).map_err(sqlite)?;
    let (Some(oldest), Some(newest)) = ends else { return Ok(None) };
    let (from, until) = (from.max(minute((oldest, 0, 0))), until.min(minute((newest, 0, 60))));
    Ok((from < until).then_some((from, until)))
}

/// Rows without minute and counts, by number; of one principal or all.
fn series(connection: &Connection, principal: Option<&Principal>) -> Result<HashMap<i64, UsageRow>, StoreError> {
    let filter = if principal.is_some() { "principal = ?1" } else { "?1 IS NULL" };
    let sql = format!("SELECT id, principal, workspace, model, billing FROM series WHERE {filter}");
    let mut select = connection.prepare_cached(&sql).map_err(sqlite)?;
    let mut rows = select.query([principal.map(json).transpose()?]).map_err(sqlite)?;
    let mut all = HashMap::new();
    while let Some(row) = rows.next().map_err(sqlite)? {
        let text = |column: usize| row.get::<_, String>(column).map_err(sqlite);
        let workspace = Some(text(2)?).filter(|id| !id.is_empty());
        let blank = UsageRow {
            minute: Minute::from_epoch(0),
            principal: serde_json::from_str(&text(1)?).map_err(damaged)?,
            workspace: workspace.map(WorkspaceId::new).transpose().map_err(damaged)?,
            model: text(3)?,
            billing: serde_json::from_str::<Billing>(&text(4)?).map_err(damaged)?,
            tokens: Tokens::default(),
        };
        all.insert(row.get(0).map_err(sqlite)?, blank);
    }
    Ok(all)
}

fn everything(connection: &Connection, from: Minute, until: Minute) -> Result<Vec<(Place, Counts)>, StoreError> {
    let mut select = connection.prepare_cached(&format!("{SELECT} WHERE {WITHIN}")).map_err(sqlite)?;
    let rows = select.query_map(bounds(from, until), stored_row).map_err(sqlite)?;
    rows.collect::<Result<_, _>>().map_err(sqlite)
}

/// Hour by hour: a few look-ups an hour instead of reading past every other series.
fn of_series(
    connection: &Connection,
    series: &[i64],
    from: Minute,
    until: Minute,
) -> Result<Vec<(Place, Counts)>, StoreError> {
    let sql = format!("{SELECT} WHERE hour = ?1 AND series = ?2 AND minute BETWEEN ?3 AND ?4");
    let mut select = connection.prepare_cached(&sql).map_err(sqlite)?;
    let [first_hour, last_hour, first, last] = bounds(from, until);
    let mut rows = Vec::new();
    for hour in first_hour..=last_hour {
        for series in series {
            let found =
                select.query_map([hour, *series, first - hour * 60, last - hour * 60], stored_row).map_err(sqlite)?;
            for row in found {
                rows.push(row.map_err(sqlite)?);
            }
        }
    }
    Ok(rows)
}

fn stored_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<(Place, Counts)> {
    let mut counts = Counts::default();
    for (position, count) in counts.iter_mut().enumerate() {
        *count = row.get(position + 3)?;
    }
    Ok(((row.get(0)?, row.get(1)?, row.get(2)?), counts))
}
