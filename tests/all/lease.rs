//! One writer at a time, and no child keeps a lock alive.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use guard::adapters::lease::FileLeases;
use guard::domain::ids::WorkspaceName;
use guard::domain::time::Timestamp;
use guard::ports::{Clock, Leases, StoreError};

struct NewYear;

#[async_trait]
impl Clock for NewYear {
    fn now(&self) -> Timestamp {
        "2026-01-01T00:00:00Z".parse().unwrap()
    }
    async fn sleep(&self, _: Duration) {}
}

fn leases() -> (tempfile::TempDir, FileLeases) {
    let state = tempfile::tempdir().unwrap();
    let leases = FileLeases::new(state.path(), Arc::new(NewYear));
    (state, leases)
}

fn name(text: &str) -> WorkspaceName {
    WorkspaceName::new(text).unwrap()
}

#[test]
fn the_second_is_told_who_holds_it() {
    let (_state, leases) = leases();
    let held = leases.lease(&name("prod"), "guard rotate", Duration::ZERO).unwrap();
    match leases.lease(&name("prod"), "guard watch", Duration::ZERO).err() {
        Some(StoreError::Busy { holder, since }) => {
            assert_eq!(holder, format!("`guard rotate` (process {})", std::process::id()));
            assert_eq!(since, "2026-01-01T00:00:00Z");
        }
        other => panic!("{other:?}"),
    }
    leases.lease(&name("other"), "guard watch", Duration::ZERO).unwrap();
    drop(held);
    leases.lease(&name("prod"), "guard watch", Duration::ZERO).unwrap();
}

#[test]
fn a_waiter_gets_it_when_it_is_free() {
    let (_state, leases) = leases();
    let held = leases.lease(&name("prod"), "first", Duration::ZERO).unwrap();
    let waiter = {
        let leases = leases.clone();
        std::thread::spawn(move || leases.lease(&name("prod"), "second", Duration::from_secs(600)).is_ok())
    };
    drop(held);
    assert!(waiter.join().unwrap());
}

#[test]
fn a_child_does_not_inherit_it() {
    let (_state, leases) = leases();
    let held = leases.lease(&name("prod"), "parent", Duration::ZERO).unwrap();
    let mut child = Command::new("/bin/sleep").arg("600").spawn().unwrap();
    drop(held);
    let again = leases.lease(&name("prod"), "next", Duration::ZERO);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(again.is_ok(), "the child still holds the lock");
}

#[test]
fn whatever_stands_in_the_file_does_not_matter() {
    let (state, leases) = leases();
    std::fs::write(state.path().join("prod.lock"), vec![0xff; 100_000]).unwrap();
    let _held = leases.lease(&name("prod"), "guard watch", Duration::ZERO).unwrap();
    let text = std::fs::read_to_string(state.path().join("prod.lock")).unwrap();
    assert!(text.contains("guard watch"), "{text}");
}
