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
    let (state, leases) = leases();
    let _held = leases.lease(&name("prod"), "parent", Duration::ZERO).unwrap();
    let lock = state.path().join("prod.lock").canonicalize().unwrap();
    let holds_it = |process: u32| {
        let files = std::fs::read_dir(format!("/proc/{process}/fd")).unwrap();
        files.filter_map(|file| std::fs::read_link(file.ok()?.path()).ok()).any(|file| file == lock)
    };
    let mut child = Command::new("/bin/sleep").arg("600").spawn().unwrap();
    let inherited = holds_it(child.id());
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(holds_it(std::process::id()), "the look at /proc sees nothing");
    assert!(!inherited, "a child that outlives guard would keep the lock");
}

#[test]
fn it_is_free_at_once_though_a_copy_of_its_file_is_still_open() {
    let (state, leases) = leases();
    let held = leases.lease(&name("prod"), "parent", Duration::ZERO).unwrap();
    let lock = state.path().join("prod.lock").canonicalize().unwrap();
    let ours = std::fs::read_dir("/proc/self/fd").unwrap().filter_map(Result::ok);
    let number = ours
        .filter(|file| std::fs::read_link(file.path()).is_ok_and(|file| file == lock))
        .find_map(|file| file.file_name().to_str()?.parse().ok())
        .unwrap();
    // What a child between fork and exec has: another number for the same open file.
    let this = rustix::process::pidfd_open(rustix::process::getpid(), rustix::process::PidfdFlags::empty()).unwrap();
    let _copy = rustix::process::pidfd_getfd(this, number, rustix::process::PidfdGetfdFlags::empty()).unwrap();
    drop(held);
    assert!(leases.lease(&name("prod"), "next", Duration::ZERO).is_ok());
}

#[test]
fn whatever_stands_in_the_file_does_not_matter() {
    let (state, leases) = leases();
    std::fs::write(state.path().join("prod.lock"), vec![0xff; 100_000]).unwrap();
    let _held = leases.lease(&name("prod"), "guard watch", Duration::ZERO).unwrap();
    let text = std::fs::read_to_string(state.path().join("prod.lock")).unwrap();
    assert!(text.contains("guard watch"), "{text}");
}
