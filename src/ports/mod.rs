//! What guard asks of the world, one small trait a file. Adapters implement them; use cases see nothing else.

mod bundle;
mod clock;
mod consumer;
mod faults;
mod gate;
mod heartbeat;
mod hooks;
mod journal;
mod notifier;
mod outbox;
mod process;
mod programs;
mod provider;
mod store;
mod vault;

pub use bundle::{BundleFile, BundleStore};
pub use clock::Clock;
pub use consumer::{Consumer, ConsumerError, Reading};
pub use faults::{FaultPoint, Faults, NoFaults};
pub use gate::{Gate, GateError, GateState};
pub use heartbeat::Heartbeat;
pub use hooks::{HookFacts, HookFailed, HookStage, Hooks};
pub use journal::{Commit, EvidenceDraft, Journal, Recorded};
pub use notifier::{Delivery, Notifier, NotifyError};
pub use outbox::{ChannelRecord, Outbox, OutboxEntry, Outcome};
pub use process::{Job, JobCommand, JobEnd, Jobs, Signal, Signals, StartError};
pub use programs::Programs;
pub use provider::{Capabilities, KeyAdmin, KeyProbe, ProviderError, UsageFeed};
pub use store::{EvidenceLog, Lease, Leases, Runs, StoreError, UsageStore, WatchState};
pub use vault::{SecretName, Vault, VaultError};
