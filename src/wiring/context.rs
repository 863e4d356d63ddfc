use std::path::PathBuf;
use std::sync::Arc;

use super::{Paths, ledger::load_prices};
use crate::adapters::bundle::BundleFolder;
use crate::adapters::clock::{Presence, SandboxClock, SystemClock};
use crate::adapters::consumer::Means;
use crate::adapters::faults::AbortAt;
use crate::adapters::gate::FileGate;
use crate::adapters::hooks::HookDirectory;
use crate::adapters::http::{Client, Limits};
use crate::adapters::lease::FileLeases;
use crate::adapters::process::Programs;
use crate::adapters::provider::Deferred;
use crate::adapters::provider::anthropic::Anthropic;
use crate::adapters::store::SqliteStore;
use crate::adapters::vault::{self, credentials};
use crate::adapters::{config_file, consumer, notify};
use crate::app::trip::KillSwitch;
use crate::app::{App, ConsumerFactory};
use crate::domain::ids::NotifierName;
use crate::domain::ledger::{Ledger, SecretSource};
use crate::domain::secret::Secret;
use crate::exit::{Exit, Failure};
use crate::ports::{
    BundleStore, Clock, Faults, Gate, Heartbeat, NoFaults, Notifier, ProviderError, SecretName, Vault, VaultError,
};

/// All that handing out a key needs: neither database nor network.
pub struct KeyRing {
    /// The latches.
    pub gate: Arc<dyn Gate>,
    /// Secrets.
    pub vault: Arc<dyn Vault>,
}

/// Builds gate and vault alone.
pub fn key_ring(paths: &Paths, ledger: &Ledger) -> Result<KeyRing, Failure> {
    Ok(KeyRing { gate: Arc::new(FileGate::new(&paths.state_dir)), vault: open_vault(paths, ledger)? })
}

/// Builds what stopping a key needs when the database cannot be opened.
pub fn kill_switch(paths: &Paths, ledger: &Ledger) -> Result<KillSwitch, Failure> {
    let KeyRing { gate, vault } = key_ring(paths, ledger)?;
    let provider = Arc::new(provider(ledger, &vault, &clock("trip")?));
    Ok(KillSwitch { gate, vault, keys: provider.clone(), probe: provider })
}

/// Builds every port. `command` is what the person or the timer called: it names the actor in evidence and locks.
pub fn app(paths: &Paths, ledger: Arc<Ledger>, command: &str) -> Result<App, Failure> {
    let KeyRing { gate, vault } = key_ring(paths, &ledger)?;
    let clock = clock(command)?;
    let store = Arc::new(
        SqliteStore::open(&paths.state_dir).map_err(|error| Failure::from(crate::app::AppError::from(error)))?,
    );
    let provider = Arc::new(provider(&ledger, &vault, &clock));
    let People { notifiers, heartbeat } = people(&ledger, &vault, &clock)?;
    Ok(App {
        prices: Arc::new(load_prices(&ledger)?),
        actor: format!("guard {command} (uid {})", rustix::process::getuid().as_raw()),
        keys: provider.clone(),
        probe: provider.clone(),
        feed: provider,
        journal: store.clone(),
        usage: store.clone(),
        watch_state: store.clone(),
        runs: store.clone(),
        evidence: store.clone(),
        outbox: store,
        leases: Arc::new(FileLeases::new(&paths.state_dir, clock.clone())),
        notifiers,
        heartbeat,
        consumers: consumers(&vault, &clock),
        programs: Arc::new(Programs),
        hooks: Arc::new(HookDirectory),
        faults: faults()?,
        bundles: Arc::new(bundles(paths.state_dir.join("incidents"))),
        // What cannot be read any more is left out of bundles; it was read a moment ago.
        ledger_text: config_file::read(&paths.ledger).unwrap_or_default().into(),
        gate,
        vault,
        clock,
        ledger,
    })
}

/// Where incident bundles go: every one becomes a directory below this one.
pub fn bundles(directory: impl Into<PathBuf>) -> impl BundleStore {
    BundleFolder::new(directory)
}

fn unlocked(error: &VaultError) -> Failure {
    Failure::new(Exit::Config, error.to_string()).hint("`guard doctor` checks the vault")
}

fn open_vault(paths: &Paths, ledger: &Ledger) -> Result<Arc<dyn Vault>, Failure> {
    vault::open(&ledger.vault, &paths.config_dir, &paths.state_dir).map_err(|error| unlocked(&error))
}

/// The system's clock, or the virtual one of a sandbox on this machine that a drill started.
fn clock(command: &str) -> Result<Arc<dyn Clock>, Failure> {
    let Some(url) = std::env::var_os("GUARD_SANDBOX_CLOCK").filter(|url| !url.is_empty()) else {
        return Ok(Arc::new(SystemClock));
    };
    // `guard exec` waits for its child, which has its own place in the sandbox's time.
    let presence = if command == "exec" { Presence::Observer } else { Presence::Participant };
    let clock =
        SandboxClock::connect(&url.to_string_lossy(), &format!("guard {command}"), presence).map_err(|error| {
            Failure::new(Exit::Config, format!("GUARD_SANDBOX_CLOCK: {error}"))
                .hint("unset GUARD_SANDBOX_CLOCK unless this guard is part of a drill")
        })?;
    Ok(Arc::new(clock))
}

fn provider(ledger: &Ledger, vault: &Arc<dyn Vault>, clock: &Arc<dyn Clock>) -> Deferred<Anthropic> {
    let (mut settings, vault, clock) = (ledger.provider.clone(), vault.clone(), clock.clone());
    if let Some(url) = std::env::var_os("GUARD_PROVIDER_URL").filter(|url| !url.is_empty()) {
        settings.url = url.to_string_lossy().into_owned();
    }
    Deferred::new(Anthropic::CAPABILITIES, move || {
        let credential = credentials::admin_key(settings.admin_key.as_ref(), vault.as_ref()).map_err(|error| {
            ProviderError::Refused { status: 0, message: format!("there is no admin key: {error}") }
        })?;
        Anthropic::new(&settings, credential.secret, clock.clone(), Arc::new(rand::random::<f64>))
            .map_err(|error| ProviderError::Unreachable(error.to_string()))
    })
}

/// The channels to people, and whom guard shows that it lives.
struct People {
    notifiers: Vec<Arc<dyn Notifier>>,
    heartbeat: Option<Arc<dyn Heartbeat>>,
}

fn people(ledger: &Ledger, vault: &Arc<dyn Vault>, clock: &Arc<dyn Clock>) -> Result<People, Failure> {
    let http = Client::new(Limits { total: notify::PATIENCE, ..Limits::default() })
        .map_err(|error| Failure::new(Exit::Internal, error.to_string()))?;
    let named = |entry: fn(&NotifierName) -> SecretName| {
        let vault = vault.clone();
        let secret = Arc::new(move |name: &NotifierName, source: &SecretSource| {
            find_secret(vault.as_ref(), source, &entry(name))
        });
        notify::Tools { http: http.clone(), clock: clock.clone(), secret, patience: notify::PATIENCE }
    };
    let tools = named(SecretName::of_notifier);
    let notifiers = ledger.notifiers.iter().map(|settings| notify::channel(settings, &tools)).collect();
    let heartbeat = ledger.heartbeat.as_ref().map(|settings| -> Arc<dyn Heartbeat> {
        Arc::new(notify::Ping::new(settings.url.clone(), named(|_| SecretName::of_heartbeat())))
    });
    Ok(People { notifiers, heartbeat })
}

fn find_secret(vault: &dyn Vault, source: &SecretSource, entry: &SecretName) -> Result<Secret, String> {
    credentials::resolve(source, vault, entry).map(|found| found.secret).map_err(|error| error.to_string())
}

fn consumers(vault: &Arc<dyn Vault>, clock: &Arc<dyn Clock>) -> ConsumerFactory {
    let (clock, vault) = (clock.clone(), vault.clone());
    let find_secret =
        Arc::new(move |source: &SecretSource, entry: &SecretName| find_secret(vault.as_ref(), source, entry));
    let means = Means { clock, find_secret, limits: consumer::LIMITS };
    Arc::new(move |workspace, settings| consumer::build(workspace, settings, &means))
}

fn faults() -> Result<Arc<dyn Faults>, Failure> {
    match std::env::var("GUARD_FAULT") {
        Ok(text) => match AbortAt::parse(&text) {
            Some(faults) => Ok(Arc::new(faults)),
            None => Err(Failure::new(Exit::Config, "GUARD_FAULT is not `place` or `place:n`").hint("unset it")),
        },
        Err(_) => Ok(Arc::new(NoFaults)),
    }
}
