//! Everything the sandbox knows, and the settings it plays by.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::TimeDelta;

use super::clock::WorldClock;
use super::fault::Faults;
use super::log::{Line, Plane, RequestLog};
use super::org::Organization;
use super::replay::Replay;
use super::usage::{Spent, UsageBook};
use crate::domain::time::{Minute, Timestamp};

/// How the organization behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Behaviour {
    /// Seeds identifiers, secrets and whatever varies.
    pub seed: u64,
    /// From a request's end until the usage report shows it.
    pub lag: Duration,
    /// The most that is added to the lag, at random.
    pub lag_jitter: Duration,
    /// From a change of a key's status until requests feel it.
    pub revoke_delay: Duration,
    /// After how long (outside) another process that holds the time still and says nothing is given up.
    pub patience: Duration,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            seed: 1,
            lag: Duration::from_secs(300),
            lag_jitter: Duration::from_secs(30),
            revoke_delay: Duration::from_secs(2),
            patience: Duration::from_secs(10),
        }
    }
}

/// What changes.
pub struct World {
    /// Workspaces and keys.
    pub organization: Organization,
    /// What was used.
    pub usage: UsageBook,
    /// What goes wrong next.
    pub faults: Faults,
    /// What happened.
    pub log: RequestLog,
    /// What is played in the background.
    pub replays: Vec<Replay>,
}

/// The world with its clock; shared by the server and whoever directs it.
pub struct Shared {
    /// The sandbox's time.
    pub clock: Arc<WorldClock>,
    /// How the organization behaves.
    pub behaviour: Behaviour,
    world: Mutex<World>,
}

impl Shared {
    /// A world with an organization that has only its default workspace.
    pub fn new(clock: Arc<WorldClock>, behaviour: Behaviour) -> Arc<Self> {
        let world = World {
            organization: Organization::new(behaviour.seed, clock.now()),
            usage: UsageBook::default(),
            faults: Faults::default(),
            log: RequestLog::default(),
            replays: Vec::new(),
        };
        Arc::new(Self { clock, behaviour, world: Mutex::new(world) })
    }

    /// The world as it is now, recorded traffic included; for a moment, never across an await.
    pub fn world(&self) -> MutexGuard<'_, World> {
        // No handler leaves the world half changed.
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        world.catch_up(&self.behaviour, self.clock.now());
        world
    }
}

impl World {
    /// Writes down usage that happened at `at`; the report shows it after the lag.
    pub fn spend(&mut self, behaviour: &Behaviour, at: Timestamp, spent: Spent) {
        self.spend_in(behaviour, Minute::containing(at), at, spent);
    }

    /// Writes down usage of `minute` that ended at `end`.
    pub fn spend_in(&mut self, behaviour: &Behaviour, minute: Minute, end: Timestamp, spent: Spent) {
        let lag = behaviour.lag + behaviour.lag_jitter.mul_f64(self.organization.fraction());
        self.usage.add(minute, spent, end + TimeDelta::from_std(lag).unwrap_or_default());
    }

    /// A line of the log that is not about a request.
    pub fn note(&mut self, at: Timestamp, plane: Plane, note: String) {
        self.log.add(Line { note: Some(note), ..Line::plain(at, plane) });
    }
}
