use async_trait::async_trait;

use super::NotifyError;

/// A service elsewhere that expects a sign of life and calls people when it does not come: silence of guard's own is noticed.
#[async_trait]
pub trait Heartbeat: Send + Sync {
    /// Sends a sign of life with these words; returns what the other side answered. At most 10 seconds.
    async fn beat(&self, words: &str) -> Result<String, NotifyError>;
}
