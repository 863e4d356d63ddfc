//! The ledger and its workspaces.

use chrono::NaiveDate;

use super::{
    Ceilings, ConsumerSettings, ExecPolicy, FailoverPolicy, HeartbeatSettings, JobSchedule, ModelPolicy,
    NotifierSettings, OrganizationPolicy, ProviderSettings, RotationPolicy, TripPolicy, VaultSettings, WatchPolicy,
};
use crate::domain::ids::{WorkspaceId, WorkspaceName};
use crate::domain::money::UsdMicros;

/// The whole ledger.
#[derive(Debug, Clone, PartialEq)]
pub struct Ledger {
    /// Where the provider is and how guard authenticates.
    pub provider: ProviderSettings,
    /// Where guard keeps secrets.
    pub vault: VaultSettings,
    /// Limits that hold across workspaces.
    pub organization: OrganizationPolicy,
    /// Channels to people, in the ledger's order; names are unique.
    pub notifiers: Vec<NotifierSettings>,
    /// Whom guard shows that it lives.
    pub heartbeat: Option<HeartbeatSettings>,
    /// The workspaces, in the ledger's order; names and provider ids are unique.
    pub workspaces: Vec<Workspace>,
}

impl Ledger {
    /// The workspace called `name`.
    pub fn workspace(&self, name: &WorkspaceName) -> Option<&Workspace> {
        self.workspaces.iter().find(|w| &w.name == name)
    }

    /// The workspace with this provider id.
    pub fn workspace_by_id(&self, id: &WorkspaceId) -> Option<&Workspace> {
        self.workspaces.iter().find(|w| &w.id == id)
    }
}

/// One workspace: what its keys are for and what may happen to them.
#[derive(Debug, Clone, PartialEq)]
pub struct Workspace {
    /// What people and commands call it.
    pub name: WorkspaceName,
    /// What the provider calls it. The default workspace has a real id here, too.
    pub id: WorkspaceId,
    /// It is the organization's default workspace, which the usage report shows as "none".
    pub is_default: bool,
    /// `prod`, `staging`, …
    pub environment: String,
    /// What the keys are for.
    pub purpose: Option<String>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// When the owner last said so.
    pub owner_confirmed: Option<NaiveDate>,
    /// Who pays.
    pub budget_owner: Option<String>,
    /// Whom to call, in order.
    pub escalation: Vec<String>,
    /// The most a calendar month (UTC) may cost.
    pub monthly_limit: Option<UsdMicros>,
    /// The loss at which the owner wants the key stopped whatever the other rules say.
    pub acceptable_loss: Option<UsdMicros>,
    /// Which models may be used.
    pub models: ModelPolicy,
    /// Absolute caps.
    pub ceilings: Ceilings,
    /// Jobs and when they run.
    pub jobs: Vec<JobSchedule>,
    /// How keys are replaced.
    pub rotation: RotationPolicy,
    /// What a trip may do.
    pub trip: TripPolicy,
    /// What happens after a kill.
    pub failover: FailoverPolicy,
    /// How `guard exec` behaves.
    pub exec: ExecPolicy,
    /// How usage is judged.
    pub watch: WatchPolicy,
    /// Where workloads read the key from, in the ledger's order; names are unique.
    pub consumers: Vec<ConsumerSettings>,
    /// Directory with `pre.d`, `switch.d`, `verify.d`, `post.d`, `incident.d`.
    pub hooks: Option<std::path::PathBuf>,
}
