use std::sync::Arc;

use guard::domain::rotation::{Custody, Effect, Event, SetStatus, Sight, invariants};
use guard::domain::time::Timestamp;

use super::mutant::Mutant;
use super::trip::TripRun;
use super::world::{K, World, keys};

/// The instant at which everything happens; see [`Custody::abstracted`].
pub const NOW: Timestamp = Timestamp::UNIX_EPOCH;

/// How often what may happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Budget {
    /// Rotations that somebody asks for.
    pub rotations: u8,
    /// Trips.
    pub trips: u8,
    /// Changes of keys at the console.
    pub edits: u8,
    /// Changes of consumers' places behind guard's back.
    pub overwrites: u8,
    /// Requests to the provider that are not answered.
    pub wires: u8,
    /// Readings, deliveries and reloads that fail once, and undecided probes.
    pub faults: u8,
    /// Orders to force the drain or to roll back.
    pub orders: u8,
    /// Jobs started through the gate.
    pub jobs: u8,
}

/// A model: the real machine in a world with these budgets.
#[derive(Debug, Clone)]
pub struct Guard {
    pub name: &'static str,
    pub budget: Budget,
    /// How many consumers there are.
    pub sinks: usize,
    /// Whether the readings of one decision are taken at one instant. Between them and what follows from them anything may
    /// still happen; the worlds that do not set it let anything happen between two readings, too.
    pub glance: bool,
    /// Too wide to be explored to its end in a short check.
    pub wide: bool,
    /// A standby that the provider calls active and refuses.
    pub broken: Option<K>,
    /// A consumer to which no delivery ever succeeds.
    pub dead_sink: Option<usize>,
    /// Whether guard lifts the latch by itself.
    pub reopen: bool,
    /// Whether retired keys are archived, at once: the grace time is zero.
    pub archive: bool,
    /// What is broken on purpose.
    pub mutant: Option<Mutant>,
}

/// What the process that holds the workspace's lock is at.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum At {
    /// About to decide.
    Deciding,
    /// The intent is durable, the effect is not sent. `stale`: a trip has written to the journal since.
    Sending { effect: Effect, stale: bool },
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    pub custody: Arc<Custody>,
    /// What the journal loses in a crash, for the mutant that does not wait for the disk.
    pub durable: Option<Arc<Custody>>,
    pub sight: Sight,
    pub at: At,
    pub trip: Option<TripRun>,
    pub world: World,
    pub left: Budget,
    /// The rule that the last step broke.
    pub broken: Option<&'static str>,
}

/// How the world treats a request that changes a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Post {
    /// It does it and says so.
    Answered,
    /// Nobody answers; it takes effect later or never.
    Late,
    /// Nobody answers; it takes effect now and perhaps again later.
    Twice,
    /// It is refused for certain.
    Refused,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Action {
    /// The driver decides and writes down, or reads. `false`: the reading fails.
    Drive(bool),
    /// The announced request is sent and its answer is written down.
    Send(Post),
    /// The same, and the process dies before it writes the answer down.
    SendAndDie(Post),
    /// The driver dies.
    Die,
    /// A new invocation, after every pause between two attempts.
    Tick,
    /// Whatever was travelling has landed or never will.
    Settle,
    Land(K, SetStatus),
    /// A consumer restarts by itself and takes what is in its place.
    Restart(usize),
    JobStarts,
    JobEnds,
    /// Somebody asks for a rotation.
    Rotate,
    /// Somebody does not wait for the drain.
    Force,
    /// Somebody wants the old key back.
    Back,
    /// Somebody who has seen the newest incident, or the one before, releases the gate.
    Rearm {
        newest: bool,
    },
    /// Somebody changes a key at the console.
    Edit(K, SetStatus),
    /// Somebody puts a key, or a foreign secret, into a consumer's place.
    Overwrite(usize, Option<K>),
    /// A trip of a key, or of every deployed one, closes the gate.
    Trip(Option<K>),
    /// The trip sends its requests.
    TripSends(Post),
    /// The trip is written into the journal, whoever holds the lock.
    TripWrites,
    /// The trip's process dies.
    TripDies,
}

impl Action {
    /// What a fair world and a restarted guard bring about without any new hostile event; a person releases the gate.
    pub fn fair(&self) -> bool {
        matches!(
            self,
            Self::Drive(true)
                | Self::Send(Post::Answered)
                | Self::Tick
                | Self::Settle
                | Self::JobEnds
                | Self::Rearm { newest: true }
                | Self::TripSends(Post::Answered)
                | Self::TripWrites
        )
    }
}

impl State {
    pub fn blame(&mut self, rule: &'static str) {
        self.broken.get_or_insert(rule);
    }

    /// The world outside. A key that a trip stops is stopped on purpose, written down yet or not: when the trip stops the doomed
    /// key as well, nothing is lost that should have been kept.
    pub fn outside(&self, event: &Event) -> invariants::World {
        let mut world = self.world.outside();
        let stopped = keys(self.world.announced | self.trip.as_ref().map_or(0, |run| run.targets));
        if matches!(event, Event::Doomed { key } if stopped.contains(key)) {
            world.edited.extend(stopped);
        }
        world
    }

    pub fn die(&mut self) {
        self.at = At::Deciding;
        self.sight = Sight::default();
        if let Some(durable) = self.durable.take() {
            self.custody = durable;
        }
    }
}

pub fn spend(budget: &mut u8) -> Option<()> {
    *budget = budget.checked_sub(1)?;
    Some(())
}
