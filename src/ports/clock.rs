use std::time::Duration;

use async_trait::async_trait;

use crate::domain::time::Timestamp;

/// The time, and waiting. Tests and the sandbox bring their own.
#[async_trait]
pub trait Clock: Send + Sync {
    /// Now, in UTC. Data only: order comes from sequence numbers.
    fn now(&self) -> Timestamp;

    /// Waits. A virtual clock may jump instead.
    async fn sleep(&self, duration: Duration);
}
