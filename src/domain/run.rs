//! Runs: the alibi of usage. Whatever a key spends outside its runs is foreign.

use serde::{Deserialize, Serialize};

use super::ids::{KeyId, RunId, WorkspaceName};
use super::time::Timestamp;

/// One execution of a job under `guard exec`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Its number.
    pub id: RunId,
    /// The workspace whose key it was given.
    pub workspace: WorkspaceName,
    /// The key it was given.
    pub key: KeyId,
    /// The program's name, without its arguments: they may hold secrets.
    pub program: String,
    /// Process id of the child, while it runs.
    pub pid: Option<u32>,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended; `None` while it runs, or when its end was never recorded (a crash).
    pub ended_at: Option<Timestamp>,
    /// How it ended: the exit status that `guard exec` returned.
    pub exit_status: Option<i32>,
}
