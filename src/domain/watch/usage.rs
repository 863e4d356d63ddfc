//! Usage as the detector takes it: priced, by minute and model, with the terms that it was billed on.

use std::sync::Arc;

use super::amount::Amount;
use crate::domain::time::Minute;
use crate::domain::usage::Billing;

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
    /// The terms that it was billed on, each once: see [`terms`].
    pub terms: Vec<Arc<str>>,
}

/// The terms of a line of usage, in words: the tier, the context window and the geography, as far as the feed names them.
pub fn terms(billing: &Billing) -> impl Iterator<Item = Arc<str>> {
    let named = |what: &str, value: &Option<String>| value.as_ref().map(|value| format!("{what} `{value}`").into());
    let tier = named("service tier", &billing.service_tier);
    let window = named("context window", &billing.context_window);
    [tier, window, named("geography", &billing.inference_geo)].into_iter().flatten()
}
