//! A sandbox organization and a client of it, for the tests of both.

use std::sync::Arc;
use std::time::Duration;

use guard::adapters::clock::SystemClock;
use guard::adapters::provider::anthropic::Anthropic;
use guard::domain::ids::{KeyId, WorkspaceId};
use guard::domain::key::KeyStatus;
use guard::domain::ledger::ProviderSettings;
use guard::domain::secret::Secret;
use guard::domain::time::Timestamp;
use guard::ports::Clock;
use guard::sandbox::clock::Pace;
use guard::sandbox::org::NewKey;
use guard::sandbox::world::Behaviour;
use guard::sandbox::{Options, Sandbox};

/// 2026-11-21T12:00:00Z, a Saturday.
pub const NOON: i64 = 1_795_262_400;

pub fn noon() -> Timestamp {
    Timestamp::from_timestamp(NOON, 0).unwrap()
}

pub fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned()).unwrap()
}

/// A virtual sandbox at noon whose usage shows after exactly five minutes.
pub fn sandbox() -> Sandbox {
    let behaviour = Behaviour { lag_jitter: Duration::ZERO, ..Behaviour::default() };
    let options = Options { pace: Pace::Virtual, start: Some(noon()), behaviour, ..Options::default() };
    Sandbox::start(&options, Arc::new(SystemClock)).unwrap()
}

pub fn settings(url: &str) -> ProviderSettings {
    ProviderSettings { url: url.to_owned(), timeout: Duration::from_secs(20), ..ProviderSettings::default() }
}

/// A client whose pauses pass on `clock`.
pub fn client(url: &str, credential: Secret, clock: Arc<dyn Clock>) -> Anthropic {
    Anthropic::new(&settings(url), credential, clock, Arc::new(|| 0.5)).unwrap()
}

/// A client of a sandbox, with its admin key, that takes part in its time.
pub fn admin(sandbox: &Sandbox) -> Anthropic {
    client(&sandbox.url(), sandbox.admin_key().unwrap(), Arc::new(sandbox.join("client")))
}

/// Makes a workspace.
pub fn workspace(sandbox: &Sandbox, name: &str) -> WorkspaceId {
    sandbox.shared().world().organization.add_workspace(name, noon())
}

/// Makes a key in a workspace, as a person in the Console would.
pub fn mint(sandbox: &Sandbox, workspace: &str, status: KeyStatus) -> (KeyId, Secret) {
    let new = NewKey { workspace: Some(workspace.to_owned()), name: "job".to_owned(), status, expires_at: None };
    let now = sandbox.shared().clock.now();
    let minted = sandbox.shared().world().organization.mint_key(&new, now).unwrap();
    (minted.id, secret(&minted.secret))
}

/// A clock on which pauses take no time, and which remembers them.
#[derive(Default)]
pub struct Pauses(std::sync::Mutex<Vec<Duration>>);

impl Pauses {
    /// Every pause so far.
    pub fn taken(&self) -> Vec<Duration> {
        self.0.lock().unwrap().clone()
    }
}

#[async_trait::async_trait]
impl Clock for Pauses {
    fn now(&self) -> Timestamp {
        noon()
    }

    async fn sleep(&self, duration: Duration) {
        self.0.lock().unwrap().push(duration);
    }
}
