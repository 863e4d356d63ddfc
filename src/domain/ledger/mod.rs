//! The ledger `guard.toml`: what should be. Checked values only; whoever holds a [`Ledger`] need not check again.

pub mod consumer;
pub mod field_path;
pub mod policy;
pub mod settings;
pub mod workspace;

pub use consumer::{ConsumerKind, ConsumerSettings, Program};
pub use field_path::{DocumentFormat, FieldPath, InvalidFieldPath, Step};
pub use policy::{
    Ceilings, ExecPolicy, FailoverPolicy, JobSchedule, ModelPolicy, Recurrence, ReopenPolicy, RotationPolicy,
    RuleAction, RunningJobs, TripMode, TripPolicy, WatchPolicy, WhenBlind, Windows,
};
pub use settings::{NotifierKind, NotifierSettings, OrganizationPolicy, ProviderSettings, SecretSource, VaultSettings};
pub use workspace::{Ledger, Workspace};
