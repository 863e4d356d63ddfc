use serde::{Deserialize, Serialize};

/// What happened to a workspace's keys. Stored in the journal as versioned JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Event {
    /// Placeholder of the skeleton; replaced by the machine's own events.
    Skeleton,
}
