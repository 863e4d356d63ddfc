//! The sandbox's time. In a virtual world time stands still while anybody works and jumps to the next wake-up when everybody
//! sleeps, so that hours pass in seconds and the same world plays out the same way each time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chrono::TimeDelta;
use serde::Serialize;
use tokio::sync::oneshot;

use crate::domain::time::Timestamp;
use crate::ports::Clock;

/// How the sandbox's time passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// As time passes outside, this many times as fast; 1 or more.
    Times(u32),
    /// It jumps from wake-up to wake-up of its participants.
    Virtual,
}

/// A participant's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct ParticipantId(u64);

impl ParticipantId {
    /// From the number that `join` gave out.
    pub fn from_number(number: u64) -> Self {
        Self(number)
    }
}

/// A participant as others see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ParticipantView {
    /// Its number.
    pub id: ParticipantId,
    /// What it called itself.
    pub name: String,
    /// Whether it holds the time still.
    pub awake: bool,
}

struct Participant {
    name: String,
    awake: bool,
    /// Whether it is another process, which may die without leaving.
    remote: bool,
    /// By the outer clock.
    last_seen: Timestamp,
}

/// Sleepers wake by their time, then in the order of joining (whoever takes no part comes last), then of falling asleep.
type BedKey = (Timestamp, u64, u64);

struct Sleeper {
    participant: Option<ParticipantId>,
    wake: oneshot::Sender<()>,
}

struct Inner {
    now: Timestamp,
    next_id: u64,
    participants: BTreeMap<ParticipantId, Participant>,
    /// One is woken at a time, so that the order is the same in every run.
    sleepers: BTreeMap<BedKey, Sleeper>,
    /// Requests being answered; time does not jump under them.
    in_flight: usize,
    /// When the last one began or ended, by the outer clock.
    last_request: Timestamp,
}

/// The clock of one sandbox.
pub struct WorldClock {
    pace: Pace,
    /// The clock outside, and where both began.
    outside: Arc<dyn Clock>,
    begun_outside: Timestamp,
    begun: Timestamp,
    inner: Mutex<Inner>,
}

impl WorldClock {
    /// A clock that shows `start` now.
    pub fn new(pace: Pace, start: Timestamp, outside: Arc<dyn Clock>) -> Arc<Self> {
        let begun_outside = outside.now();
        Arc::new(Self {
            pace,
            outside,
            begun_outside,
            begun: start,
            inner: Mutex::new(Inner {
                now: start,
                next_id: 1,
                participants: BTreeMap::new(),
                sleepers: BTreeMap::new(),
                in_flight: 0,
                last_request: begun_outside,
            }),
        })
    }

    /// How time passes here.
    pub fn pace(&self) -> Pace {
        self.pace
    }

    /// The world's time.
    pub fn now(&self) -> Timestamp {
        match self.pace {
            Pace::Virtual => self.lock().now,
            Pace::Times(times) => {
                let passed = self.outside.now() - self.begun_outside;
                self.begun + passed.checked_mul(i32::try_from(times).unwrap_or(i32::MAX)).unwrap_or(passed)
            }
        }
    }

    /// Takes part: from now on the time stands still until this participant sleeps. `remote` says that it is another process,
    /// which is dropped when it falls silent.
    pub fn join(&self, name: &str, remote: bool) -> ParticipantId {
        let last_seen = self.outside.now();
        let mut inner = self.lock();
        let id = ParticipantId(inner.take_id());
        inner.participants.insert(id, Participant { name: name.to_owned(), awake: true, remote, last_seen });
        id
    }

    /// Takes no part any more. Unknown participants have left already.
    pub fn leave(&self, id: ParticipantId) {
        let mut inner = self.lock();
        inner.participants.remove(&id);
        self.advance(&mut inner);
    }

    /// Whether `id` takes part.
    pub fn knows(&self, id: ParticipantId) -> bool {
        self.lock().participants.contains_key(&id)
    }

    /// Sleeps; `None` sleeps without taking part. Dropping the future ends the sleep.
    pub async fn sleep(self: &Arc<Self>, who: Option<ParticipantId>, duration: Duration) {
        match self.pace {
            Pace::Times(times) => self.outside.sleep(duration / times.max(1)).await,
            Pace::Virtual => {
                let seen = self.outside.now();
                let (wake, woken) = oneshot::channel();
                let bed = {
                    let mut inner = self.lock();
                    let until = TimeDelta::from_std(duration).ok().and_then(|d| inner.now.checked_add_signed(d));
                    let joined = who.map_or(u64::MAX, |id| id.0);
                    let key = (until.unwrap_or(Timestamp::MAX_UTC), joined, inner.take_id());
                    if let Some(participant) = who.and_then(|id| inner.participants.get_mut(&id)) {
                        participant.awake = false;
                        participant.last_seen = seen;
                    }
                    inner.sleepers.insert(key, Sleeper { participant: who, wake });
                    self.advance(&mut inner);
                    Bed { clock: self, key }
                };
                // An error means that the clock is gone, and with it every reason to wait.
                let _ = woken.await;
                drop(bed);
            }
        }
    }

    /// Holds the time while a request is answered.
    pub fn busy(self: &Arc<Self>) -> Busy {
        let now = self.outside.now();
        let mut inner = self.lock();
        inner.in_flight += 1;
        inner.last_request = now;
        drop(inner);
        Busy { clock: Arc::clone(self) }
    }

    /// Who takes part.
    pub fn participants(&self) -> Vec<ParticipantView> {
        self.lock().participants.iter().map(view).collect()
    }

    /// Other processes that hold the time still while nothing at all has been heard for `patience` of the outer clock: they
    /// are dead or hang.
    pub fn silent(&self, patience: Duration) -> Vec<ParticipantView> {
        let patience = TimeDelta::from_std(patience).unwrap_or(TimeDelta::MAX);
        let now = self.outside.now();
        let inner = self.lock();
        if inner.in_flight > 0 || now - inner.last_request <= patience {
            return Vec::new();
        }
        let silent = inner.participants.iter().filter(|(_, p)| p.remote && p.awake && now - p.last_seen > patience);
        silent.map(view).collect()
    }

    /// Jumps and wakes one sleeper if nobody is awake and no request is being answered.
    fn advance(&self, inner: &mut Inner) {
        if self.pace != Pace::Virtual {
            return;
        }
        while inner.in_flight == 0 && inner.participants.values().all(|p| !p.awake) {
            let Some(((at, ..), sleeper)) = inner.sleepers.pop_first() else { return };
            inner.now = inner.now.max(at);
            // A sleeper whose future was dropped at this very moment does not wake.
            if sleeper.wake.send(()).is_err() {
                continue;
            }
            match sleeper.participant.and_then(|id| inner.participants.get_mut(&id)) {
                Some(participant) => {
                    participant.awake = true;
                    participant.last_seen = self.outside.now();
                }
                // Nobody holds the time for one who takes no part: wake the next.
                None => continue,
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // No code panics while it holds the lock; if it did, the time would still be right.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn view((id, participant): (&ParticipantId, &Participant)) -> ParticipantView {
    ParticipantView { id: *id, name: participant.name.clone(), awake: participant.awake }
}

impl Inner {
    fn take_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id - 1
    }
}

/// Ends a sleep that is given up.
struct Bed<'c> {
    clock: &'c WorldClock,
    key: BedKey,
}

impl Drop for Bed<'_> {
    fn drop(&mut self) {
        let now = self.clock.outside.now();
        let mut inner = self.clock.lock();
        if let Some(sleeper) = inner.sleepers.remove(&self.key) {
            // Whoever gives a sleep up goes on working.
            if let Some(participant) = sleeper.participant.and_then(|id| inner.participants.get_mut(&id)) {
                participant.awake = true;
                participant.last_seen = now;
            }
        }
    }
}

/// Holds the time until it is dropped.
pub struct Busy {
    clock: Arc<WorldClock>,
}

impl Drop for Busy {
    fn drop(&mut self) {
        let now = self.clock.outside.now();
        let mut inner = self.clock.lock();
        inner.in_flight -= 1;
        inner.last_request = now;
        self.clock.advance(&mut inner);
    }
}

/// A participant in the sandbox's own process: the clock of a drill's director and of whatever it runs. Leaves when dropped.
pub struct LocalParticipant {
    clock: Arc<WorldClock>,
    id: ParticipantId,
}

impl LocalParticipant {
    /// Joins `clock`.
    pub fn join(clock: &Arc<WorldClock>, name: &str) -> Self {
        Self { clock: Arc::clone(clock), id: clock.join(name, false) }
    }
}

impl Drop for LocalParticipant {
    fn drop(&mut self) {
        self.clock.leave(self.id);
    }
}

#[async_trait]
impl Clock for LocalParticipant {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    async fn sleep(&self, duration: Duration) {
        self.clock.sleep(Some(self.id), duration).await;
    }
}
