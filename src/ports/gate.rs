use crate::domain::ids::{KeyId, WorkspaceName};

/// The latch that keeps jobs from starting. What cannot be read is closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GateState {
    /// Jobs may start, with this key.
    Open {
        /// The trips so far; a later trip has a higher one.
        generation: u64,
        /// The key that consumers are meant to hold.
        key: KeyId,
    },
    /// Jobs may not start. The text says why, as far as is known: tripped, never enrolled, unreadable.
    Closed {
        /// For people.
        why: String,
    },
}

/// Changing the gate failed.
#[derive(Debug, thiserror::Error)]
#[error("the gate of {workspace} could not be {attempt}: {why}")]
pub struct GateError {
    /// Which gate.
    pub workspace: WorkspaceName,
    /// "opened" or "closed".
    pub attempt: &'static str,
    /// What happened.
    pub why: String,
}

/// The gates, one a workspace. Closing needs no free disk space and no network; it is the first act of a trip.
pub trait Gate: Send + Sync {
    /// Lock-free and without network.
    fn read(&self, workspace: &WorkspaceName) -> GateState;
    /// Durable when it returns. Closing a closed gate is fine.
    fn close(&self, workspace: &WorkspaceName, why: &str) -> Result<(), GateError>;
    /// Durable when it returns; replaces what was there, atomically.
    fn open(&self, workspace: &WorkspaceName, generation: u64, key: &KeyId) -> Result<(), GateError>;
}
