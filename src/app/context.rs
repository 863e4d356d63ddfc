use std::sync::Arc;

use crate::domain::ids::WorkspaceName;
use crate::domain::ledger::{ConsumerSettings, Ledger};
use crate::domain::price::PriceTable;
use crate::ports::{
    BundleStore, Clock, Consumer, EvidenceLog, Faults, Gate, Heartbeat, Hooks, Journal, KeyAdmin, KeyProbe, Leases,
    Notifier, Outbox, Programs, Runs, UsageFeed, UsageStore, Vault, WatchState,
};

/// Builds the adapter of a consumer from its settings.
pub type ConsumerFactory = Arc<dyn Fn(&WorkspaceName, &ConsumerSettings) -> Box<dyn Consumer> + Send + Sync>;

/// Everything a use case may touch. Built in one place (`wiring`), with fakes in tests.
#[derive(Clone)]
pub struct App {
    /// What should be.
    pub ledger: Arc<Ledger>,
    /// The ledger's text, for incident bundles, which show it without credentials.
    pub ledger_text: Arc<str>,
    /// What things cost.
    pub prices: Arc<PriceTable>,
    /// Who acts, for evidence: `guard rotate (uid 1000)`.
    pub actor: String,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Keys and workspaces.
    pub keys: Arc<dyn KeyAdmin>,
    /// Whether a key works.
    pub probe: Arc<dyn KeyProbe>,
    /// What the provider says is spent.
    pub feed: Arc<dyn UsageFeed>,
    /// Secrets.
    pub vault: Arc<dyn Vault>,
    /// The workspaces' machines.
    pub journal: Arc<dyn Journal>,
    /// Raw usage.
    pub usage: Arc<dyn UsageStore>,
    /// The watchdog's memory.
    pub watch_state: Arc<dyn WatchState>,
    /// Runs of jobs.
    pub runs: Arc<dyn Runs>,
    /// The evidence chain.
    pub evidence: Arc<dyn EvidenceLog>,
    /// Where bundles of incidents go.
    pub bundles: Arc<dyn BundleStore>,
    /// Notices on their way.
    pub outbox: Arc<dyn Outbox>,
    /// One writer at a time.
    pub leases: Arc<dyn Leases>,
    /// The latches.
    pub gate: Arc<dyn Gate>,
    /// Channels to people.
    pub notifiers: Vec<Arc<dyn Notifier>>,
    /// Whom guard shows that it lives.
    pub heartbeat: Option<Arc<dyn Heartbeat>>,
    /// Places that workloads read from.
    pub consumers: ConsumerFactory,
    /// Programs that the ledger names.
    pub programs: Arc<dyn Programs>,
    /// People's own programs.
    pub hooks: Arc<dyn Hooks>,
    /// The crash seam.
    pub faults: Arc<dyn Faults>,
}
