//! The latches: what cannot be read is closed, and closing works when nothing else does.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use guard::adapters::gate::FileGate;
use guard::domain::ids::{KeyId, WorkspaceName};
use guard::ports::{Gate, GateState};

use crate::again::{alone, skipped};

fn workspace() -> WorkspaceName {
    WorkspaceName::new("prod").unwrap()
}

fn key() -> KeyId {
    KeyId::new("apikey_01a").unwrap()
}

fn opened() -> (tempfile::TempDir, FileGate, PathBuf) {
    let state = tempfile::tempdir().unwrap();
    let gate = FileGate::new(state.path());
    gate.open(&workspace(), 3, &key()).unwrap();
    let file = state.path().join("gate/prod.open");
    (state, gate, file)
}

fn reason(gate: &FileGate) -> String {
    match gate.read(&workspace()) {
        GateState::Closed { why } => why,
        open => panic!("the gate is open: {open:?}"),
    }
}

#[test]
fn an_opening_under_way_does_not_undo_a_trip() {
    let (_state, gate, _file) = opened();
    let note = "incident 4, keys apikey_01a: spike";
    gate.close(&workspace(), note).unwrap();
    // It was decided before the trip.
    gate.open(&workspace(), 3, &key()).unwrap();
    assert_eq!(reason(&gate), note);
    gate.open(&workspace(), 4, &key()).unwrap();
    assert_eq!(gate.read(&workspace()), GateState::Open { generation: 4, key: key() });
}

#[test]
fn open_close_and_open_again() {
    let (state, gate, file) = opened();
    assert_eq!(gate.read(&workspace()), GateState::Open { generation: 3, key: key() });
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    gate.close(&workspace(), "tripped: spike").unwrap();
    gate.close(&workspace(), "tripped: spike").unwrap();
    assert_eq!(reason(&gate), "tripped: spike");
    gate.open(&workspace(), 4, &key()).unwrap();
    assert_eq!(gate.read(&workspace()), GateState::Open { generation: 4, key: key() });
    assert!(state.path().join("gate/prod.closed").exists(), "the note may be that of a trip under way");
}

#[test]
fn what_was_never_opened_is_closed() {
    let state = tempfile::tempdir().unwrap();
    let gate = FileGate::new(&state.path().join("not/made"));
    assert!(reason(&gate).contains("never opened"));
    gate.close(&workspace(), "by hand").unwrap();
}

#[test]
fn whatever_is_not_guards_own_file_is_closed() {
    type Spoil = fn(&Path);
    let spoilers: [(&str, Spoil); 7] = [
        ("cannot be read", |file| std::fs::write(file, b"{\"schema\":1,\"gener").unwrap()),
        ("cannot be read", |file| std::fs::write(file, b"").unwrap()),
        ("schema 2", |file| std::fs::write(file, br#"{"schema":2,"generation":9,"key":"apikey_1"}"#).unwrap()),
        ("longer than", |file| std::fs::write(file, vec![b' '; 5000]).unwrap()),
        ("other users", |file| std::fs::set_permissions(file, PermissionsExt::from_mode(0o646)).unwrap()),
        ("symbolic link", |file| {
            let aside = file.with_extension("aside");
            std::fs::rename(file, &aside).unwrap();
            symlink(aside, file).unwrap();
        }),
        ("not a regular file", |file| {
            std::fs::remove_file(file).unwrap();
            std::fs::create_dir(file).unwrap();
        }),
    ];
    for (expected, spoil) in spoilers {
        let (_state, gate, file) = opened();
        spoil(&file);
        assert!(reason(&gate).contains(expected), "{expected}: {}", reason(&gate));
        gate.close(&workspace(), "by hand").unwrap();
        assert!(matches!(gate.read(&workspace()), GateState::Closed { .. }));
    }
}

#[test]
fn a_file_of_somebody_else_is_closed() {
    if !rustix::process::geteuid().is_root() {
        return skipped("only root can give a file away");
    }
    let (_state, gate, file) = opened();
    std::os::unix::fs::chown(&file, Some(65_534), None).unwrap();
    assert!(reason(&gate).contains("belongs to uid 65534"), "{}", reason(&gate));
}

#[test]
fn a_directory_open_to_all_is_closed_and_can_still_be_closed() {
    let (state, gate, file) = opened();
    std::fs::set_permissions(state.path().join("gate"), PermissionsExt::from_mode(0o777)).unwrap();
    assert!(reason(&gate).contains("every user"));
    gate.close(&workspace(), "by hand").unwrap();
    assert!(!file.exists());
}

#[test]
fn closing_needs_no_disk_space() {
    // No file may grow: the same refusal as a full disk, without one.
    let Some(()) = alone("gate::closing_needs_no_disk_space", "trap '' XFSZ", &[]) else { return };
    let (_state, gate, file) = opened();
    let limit = rustix::process::Rlimit { current: Some(0), maximum: Some(0) };
    rustix::process::setrlimit(rustix::process::Resource::Fsize, limit).unwrap();
    let refused = gate.open(&workspace(), 4, &key()).unwrap_err().to_string();
    assert!(refused.contains("size limit"), "{refused}");
    assert_eq!(gate.read(&workspace()), GateState::Open { generation: 3, key: key() });
    gate.close(&workspace(), "tripped").unwrap();
    assert!(!file.exists());
    assert!(matches!(gate.read(&workspace()), GateState::Closed { .. }));
}
