use serde_json::Value;

use super::journal::EvidenceDraft;
use crate::domain::evidence::Head;
use crate::domain::ids::{KeyId, Principal, RunId, WorkspaceName};
use crate::domain::run::Run;
use crate::domain::time::{Minute, Timestamp};
use crate::domain::usage::{UsageRow, UsageWindow};

/// Why the store did not answer.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Somebody else wrote in between; read again and decide anew.
    #[error("the state of {workspace} was changed by another guard in between")]
    Conflict {
        /// Whose state.
        workspace: WorkspaceName,
    },
    /// Another process holds the lock.
    #[error("{holder} holds the lock since {since}")]
    Busy {
        /// Command and process id.
        holder: String,
        /// When it took it.
        since: String,
    },
    /// The state directory was written by a newer guard.
    #[error("the state was written by a newer guard (format {found}, this one knows {known}); upgrade guard")]
    Newer {
        /// Format found.
        found: u32,
        /// Newest format known.
        known: u32,
    },
    /// Damage, or something that this version cannot read.
    #[error("the state is damaged: {0}")]
    Damaged(String),
    /// Others may read or change the state directory, or it is somebody else's.
    #[error("{0}")]
    Untrusted(String),
    /// Disk full, no permission, an SQLite error.
    #[error("the state could not be read or written: {0}")]
    Io(String),
}

/// Raw usage, minute by minute, and how far it is known.
pub trait UsageStore: Send + Sync {
    /// Replaces everything known of the window's minutes by its rows, in one transaction, and returns the minutes whose
    /// content changed, oldest first. Rows outside the window are not stored, rows without usage neither; of two rows that
    /// differ in their tokens only, the later one counts.
    fn replace_usage(&self, window: &UsageWindow, read_at: Timestamp) -> Result<Vec<Minute>, StoreError>;
    /// Rows in `from..until`, oldest first; all principals when `principal` is `None`.
    fn usage(&self, principal: Option<&Principal>, from: Minute, until: Minute) -> Result<Vec<UsageRow>, StoreError>;
    /// The newest minute with usage of this principal.
    fn last_used(&self, principal: &Principal) -> Result<Option<Minute>, StoreError>;
    /// Rolls up or forgets what is older than `before`.
    fn prune_usage(&self, before: Minute) -> Result<(), StoreError>;
}

/// What the watchdog remembers between polls.
pub trait WatchState: Send + Sync {
    /// A piece of state under a name (`poll`, `detector/apikey_…`), as JSON.
    fn load_state(&self, name: &str) -> Result<Option<Value>, StoreError>;
    /// Replaces pieces of state, all or none.
    fn save_states(&self, states: &[(String, Value)]) -> Result<(), StoreError>;
}

/// Runs of jobs.
pub trait Runs: Send + Sync {
    /// Writes the run's beginning durably and numbers it.
    fn begin_run(
        &self,
        workspace: &WorkspaceName,
        key: &KeyId,
        program: &str,
        at: Timestamp,
    ) -> Result<RunId, StoreError>;
    /// Notes the child's process id.
    fn run_started(&self, id: RunId, pid: u32) -> Result<(), StoreError>;
    /// Writes the run's end.
    fn end_run(&self, id: RunId, at: Timestamp, exit_status: i32) -> Result<(), StoreError>;
    /// Runs of the workspace that overlap `from..until`, oldest first; a run without an end overlaps everything after its start.
    fn runs(&self, workspace: &WorkspaceName, from: Timestamp, until: Timestamp) -> Result<Vec<Run>, StoreError>;
}

/// The evidence chain as stored lines.
pub trait EvidenceLog: Send + Sync {
    /// Appends records outside a journal commit.
    fn append_evidence(&self, at: Timestamp, drafts: &[EvidenceDraft]) -> Result<(), StoreError>;
    /// Canonical JSON lines from sequence number `from` on, oldest first, at most `limit`.
    fn evidence(&self, from: u64, limit: usize) -> Result<Vec<String>, StoreError>;
    /// Sequence number and hash of the newest record.
    fn evidence_head(&self) -> Result<Option<(u64, String)>, StoreError>;
    /// Appends what `draft` says about the newest record, while nobody else can append; nothing when there is none, or it says nothing.
    /// The answer is the chain's head afterwards, if something was appended.
    fn append_about_head(
        &self,
        at: Timestamp,
        draft: &dyn Fn(&Head) -> Option<EvidenceDraft>,
    ) -> Result<Option<Head>, StoreError>;
    /// Removes the records before number `before` and appends `draft`, both or neither. The answer is how many were removed.
    fn prune_evidence(&self, before: u64, at: Timestamp, draft: &EvidenceDraft) -> Result<u64, StoreError>;
}

/// Held while alive; released on drop and by the kernel when the process dies.
pub trait Lease: Send {}

/// One writer at a time, per workspace.
pub trait Leases: Send + Sync {
    /// Takes the workspace's lock, waiting at most `wait`.
    ///
    /// # Errors
    /// [`StoreError::Busy`] names the holder.
    fn lease(
        &self,
        workspace: &WorkspaceName,
        holder: &str,
        wait: std::time::Duration,
    ) -> Result<Box<dyn Lease>, StoreError>;
}
