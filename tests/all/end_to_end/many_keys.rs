//! An organization with ten thousand keys: `watch --once` reads, judges and stores them all.

use guard::domain::ids::WorkspaceId;
use guard::domain::key::KeyStatus;
use guard::domain::time::Minute;
use guard::domain::usage::{Billing, Tokens};
use guard::sandbox::org::NewKey;
use guard::sandbox::usage::Spent;
use rusqlite::Connection;

use super::place::{NAME, Place};
use crate::organization::noon;

const KEYS: u64 = 10_000;
/// Minutes in which each key is used.
const MINUTES: i64 = 3;

#[test]
fn a_usage_report_of_ten_thousand_keys_is_read_judged_and_stored() {
    let place = Place::new();
    place.set_up("observe", "");
    let last = Minute::containing(noon()).plus(-10);
    {
        let mut world = place.sandbox.shared().world();
        let workspace: WorkspaceId = world.organization.workspaces[1].id.clone();
        for number in 0..KEYS {
            let new = NewKey {
                workspace: Some(NAME.to_owned()),
                name: format!("job-{number}"),
                status: KeyStatus::Active,
                expires_at: None,
            };
            let key = world.organization.mint_key(&new, noon()).unwrap().id;
            for minute in 0..MINUTES {
                let spent = Spent {
                    key: Some(key.clone()),
                    workspace: Some(workspace.clone()),
                    service_account: None,
                    model: "claude-sonnet-4-6".to_owned(),
                    billing: Billing::default(),
                    tokens: Tokens { output: number + 1, ..Tokens::default() },
                };
                world.usage.add(last.plus(-minute), spent, noon());
            }
        }
    }
    let ran = place.run(&["watch", "--once", "--json"]).ends(0);
    assert_eq!(ran.json()["principals"], KEYS);
    let pages = place.sandbox.log().iter().filter(|line| line.path.contains("usage_report")).count();
    assert!(pages > 1, "{pages} pages");

    let store = Connection::open(place.state_dir().join("guard.db")).unwrap();
    let (rows, series, output): (i64, i64, i64) = store
        .query_row("SELECT count(*), count(DISTINCT series), sum(output) FROM usage", [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .unwrap();
    let keys = i64::try_from(KEYS).unwrap();
    assert_eq!((rows, series), (keys * MINUTES, keys));
    assert_eq!(output, MINUTES * keys * (keys + 1) / 2);
    // Looking again changes nothing.
    place.run(&["watch", "--once"]).ends(0);
    let again: i64 = store.query_row("SELECT count(*) FROM usage", [], |row| row.get(0)).unwrap();
    assert_eq!(again, rows);
}
