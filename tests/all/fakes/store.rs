use std::path::PathBuf;
use std::time::Duration;

use guard::domain::evidence::{Hash, Head};
use guard::domain::ids::{KeyId, NotifierName, Principal, RunId, WorkspaceName};
use guard::domain::message::Phase;
use guard::domain::notice::Notice;
use guard::domain::rotation::{Event, invariants};
use guard::domain::run::Run;
use guard::domain::time::{Minute, Timestamp};
use guard::domain::usage::{UsageRow, UsageWindow};
use guard::ports::{
    BundleFile, BundleStore, ChannelRecord, Commit, EvidenceDraft, EvidenceLog, Journal, Lease, Leases, Outbox,
    OutboxEntry, Outcome, Recorded, Runs, StoreError, UsageStore, WatchState,
};
use serde_json::Value;

use super::world::{State, World};

fn writable(state: &State) -> Result<(), StoreError> {
    if state.disk_full { Err(StoreError::Io("no space left on device".to_owned())) } else { Ok(()) }
}

impl Journal for World {
    fn events(&self, workspace: &WorkspaceName) -> Result<Vec<Recorded>, StoreError> {
        Ok(self.lock().journal.get(workspace).cloned().unwrap_or_default())
    }

    fn commit(&self, commit: &Commit<'_>) -> Result<u64, StoreError> {
        let mut state = self.lock();
        writable(&state)?;
        let mut seq = state.journal.get(commit.workspace).map_or(0, Vec::len) as u64;
        if seq != commit.expected {
            return Err(StoreError::Conflict { workspace: commit.workspace.clone() });
        }
        for event in commit.events {
            let before = state.custody(commit.workspace);
            let after = before.apply(event, commit.at).unwrap();
            let world = state.observed(commit.workspace);
            let results = [invariants::step(&before, event, &after), invariants::moment(&before, event, &world)];
            state.broken.extend(results.into_iter().filter_map(Result::err).map(|v| v.to_string()));
            state.folded.insert(commit.workspace.clone(), after);
            // Once guard has dealt with a key again, it answers for it again.
            if let Event::DeadProven { key, .. } | Event::Cooled { key } | Event::OverlapProven { key } = event {
                state.edited.remove(key);
            }
            // What is stored is what a later process reads.
            let event = Event::decode(&event.encode()).unwrap();
            seq += 1;
            state.journal.entry(commit.workspace.clone()).or_default().push(Recorded { seq, at: commit.at, event });
        }
        state.evidence.extend_from_slice(commit.evidence);
        enqueue(&mut state, commit.notices);
        Ok(seq)
    }
}

fn enqueue(state: &mut State, notices: &[Notice]) {
    for notice in notices {
        if state.notices.iter().all(|n| n.dedup != notice.dedup) {
            state.notices.push(notice.clone());
        }
    }
}

impl EvidenceLog for World {
    fn append_evidence(&self, _at: Timestamp, drafts: &[EvidenceDraft]) -> Result<(), StoreError> {
        let mut state = self.lock();
        writable(&state)?;
        state.evidence.extend_from_slice(drafts);
        Ok(())
    }

    fn evidence(&self, _from: u64, _limit: usize) -> Result<Vec<String>, StoreError> {
        Ok(Vec::new())
    }

    fn evidence_head(&self) -> Result<Option<(u64, String)>, StoreError> {
        Ok(Some((self.lock().evidence.len() as u64, "head".to_owned())))
    }

    fn append_about_head(
        &self,
        _at: Timestamp,
        draft: &dyn Fn(&Head) -> Option<EvidenceDraft>,
    ) -> Result<Option<Head>, StoreError> {
        let mut state = self.lock();
        writable(&state)?;
        let head = Head { seq: state.evidence.len() as u64, hash: Hash::of(b"head") };
        let Some(draft) = draft(&head) else { return Ok(None) };
        state.evidence.push(draft);
        Ok(Some(Head { seq: head.seq + 1, hash: Hash::of(b"next") }))
    }

    fn prune_evidence(&self, _before: u64, _at: Timestamp, _draft: &EvidenceDraft) -> Result<u64, StoreError> {
        unreachable!("nobody here prunes")
    }
}

impl Outbox for World {
    fn enqueue(&self, notices: &[Notice]) -> Result<(), StoreError> {
        let mut state = self.lock();
        writable(&state)?;
        enqueue(&mut state, notices);
        Ok(())
    }

    fn due(&self, _notifiers: &[NotifierName], _now: Timestamp) -> Result<Vec<OutboxEntry>, StoreError> {
        Ok(Vec::new())
    }

    fn settle(&self, _: &[u64], _: Timestamp, _: &Outcome<'_>) -> Result<(), StoreError> {
        Ok(())
    }

    fn opening(&self, _: u64) -> Result<Option<(Notice, String)>, StoreError> {
        Ok(None)
    }

    fn taken(&self, _: u64) -> Result<Option<Phase>, StoreError> {
        Ok(None)
    }

    fn open_under(&self, _: &NotifierName, _: &str) -> Result<u64, StoreError> {
        Ok(0)
    }

    fn channels(&self, _: &[NotifierName]) -> Result<Vec<ChannelRecord>, StoreError> {
        Ok(Vec::new())
    }

    fn prune(&self, _: Timestamp) -> Result<u64, StoreError> {
        Ok(0)
    }

    fn backlog(&self) -> Result<(u64, Option<Timestamp>), StoreError> {
        Ok((0, None))
    }
}

impl UsageStore for World {
    fn replace_usage(&self, _window: &UsageWindow, _read_at: Timestamp) -> Result<Vec<Minute>, StoreError> {
        Ok(Vec::new())
    }

    fn usage(&self, _: Option<&Principal>, _: Minute, _: Minute) -> Result<Vec<UsageRow>, StoreError> {
        Ok(Vec::new())
    }

    fn last_used(&self, _principal: &Principal) -> Result<Option<Minute>, StoreError> {
        Ok(None)
    }

    fn prune_usage(&self, _before: Minute) -> Result<(), StoreError> {
        Ok(())
    }
}

impl BundleStore for World {
    fn write_bundle(&self, directory: &str, _files: &[BundleFile]) -> Result<PathBuf, StoreError> {
        writable(&self.lock())?;
        Ok(PathBuf::from(directory))
    }

    fn keep_newest(&self, _count: usize) -> Result<(), StoreError> {
        Ok(())
    }
}

impl WatchState for World {
    fn load_state(&self, _name: &str) -> Result<Option<Value>, StoreError> {
        Ok(None)
    }

    fn save_states(&self, _states: &[(String, Value)]) -> Result<(), StoreError> {
        Ok(())
    }
}

impl Runs for World {
    fn begin_run(
        &self,
        workspace: &WorkspaceName,
        key: &KeyId,
        program: &str,
        at: Timestamp,
    ) -> Result<RunId, StoreError> {
        let mut state = self.lock();
        let id = RunId(state.runs.len() as u64 + 1);
        state.runs.push(Run {
            id,
            workspace: workspace.clone(),
            key: key.clone(),
            program: program.to_owned(),
            pid: None,
            started_at: at,
            ended_at: None,
            exit_status: None,
        });
        Ok(id)
    }

    fn run_started(&self, _id: RunId, _pid: u32) -> Result<(), StoreError> {
        Ok(())
    }

    fn end_run(&self, id: RunId, at: Timestamp, exit_status: i32) -> Result<(), StoreError> {
        let mut state = self.lock();
        for run in state.runs.iter_mut().filter(|r| r.id == id) {
            (run.ended_at, run.exit_status) = (Some(at), Some(exit_status));
        }
        Ok(())
    }

    fn runs(&self, _: &WorkspaceName, _: Timestamp, _: Timestamp) -> Result<Vec<Run>, StoreError> {
        Ok(self.lock().runs.clone())
    }
}

/// Released on drop, a crash included.
struct Held(World, WorkspaceName);

impl Lease for Held {}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.lock().leased.remove(&self.1);
    }
}

impl Leases for World {
    fn lease(&self, workspace: &WorkspaceName, holder: &str, _wait: Duration) -> Result<Box<dyn Lease>, StoreError> {
        let mut state = self.lock();
        if !state.leased.insert(workspace.clone()) {
            return Err(StoreError::Busy { holder: holder.to_owned(), since: "now".to_owned() });
        }
        drop(state);
        Ok(Box::new(Held(self.clone(), workspace.clone())))
    }
}
