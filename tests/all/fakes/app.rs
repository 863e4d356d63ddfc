use std::path::PathBuf;
use std::sync::Arc;

use guard::app::App;
use guard::app::drive::Patience;
use guard::app::rearm::RearmRequest;
use guard::app::rotate::{Order, RotateRequest};
use guard::domain::ids::{ConsumerName, IncidentId, WorkspaceId, WorkspaceName};
use guard::domain::ledger::{
    Ceilings, ConsumerKind, ConsumerSettings, ExecPolicy, FailoverPolicy, Ledger, ModelPolicy, OrganizationPolicy,
    ProviderSettings, ReopenPolicy, RotationPolicy, RunningJobs, TripMode, TripPolicy, VaultSettings, WatchPolicy,
    Workspace,
};
use guard::domain::price::PriceTable;
use guard::ports::Consumer;

use super::ports::Place;
use super::world::World;

/// The test workspace.
pub fn name() -> WorkspaceName {
    WorkspaceName::new("test").unwrap()
}

/// A ledger with one workspace, two consumers, and trips that kill.
pub fn ledger() -> Ledger {
    let consumer = |name: &str| ConsumerSettings {
        name: ConsumerName::new(name).unwrap(),
        kind: ConsumerKind::File { path: PathBuf::from("/nowhere"), mode: 0o600, follow_symlink: false },
        reload: None,
        verify: None,
    };
    Ledger {
        provider: ProviderSettings {
            url: "http://127.0.0.1:1".to_owned(),
            admin_key: None,
            api_version: "2023-06-01".to_owned(),
            timeout: std::time::Duration::from_secs(30),
            ..ProviderSettings::default()
        },
        vault: VaultSettings::Keyring { service: "guard".to_owned() },
        organization: OrganizationPolicy::default(),
        notifiers: Vec::new(),
        heartbeat: None,
        workspaces: vec![Workspace {
            name: name(),
            id: WorkspaceId::new("wrkspc_test").unwrap(),
            is_default: false,
            environment: "prod".to_owned(),
            purpose: None,
            owner: None,
            owner_confirmed: None,
            budget_owner: None,
            escalation: Vec::new(),
            monthly_limit: None,
            acceptable_loss: None,
            models: ModelPolicy::default(),
            ceilings: Ceilings::default(),
            jobs: Vec::new(),
            rotation: RotationPolicy::default(),
            trip: TripPolicy {
                mode: TripMode::Kill,
                running_jobs: RunningJobs::Leave,
                stop: None,
                reopen: ReopenPolicy::Person,
            },
            failover: FailoverPolicy::Standby,
            exec: ExecPolicy::default(),
            watch: WatchPolicy::default(),
            consumers: vec![consumer("api"), consumer("worker")],
            hooks: None,
        }],
    }
}

/// A guard over the world; each is a process of its own.
pub fn app(world: &World, ledger: Ledger) -> App {
    let port = Arc::new(world.clone());
    let places = world.clone();
    App {
        ledger: Arc::new(ledger),
        prices: Arc::new(PriceTable::default()),
        actor: "guard test".to_owned(),
        clock: port.clone(),
        keys: port.clone(),
        probe: port.clone(),
        feed: port.clone(),
        vault: port.clone(),
        journal: port.clone(),
        usage: port.clone(),
        watch_state: port.clone(),
        runs: port.clone(),
        evidence: port.clone(),
        bundles: port.clone(),
        ledger_text: "".into(),
        outbox: port.clone(),
        leases: port.clone(),
        gate: port.clone(),
        notifiers: Vec::new(),
        heartbeat: None,
        consumers: Arc::new(move |_, settings| {
            Box::new(Place { world: places.clone(), name: settings.name.clone() }) as Box<dyn Consumer>
        }),
        programs: port.clone(),
        hooks: port.clone(),
        faults: port,
    }
}

/// A rotation that is waited for.
pub fn options(order: Order) -> RotateRequest {
    RotateRequest {
        order,
        reason: "test".to_owned(),
        patience: Patience::UntilDone,
        lock_wait: std::time::Duration::ZERO,
    }
}

/// A release by a person who knows the cause.
pub fn release(incident: u64, reason: &str) -> RearmRequest {
    RearmRequest {
        workspace: name(),
        incident: IncidentId(incident),
        reason: reason.to_owned(),
        cause: Some("a laptop was stolen".to_owned()),
        forced: false,
        by: "ada".to_owned(),
    }
}
