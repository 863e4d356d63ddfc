use crate::domain::ids::NotifierName;
use crate::domain::message::Phase;
use crate::domain::notice::Notice;
use crate::domain::time::Timestamp;
use crate::ports::StoreError;

/// A notice on its way to one notifier.
#[derive(Debug, Clone, PartialEq)]
pub struct OutboxEntry {
    /// Number in the outbox.
    pub id: u64,
    /// What to say.
    pub notice: Notice,
    /// To whom.
    pub notifier: NotifierName,
    /// Failed attempts so far.
    pub attempts: u32,
    /// Not before.
    pub next_attempt: Timestamp,
    /// The matter's name that the notifier was told before; this is a repetition.
    pub told_as: Option<String>,
}

/// What became of entries.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome<'a> {
    /// The other side has it.
    Told {
        /// What it said.
        answer: &'a str,
        /// The matter's name that it was told.
        thread: &'a str,
        /// It is to be told again at this time.
        again: Option<Timestamp>,
    },
    /// The notifier need not be told, or not again.
    Skipped {
        /// Why.
        why: &'a str,
    },
    /// Not before this time; nothing was tried.
    Held {
        /// When.
        until: Timestamp,
    },
    /// Tried without success.
    Failed {
        /// What happened.
        why: &'a str,
        /// When to try again, or never.
        next: Option<Timestamp>,
    },
}

/// How it goes with one notifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelRecord {
    /// Which.
    pub notifier: NotifierName,
    /// How many notices wait because they could not be delivered yet.
    pub waiting: u64,
    /// The oldest of these.
    pub oldest: Option<Timestamp>,
    /// When something was last delivered, and what the other side answered.
    pub last_told: Option<(Timestamp, String)>,
    /// Why the newest attempt failed, while something waits for the next one.
    pub failing: Option<String>,
}

/// Notices that wait to be delivered, at least once. Fan-out to notifiers happens when a notice is first seen by `due`; a
/// notifier that joins the ledger later is not told old news. A notice without an evidence head gets the newest one.
pub trait Outbox: Send + Sync {
    /// Queues notices outside a journal commit; a known `dedup` is not added again.
    fn enqueue(&self, notices: &[Notice]) -> Result<(), StoreError>;
    /// Entries that are due at `now`, for the given notifiers, oldest first.
    fn due(&self, notifiers: &[NotifierName], now: Timestamp) -> Result<Vec<OutboxEntry>, StoreError>;
    /// Writes down what became of these entries, all or none.
    fn settle(&self, entries: &[u64], at: Timestamp, outcome: &Outcome<'_>) -> Result<(), StoreError>;
    /// The notice that opened the entry's matter on the entry's notifier, and the matter's name that the notifier was told; `None` when
    /// it was not told, or has been told of its end since.
    fn opening(&self, entry: u64) -> Result<Option<(Notice, String)>, StoreError>;
    /// What has happened to the entry's matter since the entry was written: it has ended, or else somebody has acknowledged it.
    fn taken(&self, entry: u64) -> Result<Option<Phase>, StoreError>;
    /// How many matters that the notifier was told under this name have not ended.
    fn open_under(&self, notifier: &NotifierName, thread: &str) -> Result<u64, StoreError>;
    /// How many wait because they could not be delivered yet, and the oldest's time.
    fn backlog(&self) -> Result<(u64, Option<Timestamp>), StoreError>;
    /// How it goes with each of these notifiers.
    fn channels(&self, notifiers: &[NotifierName]) -> Result<Vec<ChannelRecord>, StoreError>;
    /// Forgets notices older than `before` that wait for nobody, and says how many.
    fn prune(&self, before: Timestamp) -> Result<u64, StoreError>;
}
