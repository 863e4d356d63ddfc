//! The database: what is durable, what is refused, and who waits for whom.

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use guard::adapters::store::SqliteStore;
use guard::domain::evidence::{Head, verify};
use guard::domain::ids::{KeyId, NotifierName, WorkspaceName};
use guard::domain::notice::{Notice, Severity};
use guard::domain::rotation::Event;
use guard::domain::time::Timestamp;
use guard::ports::{Commit, EvidenceDraft, EvidenceLog, Journal, Outbox, Outcome, Runs, StoreError, WatchState};
use serde_json::json;

pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_timestamp(1_790_000_000 + seconds, 0).unwrap()
}

fn workspace() -> WorkspaceName {
    WorkspaceName::new("prod").unwrap()
}

/// Some event: the journal does not care which.
fn event() -> Event {
    Event::StandbyMissing
}

fn draft(kind: &str) -> EvidenceDraft {
    EvidenceDraft { actor: "test".into(), kind: kind.into(), subject: "apikey_1".into(), detail: json!({"n": 1}) }
}

fn notice(dedup: &str) -> Notice {
    Notice {
        dedup: dedup.into(),
        event: "key.tripped".into(),
        severity: Severity::Critical,
        at: at(0),
        workspace: Some(workspace()),
        key: None,
        incident: None,
        summary: "a key was tripped".into(),
        detail: String::new(),
        evidence_head: None,
    }
}

fn commit(
    store: &SqliteStore,
    expected: u64,
    evidence: &[EvidenceDraft],
    notices: &[Notice],
) -> Result<u64, StoreError> {
    store.commit(&Commit { workspace: &workspace(), expected, at: at(0), events: &[event()], evidence, notices })
}

fn notifier(name: &str) -> NotifierName {
    NotifierName::new(name).unwrap()
}

#[test]
fn a_commit_is_all_or_nothing_and_survives() {
    let state = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(state.path()).unwrap();
    assert_eq!(commit(&store, 0, &[draft("a"), draft("b")], &[notice("n")]).unwrap(), 1);
    let stale = commit(&store, 0, &[draft("never")], &[notice("never")]).unwrap_err();
    assert!(matches!(stale, StoreError::Conflict { .. }), "{stale}");
    drop(store);

    let store = SqliteStore::open(state.path()).unwrap();
    let events = store.events(&workspace()).unwrap();
    assert_eq!((events.len(), events[0].seq, events[0].at, &events[0].event), (1, 1, at(0), &event()));
    let lines = store.evidence(1, 100).unwrap();
    let head = verify(&lines, None).unwrap().unwrap();
    assert_eq!(store.evidence_head().unwrap(), Some((2, head.hash.to_string())));
    assert_eq!(store.evidence(2, 1).unwrap(), lines[1..]);
    let due = store.due(&[notifier("ops")], at(0)).unwrap();
    assert_eq!(due.len(), 1);
    assert_eq!(due[0].notice.evidence_head.as_deref(), Some(head.to_string().as_str()));
}

#[test]
fn of_many_writers_one_wins_each_number() {
    let state = tempfile::tempdir().unwrap();
    let stores: Vec<_> = (0..4).map(|_| Arc::new(SqliteStore::open(state.path()).unwrap())).collect();
    let writers: Vec<_> = stores
        .iter()
        .map(|store| {
            let store = Arc::clone(store);
            std::thread::spawn(move || {
                let mut written = 0;
                while written < 10 {
                    let seen = store.events(&workspace()).unwrap().len() as u64;
                    match commit(&store, seen, &[draft("race")], &[]) {
                        Ok(seq) => {
                            assert_eq!(seq, seen + 1);
                            written += 1;
                        }
                        Err(StoreError::Conflict { .. }) => {}
                        Err(error) => panic!("{error}"),
                    }
                }
            })
        })
        .collect();
    writers.into_iter().for_each(|writer| writer.join().unwrap());
    assert_eq!(stores[0].events(&workspace()).unwrap().len(), 40);
    assert_eq!(verify(stores[0].evidence(1, 100).unwrap(), None).unwrap().unwrap().seq, 40);
}

#[test]
fn a_reader_never_waits_for_a_writer_and_never_writes() {
    let state = tempfile::tempdir().unwrap();
    let empty = SqliteStore::open_read_only(state.path()).unwrap();
    assert_eq!(empty.events(&workspace()).unwrap(), []);
    assert!(matches!(commit(&empty, 0, &[], &[]), Err(StoreError::Io(_))));
    assert!(state.path().read_dir().unwrap().next().is_none(), "reading made a file");

    let store = SqliteStore::open(state.path()).unwrap();
    commit(&store, 0, &[], &[]).unwrap();
    let writer = rusqlite::Connection::open(state.path().join("guard.db")).unwrap();
    writer.execute_batch("BEGIN IMMEDIATE; DELETE FROM watch_state;").unwrap();
    for reader in [SqliteStore::open_read_only(state.path()).unwrap(), SqliteStore::open(state.path()).unwrap()] {
        assert_eq!(reader.events(&workspace()).unwrap().len(), 1);
    }
}

#[test]
fn others_neither_read_nor_replace_the_state() {
    let state = tempfile::tempdir().unwrap();
    let inner = state.path().join("made/by/guard");
    drop(SqliteStore::open(&inner).unwrap());
    assert_eq!(inner.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    let file = inner.join("guard.db");
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);

    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o640)).unwrap();
    let refused = SqliteStore::open(&inner).err().unwrap();
    assert!(matches!(&refused, StoreError::Untrusted(why) if why.contains("chmod 600")), "{refused}");
    assert!(SqliteStore::open_read_only(&inner).is_err());
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
    std::fs::set_permissions(&inner, PermissionsExt::from_mode(0o770)).unwrap();
    let refused = SqliteStore::open(&inner).err().unwrap();
    assert!(matches!(&refused, StoreError::Untrusted(why) if why.contains("chmod go-w")), "{refused}");
}

#[test]
fn newer_foreign_and_damaged_state_is_refused() {
    let state = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(state.path()).unwrap();
    commit(&store, 0, &[], &[]).unwrap();
    store.examine().unwrap();
    drop(store);
    let file = state.path().join("guard.db");
    let sql = |text: &str| rusqlite::Connection::open(&file).unwrap().execute_batch(text).unwrap();
    let refusals = || {
        let (write, read) = (SqliteStore::open(state.path()), SqliteStore::open_read_only(state.path()));
        [write.err().unwrap(), read.err().unwrap()]
    };

    sql("PRAGMA user_version = 999");
    assert!(refusals().iter().all(|e| matches!(e, StoreError::Newer { found: 999, .. })));
    sql("PRAGMA user_version = 1; PRAGMA application_id = 7");
    assert!(refusals().iter().all(|e| matches!(e, StoreError::Damaged(_))));

    std::fs::write(&file, vec![b'x'; 8192]).unwrap();
    for error in refusals() {
        assert!(matches!(&error, StoreError::Damaged(why) if why.contains("backup")), "{error}");
    }
}

#[test]
fn a_newer_event_and_a_missing_one_are_not_guessed_at() {
    let state = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(state.path()).unwrap();
    commit(&store, 0, &[], &[]).unwrap();
    let raw = rusqlite::Connection::open(state.path().join("guard.db")).unwrap();
    raw.execute_batch("INSERT INTO journal VALUES ('prod', 2, 0, '{\"v\":99,\"event\":{}}')").unwrap();
    assert!(matches!(store.events(&workspace()), Err(StoreError::Newer { found: 99, .. })));
    let rewrite = raw.execute_batch("DELETE FROM journal WHERE seq = 2").unwrap_err().to_string();
    assert!(rewrite.contains("append-only"), "{rewrite}");
    raw.execute_batch("DROP TRIGGER journal_is_not_cut; DELETE FROM journal WHERE seq = 1").unwrap();
    raw.execute_batch("DROP TRIGGER journal_is_not_rewritten; UPDATE journal SET event = '{}'").unwrap();
    assert!(matches!(store.events(&workspace()), Err(StoreError::Damaged(_))));
}

#[test]
fn a_damaged_last_record_does_not_stop_the_chain() {
    let state = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(state.path()).unwrap();
    store.append_evidence(at(0), &[draft("a"), draft("b")]).unwrap();
    let raw = rusqlite::Connection::open(state.path().join("guard.db")).unwrap();
    raw.execute_batch(
        "DROP TRIGGER evidence_is_not_rewritten; UPDATE evidence SET line = substr(line, 1, 40) WHERE seq = 2",
    )
    .unwrap();
    store.append_evidence(at(1), &[draft("c")]).unwrap();
    let lines = store.evidence(1, 10).unwrap();
    assert_eq!(lines.len(), 3);
    assert_eq!(verify(lines, None).unwrap_err().seq, 2);
    assert_eq!(store.evidence_head().unwrap().unwrap().0, 3);
}

#[test]
fn a_notice_reaches_each_notifier_once_it_is_due() {
    let state = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(state.path()).unwrap();
    store.enqueue(&[notice("a"), notice("b"), notice("a")]).unwrap();
    commit(&store, 0, &[], &[notice("b")]).unwrap();
    assert_eq!(store.backlog().unwrap(), (2, Some(at(0))));
    let both = [notifier("ops"), notifier("pager")];
    assert_eq!(store.due(&both, at(-1)).unwrap(), []);
    let due = store.due(&both, at(0)).unwrap();
    let told: Vec<_> = due.iter().map(|e| (e.notice.dedup.as_str(), e.notifier.as_str(), e.attempts)).collect();
    assert_eq!(told, [("a", "ops", 0), ("a", "pager", 0), ("b", "ops", 0), ("b", "pager", 0)]);

    store.settle(&[due[0].id], at(1), &Outcome::Told { answer: "200 ok", thread: "t", again: None }).unwrap();
    store.settle(&[due[1].id], at(1), &Outcome::Failed { why: "503", next: Some(at(60)) }).unwrap();
    store.settle(&[due[2].id], at(1), &Outcome::Failed { why: "404", next: None }).unwrap();
    store.enqueue(&[notice("a")]).unwrap();
    assert_eq!(store.due(&both[..1], at(1)).unwrap(), []);
    let later = store.due(&both, at(60)).unwrap();
    let told: Vec<_> = later.iter().map(|e| (e.id, e.attempts)).collect();
    assert_eq!(told, [(due[1].id, 1), (due[3].id, 0)]);
    assert_eq!(store.backlog().unwrap().0, 2);
    assert!(store.settle(&[9999], at(1), &Outcome::Skipped { why: "?" }).is_err());
}

#[test]
fn runs_overlap_half_open_stretches() {
    let state = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(state.path()).unwrap();
    let key = KeyId::new("apikey_1").unwrap();
    let begin = |seconds| store.begin_run(&workspace(), &key, "pipeline", at(seconds)).unwrap();
    let (first, second, instant) = (begin(0), begin(100), begin(300));
    store.run_started(first, 42).unwrap();
    store.end_run(first, at(50), 3).unwrap();
    store.end_run(instant, at(300), 0).unwrap();
    let ids = |from, until| {
        let runs = store.runs(&workspace(), at(from), at(until)).unwrap();
        runs.into_iter().map(|run| run.id).collect::<Vec<_>>()
    };
    assert_eq!(ids(0, 50), [first]);
    assert_eq!(ids(50, 100), []);
    assert_eq!(ids(49, 101), [first, second]);
    assert_eq!(ids(300, 301), [second, instant]);
    assert_eq!(ids(301, 1000), [second]);
    let run = &store.runs(&workspace(), at(0), at(1)).unwrap()[0];
    assert_eq!((run.ended_at, run.exit_status, run.program.as_str()), (Some(at(50)), Some(3), "pipeline"));
    assert!(store.end_run(guard::domain::ids::RunId(99), at(0), 0).is_err());
}

#[test]
fn watch_state_is_replaced_as_a_whole() {
    let state = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(state.path()).unwrap();
    assert_eq!(store.load_state("poll").unwrap(), None);
    store.save_states(&[("poll".into(), json!({"a": 1})), ("detector/x".into(), json!([1.5, null]))]).unwrap();
    store.save_states(&[("poll".into(), json!({"b": 2}))]).unwrap();
    assert_eq!(store.load_state("poll").unwrap(), Some(json!({"b": 2})));
    assert_eq!(store.load_state("detector/x").unwrap(), Some(json!([1.5, null])));
}

#[test]
fn a_head_is_printed_and_read() {
    let state = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(state.path()).unwrap();
    assert_eq!(store.evidence_head().unwrap(), None);
    store.append_evidence(at(0), &[draft("a")]).unwrap();
    let (seq, hash) = store.evidence_head().unwrap().unwrap();
    let head: Head = format!("{seq}:{hash}").parse().unwrap();
    assert_eq!(head.to_string(), format!("{seq}:{hash}"));
    assert_eq!(store.instance().unwrap().len(), 32);
}
