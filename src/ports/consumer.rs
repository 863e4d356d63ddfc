use async_trait::async_trait;

use crate::domain::secret::Secret;

/// What a consumer holds, read back now.
pub enum Reading {
    /// This secret.
    Holds(Secret),
    /// Nothing: the file or the variable does not exist yet.
    Empty,
    /// The store cannot be read back (a write-only secret manager). Delivery then counts on the writer's word, and drain
    /// needs evidence from the feed.
    WriteOnly,
}

/// Why a delivery or a reading failed. No variant carries secret text.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ConsumerError {
    /// The place cannot be reached now (network, a missing mount, a hung command); worth retrying.
    #[error("{target} is not reachable: {why}")]
    Unreachable {
        /// Which place, for people.
        target: String,
        /// What happened.
        why: String,
    },
    /// The place says no, or its content is ambiguous; a person must look. Nothing was changed.
    #[error("{target} refuses: {why}")]
    Refused {
        /// Which place, for people.
        target: String,
        /// What happened.
        why: String,
    },
    /// The outcome is unknown; reading settles it.
    #[error("it is not known whether {target} took the key: {why}")]
    Unknown {
        /// Which place, for people.
        target: String,
        /// What happened.
        why: String,
    },
}

/// A place that a workload reads its key from. Every method is idempotent and bounded in time.
#[async_trait]
pub trait Consumer: Send + Sync {
    /// What it is and where, for people: "dotenv /srv/app/.env (ANTHROPIC_API_KEY)".
    fn describe(&self) -> String;
    /// What it holds now.
    async fn read(&self) -> Result<Reading, ConsumerError>;
    /// Writes atomically: a concurrent reader sees the old secret or the new one, never a part.
    async fn deliver(&self, secret: &Secret) -> Result<(), ConsumerError>;
    /// Tells the workload to read again; does nothing when no reload is configured.
    async fn reload(&self) -> Result<(), ConsumerError>;
    /// Runs the configured check; does nothing when none is configured.
    async fn verify(&self) -> Result<(), ConsumerError>;
    /// When a running workload picks the new key up, honestly: "at its next start".
    fn pickup(&self) -> &'static str;
}
