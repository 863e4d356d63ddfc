use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Barrier, Mutex, MutexGuard};

use chrono::{DateTime, TimeDelta};
use guard::domain::ids::{ConsumerName, KeyId, WorkspaceId, WorkspaceName};
use guard::domain::incident::GateNote;
use guard::domain::key::KeyStatus;
use guard::domain::notice::Notice;
use guard::domain::rotation::{Custody, invariants};
use guard::domain::run::Run;
use guard::domain::secret::Secret;
use guard::domain::time::Timestamp;
use guard::domain::usage::UsageRow;
use guard::ports::{EvidenceDraft, FaultPoint, GateState, Recorded};

/// What the process dies of when a fault point is armed.
pub struct Crash;

/// How the provider treats the next request that changes a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// It does it and says so.
    Answered,
    /// It never arrives, and nobody says so.
    Lost,
    /// It takes effect, and the answer is lost.
    AnswerLost,
    /// The answer is lost, and it takes effect this much later.
    Late(TimeDelta),
    /// The answer is lost, and it takes effect twice: now, and this much later.
    Repeated(TimeDelta),
    /// It is refused for certain.
    Refused,
}

/// A key at the provider.
#[derive(Debug, Clone)]
pub struct ProviderKey {
    pub secret: String,
    pub status: KeyStatus,
    pub created_at: Timestamp,
    pub workspace: WorkspaceId,
    /// When the status last changed.
    pub changed_at: Timestamp,
}

/// Everything that outlives a process, behind one lock.
#[derive(Default)]
pub struct State {
    pub now: Timestamp,
    pub keys: BTreeMap<KeyId, ProviderKey>,
    pub in_flight: Vec<(Timestamp, KeyId, KeyStatus)>,
    pub requests: VecDeque<Request>,
    /// The provider does not answer at all.
    pub down: bool,
    /// A change of status acts on requests only after this long.
    pub effect_delay: TimeDelta,
    /// Keys that a person changed and guard has not dealt with yet.
    pub edited: BTreeSet<KeyId>,
    pub sent: Vec<(KeyId, KeyStatus)>,
    pub vault: BTreeMap<String, String>,
    pub held: BTreeMap<ConsumerName, String>,
    /// A person wrote a managed key into a consumer's place; guard cannot answer for what it finds there.
    pub meddled: bool,
    /// Consumers that can only be written.
    pub write_only: BTreeSet<ConsumerName>,
    /// Consumers that cannot be reached.
    pub unreachable: BTreeSet<ConsumerName>,
    /// Consumers whose reload never ends.
    pub hanging: BTreeSet<ConsumerName>,
    pub gates: BTreeMap<WorkspaceName, GateState>,
    pub journal: BTreeMap<WorkspaceName, Vec<Recorded>>,
    /// The fold of each journal so far; the use cases fold for themselves.
    pub folded: BTreeMap<WorkspaceName, Custody>,
    pub evidence: Vec<EvidenceDraft>,
    pub notices: Vec<Notice>,
    pub disk_full: bool,
    /// Stages whose hooks were run, with the keys and the status that they were told.
    pub hooks: Vec<(&'static str, String, String, String)>,
    /// The process dies when the hooks of this stage have run, and before it knows.
    pub dies_in_hook: Option<&'static str>,
    /// Stages whose next hooks fail, and how often.
    pub hooks_fail: BTreeMap<&'static str, u32>,
    /// Programs that were run, with the incident that they were told.
    pub programs: Vec<(String, String)>,
    /// What the next programs end with, instead of success.
    pub programs_fail: u32,
    pub usage: Vec<UsageRow>,
    pub runs: Vec<Run>,
    pub armed: Option<(FaultPoint, u32)>,
    /// The next process stands still for this long at the next passing of the point, as one that is stopped or suspended.
    pub stalled: Option<(FaultPoint, TimeDelta)>,
    /// The next process that passes the point waits there: twice at the barrier, on arrival and to go on.
    pub held_up: Option<(FaultPoint, Arc<Barrier>)>,
    pub reached: BTreeMap<&'static str, u32>,
    pub broken: Vec<String>,
    pub leased: BTreeSet<WorkspaceName>,
}

/// The world; clones share it.
#[derive(Clone)]
pub struct World(Arc<Mutex<State>>);

/// `apikey_NAME`.
pub fn id(name: &str) -> KeyId {
    KeyId::new(format!("apikey_{name}")).unwrap()
}

/// The secret of `apikey_NAME`.
pub fn secret(name: &str) -> Secret {
    Secret::new(secret_text(name)).unwrap()
}

pub fn secret_text(name: &str) -> String {
    let filler = "x".repeat(60);
    format!("sk-ant-api03-{name:x<6}{filler}-{name:x>6}AA")
}

impl World {
    /// A world with these keys, active, in the test workspace.
    pub fn new(keys: &[&str]) -> Self {
        let world = Self(Arc::new(Mutex::new(State {
            now: DateTime::from_timestamp(1_790_000_000, 0).unwrap(),
            ..State::default()
        })));
        for key in keys {
            world.mint(key);
        }
        world
    }

    /// A person makes a key in the Console.
    pub fn mint(&self, name: &str) {
        let mut state = self.lock();
        let now = state.now;
        state.keys.insert(
            id(name),
            ProviderKey {
                secret: secret_text(name),
                status: KeyStatus::Active,
                created_at: now,
                workspace: WorkspaceId::new("wrkspc_test").unwrap(),
                changed_at: now - TimeDelta::days(1),
            },
        );
    }

    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Time passes; what was travelling arrives.
    pub fn pass(&self, time: TimeDelta) {
        let mut state = self.lock();
        state.now += time;
        state.land();
    }

    /// A person changes a key in the Console.
    pub fn edit(&self, name: &str, status: KeyStatus) {
        let mut state = self.lock();
        let now = state.now;
        let key = state.keys.get_mut(&id(name)).unwrap();
        (key.status, key.changed_at) = (status, now);
        state.edited.insert(id(name));
    }

    /// The workload uses whatever the consumers hold, and the feed shows it.
    pub fn use_keys(&self) {
        let mut state = self.lock();
        state.use_keys();
    }

    /// The next process will die at the `nth` passing of `point`.
    pub fn arm(&self, point: FaultPoint, nth: u32) {
        let mut state = self.lock();
        state.armed = Some((point, nth));
    }

    pub fn disarm(&self) {
        self.lock().armed = None;
    }

    /// The state that the journal folds to.
    pub fn custody(&self, workspace: &WorkspaceName) -> Custody {
        self.lock().custody(workspace)
    }

    /// What consumers hold, by key id.
    pub fn held(&self) -> BTreeMap<ConsumerName, KeyId> {
        self.lock().holders()
    }

    pub fn status(&self, name: &str) -> KeyStatus {
        self.lock().keys[&id(name)].status.clone()
    }

    /// Every broken promise so far; the list is emptied.
    pub fn broken(&self) -> Vec<String> {
        std::mem::take(&mut self.lock().broken)
    }
}

impl State {
    pub fn land(&mut self) {
        let now = self.now;
        let (due, rest): (Vec<_>, Vec<_>) = self.in_flight.drain(..).partition(|(at, ..)| *at <= now);
        self.in_flight = rest;
        for (_, key, status) in due {
            self.set(&key, status);
        }
    }

    pub fn set(&mut self, key: &KeyId, status: KeyStatus) {
        let now = self.now;
        if let Some(found) = self.keys.get_mut(key)
            && found.status != status
            && found.status != KeyStatus::Archived
        {
            (found.status, found.changed_at) = (status, now);
        }
    }

    pub fn use_keys(&mut self) {
        use guard::domain::ids::Principal;
        use guard::domain::time::Minute;
        use guard::domain::usage::{Billing, Tokens};
        for key in self.holders().into_values().collect::<BTreeSet<_>>() {
            if self.works(&key) {
                self.usage.push(UsageRow {
                    minute: Minute::containing(self.now),
                    principal: Principal::Key(key),
                    workspace: None,
                    model: "model".to_owned(),
                    billing: Billing::default(),
                    tokens: Tokens { output: 5, ..Tokens::default() },
                });
            }
        }
    }

    /// Whether the provider accepts requests with the key now.
    pub fn works(&self, key: &KeyId) -> bool {
        self.keys.get(key).is_some_and(|k| {
            let acted = self.now - k.changed_at >= self.effect_delay;
            (k.status == KeyStatus::Active) == acted
        })
    }

    pub fn holders(&self) -> BTreeMap<ConsumerName, KeyId> {
        let of = |text: &String| self.keys.iter().find(|(_, k)| k.secret == *text).map(|(id, _)| id.clone());
        self.held.iter().filter_map(|(name, text)| Some((name.clone(), of(text)?))).collect()
    }

    pub fn custody(&self, workspace: &WorkspaceName) -> Custody {
        self.folded.get(workspace).cloned().unwrap_or_default()
    }

    /// The world in the terms of the invariants.
    pub fn observed(&self, workspace: &WorkspaceName) -> invariants::World {
        let travelling = |status: &KeyStatus| {
            self.in_flight.iter().filter(|(.., s)| s == status).map(|(_, key, _)| key.clone()).collect()
        };
        invariants::World {
            accepted: self.keys.keys().filter(|k| self.works(k)).cloned().collect(),
            holders: if self.meddled { BTreeMap::new() } else { self.holders() },
            gate: match self.gates.get(workspace) {
                Some(GateState::Open { key, .. }) => Some(key.clone()),
                _ => None,
            },
            activating: travelling(&KeyStatus::Active),
            deactivating: travelling(&KeyStatus::Inactive),
            edited: self.edited.clone(),
        }
    }

    /// Notes every promise that is broken at this moment.
    pub fn check(&mut self, at: &str) {
        let workspaces: Vec<WorkspaceName> = self.journal.keys().cloned().collect();
        for workspace in workspaces {
            let custody = self.custody(&workspace);
            let mut world = self.observed(&workspace);
            // The first request of a trip is backed by the note in the closed gate: the journal may not take it yet.
            if let Some(GateState::Closed { why }) = self.gates.get(&workspace) {
                let noted = GateNote::parse(why).map(|n| n.keys).unwrap_or_default();
                world.deactivating.retain(|key| !noted.contains(key));
            }
            let results = [invariants::state(&custody), invariants::world(&custody, &world)];
            let violations = results.into_iter().filter_map(Result::err);
            self.broken.extend(violations.map(|violation| format!("{at}: {violation}")));
        }
    }
}
