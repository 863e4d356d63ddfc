//! Usage in the database against a model that is a plain map.

use std::collections::BTreeMap;

use guard::adapters::store::SqliteStore;
use guard::domain::ids::{KeyId, Principal, WorkspaceId};
use guard::domain::time::Minute;
use guard::domain::usage::{Billing, Tokens, UsageRow, UsageWindow};
use guard::ports::UsageStore;
use proptest::prelude::*;

use crate::store::at;

const START: i64 = 29_833_250;

fn minute(offset: i64) -> Minute {
    Minute::from_epoch(START + offset)
}

fn principal(number: u8) -> Principal {
    match number {
        0 => Principal::Unattributed(None),
        1 => Principal::Unattributed(Some(WorkspaceId::new("wrkspc_1").unwrap())),
        2 => Principal::ServiceAccount("svac_1".into()),
        n => Principal::Key(KeyId::new(format!("apikey_{n}")).unwrap()),
    }
}

fn row(offset: i64, who: u8, model: u8, output: u64) -> UsageRow {
    UsageRow {
        minute: minute(offset),
        principal: principal(who),
        workspace: (who % 2 == 1).then(|| WorkspaceId::new("wrkspc_1").unwrap()),
        model: format!("model-{model}"),
        billing: Billing { service_tier: (model == 1).then(|| "batch".into()), ..Billing::default() },
        tokens: Tokens { output, cache_read: output / 2, ..Tokens::default() },
    }
}

/// Minute, principal and model decide the rest of [`row`].
type Model = BTreeMap<(Minute, Principal, String), UsageRow>;

fn place(row: &UsageRow) -> (Minute, Principal, String) {
    (row.minute, row.principal.clone(), row.model.clone())
}

fn sorted(mut rows: Vec<UsageRow>) -> Vec<UsageRow> {
    rows.sort_by_key(place);
    rows
}

fn window() -> impl Strategy<Value = UsageWindow> {
    (-130_i64..130, 0_i64..130).prop_flat_map(|(from, length)| {
        let one = (from..from + length.max(1), 0_u8..5, 0_u8..2, 0_u64..3).prop_map(|(m, p, n, t)| row(m, p, n, t));
        proptest::collection::vec(one, 0..if length == 0 { 1 } else { 40 }).prop_map(move |rows| UsageWindow {
            from: Some(minute(from)),
            until: Some(minute(from + length)),
            rows,
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn windows_replace_their_minutes_and_name_what_changed(windows in proptest::collection::vec(window(), 1..8)) {
        let state = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(state.path()).unwrap();
        let mut model = Model::new();
        for window in windows {
            let (from, until) = (window.from.unwrap(), window.until.unwrap());
            let before = model.clone();
            model.retain(|(minute, ..), _| *minute < from || *minute >= until);
            for row in window.rows.iter().filter(|row| row.minute < until) {
                if row.tokens.is_zero() {
                    model.remove(&place(row));
                } else {
                    model.insert(place(row), row.clone());
                }
            }
            let mut expected: Vec<Minute> = before.iter().filter(|(at, row)| model.get(at) != Some(row)).chain(
                model.iter().filter(|(at, row)| before.get(at) != Some(row))).map(|(at, _)| at.0).collect();
            expected.sort();
            expected.dedup();
            prop_assert_eq!(store.replace_usage(&window, at(0)).unwrap(), expected);
            prop_assert_eq!(store.replace_usage(&window, at(1)).unwrap(), []);

            let all = store.usage(None, minute(-500), minute(500)).unwrap();
            prop_assert!(all.is_sorted_by_key(|row| row.minute));
            prop_assert_eq!(sorted(all), model.values().cloned().collect::<Vec<_>>());
            let some = store.usage(None, minute(-7), minute(61)).unwrap();
            prop_assert!(some.iter().all(|row| (minute(-7)..minute(61)).contains(&row.minute)));
            for who in (0..5).map(principal) {
                let of: Vec<_> = model.values().filter(|row| row.principal == who).cloned().collect();
                prop_assert_eq!(store.last_used(&who).unwrap(), of.iter().map(|row| row.minute).max());
                prop_assert_eq!(sorted(store.usage(Some(&who), minute(-500), minute(500)).unwrap()), of);
            }
        }
    }
}

#[test]
fn pruning_forgets_rows_and_remembers_the_last_use() {
    let state = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(state.path()).unwrap();
    let rows = vec![row(0, 3, 0, 1), row(100, 3, 0, 1), row(101, 4, 0, 1)];
    store.replace_usage(&UsageWindow { from: Some(minute(0)), until: Some(minute(200)), rows }, at(0)).unwrap();
    store.prune_usage(minute(101)).unwrap();
    let left = store.usage(None, Minute::from_epoch(i64::MIN), Minute::from_epoch(i64::MAX)).unwrap();
    assert_eq!(left, [row(101, 4, 0, 1)]);
    assert_eq!(store.last_used(&principal(3)).unwrap(), Some(minute(100)));
}

#[test]
fn counts_beyond_the_databases_range_saturate() {
    let state = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(state.path()).unwrap();
    let window = UsageWindow { from: Some(minute(0)), until: Some(minute(1)), rows: vec![row(0, 3, 0, u64::MAX)] };
    assert_eq!(store.replace_usage(&window, at(0)).unwrap(), [minute(0)]);
    assert_eq!(store.replace_usage(&window, at(0)).unwrap(), []);
    let read = store.usage(None, minute(0), minute(1)).unwrap();
    assert_eq!(read[0].tokens.output, i64::MAX.unsigned_abs());
}

#[test]
fn minutes_are_compact() {
    let state = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(state.path()).unwrap();
    let rows: Vec<_> = (0..20_000).map(|n| row(n / 100, (3 + n % 100) as u8, 0, 1000 + n as u64)).collect();
    let window = UsageWindow { from: Some(minute(0)), until: Some(minute(200)), rows };
    let size = || state.path().join("guard.db").metadata().unwrap().len();
    drop(SqliteStore::open(state.path()).unwrap());
    let empty = size();
    store.replace_usage(&window, at(0)).unwrap();
    drop(store);
    let bytes = (size() - empty) / 20_000;
    assert!(bytes < 32, "{bytes} bytes a row");
}
