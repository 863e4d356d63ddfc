//! Usage as the detector takes it: priced, by minute and model.

use std::sync::Arc;

use super::amount::Amount;
use crate::domain::time::Minute;

/// What one model did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelUsage {
    /// The model's id as the feed reports it.
    pub model: Arc<str>,
    /// How much.
    pub amount: Amount,
}

/// What a principal did in a minute. A minute without models is silence, which is worth saying when it restates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MinuteUsage {
    /// When.
    pub minute: Minute,
    /// By model, each once.
    pub models: Vec<ModelUsage>,
}
