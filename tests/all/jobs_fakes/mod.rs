//! A small world in memory: the ports that jobs, checks, doctor and outbox touch. Ports that they must not touch panic.

mod untouched;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chrono::DateTime;
use guard::app::App;
use guard::domain::ids::{KeyId, NotifierName, RunId, WorkspaceId, WorkspaceName};
use guard::domain::key::{ApiKey, KeyStatus, Organization, ProviderWorkspace};
use guard::domain::ledger::{
    Ledger, ModelPolicy, OrganizationPolicy, ProviderSettings, SecretSource, VaultSettings, Workspace,
};
use guard::domain::message::Phase;
use guard::domain::notice::Notice;
use guard::domain::price::PriceTable;
use guard::domain::run::Run;
use guard::domain::secret::Secret;
use guard::domain::time::Timestamp;
use guard::ports::{
    Capabilities, ChannelRecord, Clock, Consumer, ConsumerError, Gate, GateError, GateState, KeyAdmin, NoFaults,
    Outbox, OutboxEntry, Outcome, ProviderError, Reading, Runs, SecretName, StoreError, Vault, VaultError, WatchState,
};
use serde_json::Value;

pub const SECRET: &str = "sk-ant-api03-R2DtheSecretOfTheJobxxxxxxxxxxxxxxigAA";

pub fn prod() -> WorkspaceName {
    WorkspaceName::new("prod").unwrap()
}

pub fn key() -> KeyId {
    KeyId::new("apikey_01").unwrap()
}

/// An instant `seconds` after the fake beginning of time.
pub fn at(seconds: i64) -> Timestamp {
    DateTime::from_timestamp(1_700_000_000 + seconds, 0).unwrap()
}

/// Everything that tests look at or set. The clock stands still unless somebody sleeps.
pub struct World {
    pub now: Mutex<Timestamp>,
    pub gate: Mutex<GateState>,
    /// The gate closes at this instant.
    pub gate_closes_at: Mutex<Option<Timestamp>>,
    pub vault: Mutex<BTreeMap<String, String>>,
    pub poll: Mutex<Option<Value>>,
    pub pulse: Mutex<Option<Value>>,
    pub hold: Mutex<Option<Value>>,
    pub runs: Mutex<Vec<Run>>,
    /// The store answers every write with an error.
    pub store_is_broken: Mutex<bool>,
    pub provider_keys: Mutex<Result<Vec<ApiKey>, ProviderError>>,
    pub provider_workspaces: Mutex<Vec<ProviderWorkspace>>,
    /// What each consumer holds, by name.
    pub consumers: Mutex<BTreeMap<String, String>>,
    /// Notices as they were queued, before the fan-out to notifiers.
    pub notices: Mutex<Vec<Notice>>,
    pub outbox: Mutex<Vec<Queued>>,
}

/// A line of the fake outbox.
#[derive(Debug, Clone)]
pub struct Queued {
    pub entry: OutboxEntry,
    pub delivered: Option<String>,
    /// Given up, with the reason.
    pub given_up: Option<String>,
}

impl World {
    /// Open gate, sealed key, a fresh poll.
    pub fn healthy() -> Arc<Self> {
        Arc::new(Self {
            now: Mutex::new(at(0)),
            gate: Mutex::new(GateState::Open { generation: 0, key: key() }),
            gate_closes_at: Mutex::new(None),
            vault: Mutex::new(BTreeMap::from([(SecretName::Key(key()).to_string(), SECRET.to_owned())])),
            poll: Mutex::new(Some(serde_json::json!({ "last_good": at(-60) }))),
            hold: Mutex::new(None),
            pulse: Mutex::new(Some(serde_json::json!({ "last_good": [at(-60), "200"] }))),
            runs: Mutex::default(),
            store_is_broken: Mutex::new(false),
            provider_keys: Mutex::new(Ok(Vec::new())),
            provider_workspaces: Mutex::default(),
            consumers: Mutex::default(),
            notices: Mutex::default(),
            outbox: Mutex::default(),
        })
    }

    pub fn app(self: &Arc<Self>, ledger: Ledger) -> App {
        let world = Arc::clone(self);
        App {
            ledger: Arc::new(ledger),
            prices: Arc::new(PriceTable::default()),
            actor: "test".into(),
            clock: self.clone(),
            keys: self.clone(),
            probe: self.clone(),
            feed: self.clone(),
            vault: self.clone(),
            journal: self.clone(),
            usage: self.clone(),
            watch_state: self.clone(),
            runs: self.clone(),
            evidence: self.clone(),
            bundles: Arc::new(guard::adapters::bundle::BundleFolder::new("/proc/no-bundles-here")),
            ledger_text: "".into(),
            outbox: self.clone(),
            leases: self.clone(),
            gate: self.clone(),
            notifiers: Vec::new(),
            heartbeat: None,
            consumers: Arc::new(move |_, settings| {
                Box::new(FakeConsumer { world: Arc::clone(&world), name: settings.name.to_string() })
            }),
            programs: Arc::new(guard::adapters::process::Programs),
            hooks: Arc::new(guard::adapters::hooks::HookDirectory),
            faults: Arc::new(NoFaults),
        }
    }

    fn broken(&self) -> Result<(), StoreError> {
        if *self.store_is_broken.lock().unwrap() { Err(StoreError::Io("disk full".into())) } else { Ok(()) }
    }
}

/// One workspace, `prod`, with every policy at its default.
pub fn ledger() -> Ledger {
    Ledger {
        provider: ProviderSettings {
            url: "http://127.0.0.1:1".into(),
            admin_key: Some(SecretSource::Environment("MY_ADMIN_KEY".into())),
            ..ProviderSettings::default()
        },
        vault: VaultSettings::File { path: None, unlock: None },
        organization: OrganizationPolicy::default(),
        notifiers: Vec::new(),
        heartbeat: None,
        workspaces: vec![Workspace {
            name: prod(),
            id: WorkspaceId::new("wrkspc_01").unwrap(),
            is_default: false,
            environment: "prod".into(),
            purpose: None,
            owner: None,
            owner_confirmed: None,
            budget_owner: None,
            escalation: Vec::new(),
            monthly_limit: None,
            acceptable_loss: None,
            models: ModelPolicy { ladder: vec!["claude-opus".into(), "claude-haiku".into()], ..ModelPolicy::default() },
            ceilings: Default::default(),
            jobs: Vec::new(),
            rotation: Default::default(),
            trip: Default::default(),
            failover: Default::default(),
            exec: Default::default(),
            watch: Default::default(),
            consumers: Vec::new(),
            hooks: None,
        }],
    }
}

#[async_trait]
impl Clock for World {
    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap()
    }
    async fn sleep(&self, duration: Duration) {
        tokio::task::yield_now().await;
        *self.now.lock().unwrap() += duration;
    }
}

impl Gate for World {
    fn read(&self, _: &WorkspaceName) -> GateState {
        match *self.gate_closes_at.lock().unwrap() {
            Some(then) if self.now() >= then => GateState::Closed { why: "tripped by spike".into() },
            _ => self.gate.lock().unwrap().clone(),
        }
    }
    fn close(&self, _: &WorkspaceName, _: &str) -> Result<(), GateError> {
        unreachable!("nobody here closes gates")
    }
    fn open(&self, _: &WorkspaceName, _: u64, _: &KeyId) -> Result<(), GateError> {
        unreachable!("nobody here opens gates")
    }
}

impl Vault for World {
    fn describe(&self) -> String {
        "memory".into()
    }
    fn get(&self, name: &SecretName) -> Result<Option<Secret>, VaultError> {
        Ok(self.vault.lock().unwrap().get(&name.to_string()).map(|text| Secret::new(text.clone()).unwrap()))
    }
    fn put(&self, _: &SecretName, _: &Secret) -> Result<(), VaultError> {
        unreachable!("nobody here seals keys")
    }
    fn remove(&self, _: &SecretName) -> Result<(), VaultError> {
        unreachable!("nobody here forgets keys")
    }
    fn keys(&self) -> Result<Vec<KeyId>, VaultError> {
        let names = self.vault.lock().unwrap();
        Ok(names.keys().filter_map(|name| KeyId::new(name.strip_prefix("key.")?).ok()).collect())
    }
}

impl WatchState for World {
    fn load_state(&self, name: &str) -> Result<Option<Value>, StoreError> {
        match name {
            "notify/heartbeat" => return Ok(self.pulse.lock().unwrap().clone()),
            "hold" => return Ok(self.hold.lock().unwrap().clone()),
            _ if name.starts_with("notify/") || name.starts_with("evidence/") => return Ok(None),
            _ => assert_eq!(name, "poll"),
        }
        self.broken()?;
        Ok(self.poll.lock().unwrap().clone())
    }
    fn save_states(&self, _: &[(String, Value)]) -> Result<(), StoreError> {
        unreachable!("nobody here polls")
    }
}

impl Runs for World {
    fn begin_run(
        &self,
        workspace: &WorkspaceName,
        key: &KeyId,
        program: &str,
        at: Timestamp,
    ) -> Result<RunId, StoreError> {
        self.broken()?;
        let mut runs = self.runs.lock().unwrap();
        let id = RunId(runs.len() as u64 + 1);
        runs.push(Run {
            id,
            workspace: workspace.clone(),
            key: key.clone(),
            program: program.into(),
            pid: None,
            started_at: at,
            ended_at: None,
            exit_status: None,
        });
        Ok(id)
    }
    fn run_started(&self, id: RunId, pid: u32) -> Result<(), StoreError> {
        self.runs.lock().unwrap()[id.0 as usize - 1].pid = Some(pid);
        Ok(())
    }
    fn end_run(&self, id: RunId, at: Timestamp, exit_status: i32) -> Result<(), StoreError> {
        let run = &mut self.runs.lock().unwrap()[id.0 as usize - 1];
        (run.ended_at, run.exit_status) = (Some(at), Some(exit_status));
        Ok(())
    }
    fn runs(&self, _: &WorkspaceName, _: Timestamp, _: Timestamp) -> Result<Vec<Run>, StoreError> {
        Ok(self.runs.lock().unwrap().clone())
    }
}

#[async_trait]
impl KeyAdmin for World {
    fn capabilities(&self) -> Capabilities {
        Capabilities { mint: false, enable: true, archive: true }
    }
    async fn organization(&self) -> Result<Organization, ProviderError> {
        KeyAdmin::keys(self).await.map(|_| Organization { id: "org".into(), name: "Example".into() })
    }
    async fn workspaces(&self) -> Result<Vec<ProviderWorkspace>, ProviderError> {
        KeyAdmin::keys(self).await.map(|_| self.provider_workspaces.lock().unwrap().clone())
    }
    async fn keys(&self) -> Result<Vec<ApiKey>, ProviderError> {
        self.provider_keys.lock().unwrap().clone()
    }
    async fn key(&self, _: &KeyId) -> Result<ApiKey, ProviderError> {
        unreachable!("nobody here reads one key")
    }
    async fn set_status(&self, _: &KeyId, _: KeyStatus) -> Result<ApiKey, ProviderError> {
        unreachable!("nobody here changes keys")
    }
}

impl Outbox for World {
    fn enqueue(&self, notices: &[Notice]) -> Result<(), StoreError> {
        self.broken()?;
        let mut queued = self.notices.lock().unwrap();
        for notice in notices {
            if !queued.iter().any(|n| n.dedup == notice.dedup) {
                queued.push(notice.clone());
            }
        }
        Ok(())
    }
    fn due(&self, notifiers: &[NotifierName], now: Timestamp) -> Result<Vec<OutboxEntry>, StoreError> {
        let mut outbox = self.outbox.lock().unwrap();
        for notice in self.notices.lock().unwrap().iter() {
            for notifier in notifiers {
                if !outbox.iter().any(|q| &q.entry.notifier == notifier && q.entry.notice.dedup == notice.dedup) {
                    let id = outbox.len() as u64 + 1;
                    let (notice, notifier) = (notice.clone(), notifier.clone());
                    let entry = OutboxEntry { id, notice, notifier, attempts: 0, next_attempt: now, told_as: None };
                    outbox.push(Queued { entry, delivered: None, given_up: None });
                }
            }
        }
        let due = |q: &&Queued| {
            q.delivered.is_none()
                && q.given_up.is_none()
                && q.entry.next_attempt <= now
                && notifiers.contains(&q.entry.notifier)
        };
        Ok(outbox.iter().filter(due).map(|q| q.entry.clone()).collect())
    }
    fn settle(&self, ids: &[u64], _: Timestamp, outcome: &Outcome<'_>) -> Result<(), StoreError> {
        self.broken()?;
        for id in ids {
            let queued = &mut self.outbox.lock().unwrap()[*id as usize - 1];
            match outcome {
                Outcome::Told { answer, .. } => queued.delivered = Some((*answer).into()),
                Outcome::Skipped { why } => queued.delivered = Some((*why).into()),
                Outcome::Held { until } => queued.entry.next_attempt = *until,
                Outcome::Failed { why, next } => {
                    queued.entry.attempts += 1;
                    match next {
                        Some(next) => queued.entry.next_attempt = *next,
                        None => queued.given_up = Some((*why).into()),
                    }
                }
            }
        }
        Ok(())
    }
    fn opening(&self, _: u64) -> Result<Option<(Notice, String)>, StoreError> {
        Ok(None)
    }
    fn taken(&self, _: u64) -> Result<Option<Phase>, StoreError> {
        Ok(None)
    }
    fn open_under(&self, _: &NotifierName, _: &str) -> Result<u64, StoreError> {
        Ok(0)
    }
    fn channels(&self, _: &[NotifierName]) -> Result<Vec<ChannelRecord>, StoreError> {
        Ok(Vec::new())
    }
    fn prune(&self, _: Timestamp) -> Result<u64, StoreError> {
        Ok(0)
    }
    fn backlog(&self) -> Result<(u64, Option<Timestamp>), StoreError> {
        let outbox = self.outbox.lock().unwrap();
        let waiting: Vec<_> = outbox.iter().filter(|q| q.delivered.is_none() && q.given_up.is_none()).collect();
        Ok((waiting.len() as u64, waiting.iter().map(|q| q.entry.notice.at).min()))
    }
}

/// A consumer whose content is in the world.
struct FakeConsumer {
    world: Arc<World>,
    name: String,
}

#[async_trait]
impl Consumer for FakeConsumer {
    fn describe(&self) -> String {
        format!("file /srv/{}", self.name)
    }
    async fn read(&self) -> Result<Reading, ConsumerError> {
        match self.world.consumers.lock().unwrap().get(&self.name).map(String::as_str) {
            None => Ok(Reading::Empty),
            Some("unreachable") => {
                Err(ConsumerError::Unreachable { target: self.describe(), why: "no such mount".into() })
            }
            Some("write-only") => Ok(Reading::WriteOnly),
            Some(text) => Ok(Reading::Holds(Secret::new(text.to_owned()).unwrap())),
        }
    }
    async fn deliver(&self, _: &Secret) -> Result<(), ConsumerError> {
        unreachable!("nobody here delivers")
    }
    async fn reload(&self) -> Result<(), ConsumerError> {
        unreachable!("nobody here delivers")
    }
    async fn verify(&self) -> Result<(), ConsumerError> {
        unreachable!("nobody here delivers")
    }
    fn pickup(&self) -> &'static str {
        "at its next start"
    }
}
