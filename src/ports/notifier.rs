use std::time::Duration;

use async_trait::async_trait;

use crate::domain::ids::NotifierName;
use crate::domain::message::Message;

/// What the other side answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// For people: "202 success".
    pub answer: String,
}

/// Why a notice was not delivered.
#[derive(Debug, Clone, thiserror::Error)]
pub enum NotifyError {
    /// Try again later.
    #[error("{why}")]
    Later {
        /// What happened.
        why: String,
        /// What the other side asked for.
        after: Option<Duration>,
    },
    /// Trying again cannot help: wrong address, wrong token.
    #[error("{0}")]
    Never(String),
}

/// A channel to people. At most 10 seconds a call; never on the path of a kill.
#[async_trait]
pub trait Notifier: Send + Sync {
    /// Its name in the ledger.
    fn name(&self) -> &NotifierName;
    /// Delivers one message.
    async fn notify(&self, message: &Message) -> Result<Delivery, NotifyError>;
}
