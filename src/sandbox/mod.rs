//! The embedded organization: a stateful local server that speaks the provider's HTTP contract for every endpoint that guard
//! uses, with traffic, attacks, faults and a clock that can be virtual. It listens on loopback only.

pub mod attack;
pub mod catalog;
pub mod clock;
pub mod fault;
pub mod log;
pub mod mint;
pub mod org;
pub mod replay;
pub mod score;
mod server;
pub mod traffic;
pub mod usage;
pub mod world;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use self::clock::{LocalParticipant, Pace, WorldClock};
use self::log::{Line, Plane};
use self::org::{Minted, NewKey};
use self::replay::Replay;
use self::traffic::Series;
use self::world::{Behaviour, Shared};
use crate::domain::key::KeyStatus;
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;
use crate::ports::Clock;

/// How to start a sandbox.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Where to listen; the port 0 takes a free one. Loopback only.
    pub listen: SocketAddr,
    /// How time passes.
    pub pace: Pace,
    /// What time it is at first; the outer clock's when missing.
    pub start: Option<Timestamp>,
    /// How the organization behaves.
    pub behaviour: Behaviour,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            pace: Pace::Times(1),
            start: None,
            behaviour: Behaviour::default(),
        }
    }
}

/// A running sandbox. It stops when it is dropped: connections break, nothing is kept.
pub struct Sandbox {
    shared: Arc<Shared>,
    address: SocketAddr,
    /// Its own, so that dropping it ends connections that are still open, too.
    runtime: Option<Runtime>,
}

impl Sandbox {
    /// Starts listening. `outside` is the clock of the world around.
    ///
    /// # Errors
    /// When the address is not on loopback or cannot be taken.
    pub fn start(options: &Options, outside: Arc<dyn Clock>) -> io::Result<Self> {
        if !options.listen.ip().is_loopback() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the sandbox listens on loopback addresses only"));
        }
        let listener = std::net::TcpListener::bind(options.listen)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let start = options.start.unwrap_or_else(|| outside.now());
        let clock = WorldClock::new(options.pace, start, Arc::clone(&outside));
        let shared = Shared::new(clock, options.behaviour);
        let app = server::router(Arc::clone(&shared));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("sandbox")
            .enable_all()
            .build()?;
        let listener = {
            let _inside = runtime.enter();
            TcpListener::from_std(listener)?
        };
        runtime.spawn(async move {
            if let Err(error) = axum::serve(listener, app).await {
                tracing::error!(%error, "the sandbox stopped serving");
            }
        });
        runtime.spawn(drop_the_silent(Arc::clone(&shared), outside));
        Ok(Self { shared, address, runtime: Some(runtime) })
    }

    /// Where it listens: `http://127.0.0.1:4010`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The port that it listens on.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The Admin API key of its organization.
    ///
    /// # Errors
    /// Never for a key that was made here; the type says so because `Secret` checks.
    pub fn admin_key(&self) -> Result<Secret, crate::domain::secret::InvalidSecret> {
        Secret::new(self.shared.world().organization.admin_secret.clone())
    }

    /// The world, for whoever directs it from within the same process.
    pub fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Plays recorded series: each in a workspace of its own that has one active key. The answer is their workspaces' names
    /// with those keys.
    pub fn replay(&self, series: Vec<Series>) -> Vec<(String, Minted)> {
        let now = self.shared.clock.now();
        let begun = replay::history_start(now).start();
        let mut world = self.shared.world();
        let mut made = Vec::new();
        for one in series {
            let name = one.workspace();
            let workspace = world.organization.add_workspace(&name, begun);
            let new = NewKey {
                workspace: Some(workspace.to_string()),
                name: format!("{name}-1"),
                status: KeyStatus::Active,
                expires_at: None,
            };
            // The workspace was made a moment ago, so that it is there and not archived.
            if let Ok(minted) = world.organization.mint_key(&new, begun) {
                world.replays.push(Replay::new(one, workspace, now));
                made.push((name, minted));
            }
        }
        world.catch_up(&self.shared.behaviour, now);
        made
    }

    /// A clock that takes part in the sandbox's time.
    pub fn join(&self, name: &str) -> LocalParticipant {
        LocalParticipant::join(&self.shared.clock, name)
    }

    /// Everything that happened so far.
    pub fn log(&self) -> Vec<Line> {
        self.shared.world().log.after(0, usize::MAX).to_vec()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Async code may not wait for a runtime, another thread may. When it has ended, every connection is closed.
            let _ = std::thread::spawn(move || drop(runtime)).join();
        }
    }
}

/// Time must not stand still for ever because a process died while it was awake.
async fn drop_the_silent(shared: Arc<Shared>, outside: Arc<dyn Clock>) {
    loop {
        outside.sleep(Duration::from_millis(500)).await;
        for silent in shared.clock.silent(shared.behaviour.patience) {
            tracing::warn!(participant = %silent.name, "fell silent while awake; the sandbox goes on without it");
            let now = shared.clock.now();
            let note = format!("participant `{}` fell silent and was dropped", silent.name);
            // Written down first: leaving lets the time go on.
            shared.world().note(now, Plane::Sandbox, note);
            shared.clock.leave(silent.id);
        }
    }
}
