use super::alibi::Alibi;
use super::role::KeyRole;
use crate::domain::ledger::{ModelPolicy, WatchPolicy};
use crate::domain::money::UsdMicros;

/// What the ledger says about the principal that is judged.
#[derive(Debug, Clone, Copy)]
pub struct Policy<'a> {
    /// How usage is judged.
    pub watch: &'a WatchPolicy,
    /// Which models may be used.
    pub models: &'a ModelPolicy,
    /// The loss at which the key is to be stopped whatever the other rules say.
    pub acceptable_loss: Option<UsdMicros>,
    /// What the key is for.
    pub role: KeyRole,
    /// When jobs ran; `None` when nobody keeps records.
    pub alibi: Option<&'a Alibi>,
}
