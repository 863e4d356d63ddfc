use std::collections::BTreeSet;
use std::sync::LazyLock;

use guard::domain::ids::{ConsumerName, IncidentId, KeyId, WorkspaceId};
use guard::domain::incident::GateNote;
use guard::domain::rotation::{Custody, GateSeen, Holding, ProbeSeen, Seen, SetStatus, invariants};

/// Managed keys; the first is the active one at the beginning.
pub const KEYS: usize = 3;
/// The most consumers.
pub const SINKS: usize = 2;

/// A key's index.
pub type K = u8;

static KEY: LazyLock<[KeyId; KEYS]> =
    LazyLock::new(|| ["a", "b", "c"].map(|k| KeyId::new(format!("apikey_{k}")).unwrap()));
static SINK: LazyLock<[ConsumerName; SINKS]> = LazyLock::new(|| ["one", "two"].map(|c| ConsumerName::new(c).unwrap()));
/// The workspace of all keys.
pub static WORKSPACE: LazyLock<WorkspaceId> = LazyLock::new(|| WorkspaceId::new("wrkspc_1").unwrap());

pub fn key(k: K) -> &'static KeyId {
    &KEY[k as usize]
}

pub fn index(id: &KeyId) -> K {
    KEY.iter().position(|k| k == id).expect("only managed keys occur") as K
}

pub fn sink(i: usize) -> &'static ConsumerName {
    &SINK[i]
}

pub fn sink_index(name: &ConsumerName) -> usize {
    SINK.iter().position(|c| c == name).expect("only known consumers occur")
}

pub fn keys(set: u8) -> BTreeSet<KeyId> {
    (0..KEYS as K).filter(|k| set & (1 << k) != 0).map(|k| key(k).clone()).collect()
}

pub fn bits<'k>(ids: impl IntoIterator<Item = &'k KeyId>) -> u8 {
    ids.into_iter().fold(0, |set, id| set | 1 << index(id))
}

/// A key's state at the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    Active,
    Inactive,
    Archived,
}

/// The gate's files: what was opened last, if nobody has closed it since, and the note of the last trip. A note that is newer
/// than what was opened keeps the gate closed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct GateFile {
    pub opened: Option<(u64, K)>,
    /// The incident and the keys that it stops.
    pub note: (u64, u8),
}

impl GateFile {
    /// The key that it hands out.
    pub fn key(&self) -> Option<K> {
        self.opened.filter(|(generation, _)| self.note.0 <= *generation).map(|(_, k)| k)
    }

    pub fn close(&mut self, incident: u64, set: u8) {
        *self = Self { opened: None, note: (incident, set) };
    }
}

/// What a consumer has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Consumer {
    /// In its place; `None` is a secret that is not guard's.
    pub place: Option<K>,
    /// In its memory, since its last reload.
    pub memory: Option<K>,
    /// A person wrote to the place, and guard has not mended and reloaded it since.
    pub edited: bool,
}

/// Everything outside guard, as somebody sees it who sees everything.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct World {
    pub status: [Status; KEYS],
    /// Copies of activations that may still land.
    pub on: [u8; KEYS],
    /// Copies of deactivations that may still land.
    pub off: [u8; KEYS],
    /// Keys that a person has touched at the console.
    pub edited: u8,
    /// A key that the provider calls active and refuses.
    pub broken: Option<K>,
    pub consumers: Vec<Consumer>,
    /// The key of a job that was started through the gate and still runs.
    pub job: Option<K>,
    pub gate: GateFile,
    /// Keys that a trip's note in the gate has named: durable, so never forgotten.
    pub announced: u8,
}

impl World {
    pub fn new(broken: Option<K>, consumers: usize) -> Self {
        let mut status = [Status::Inactive; KEYS];
        status[0] = Status::Active;
        let consumer = Consumer { place: Some(0), memory: Some(0), edited: false };
        Self {
            status,
            on: [0; KEYS],
            off: [0; KEYS],
            edited: 0,
            broken,
            consumers: vec![consumer; consumers],
            job: None,
            gate: GateFile { opened: Some((0, 0)), note: (0, 0) },
            announced: 0,
        }
    }

    pub fn accepts(&self, k: K) -> bool {
        self.status[k as usize] == Status::Active && self.broken != Some(k)
    }

    /// A request takes effect. Nothing brings an archived key back.
    pub fn land(&mut self, k: K, status: SetStatus) {
        let now = &mut self.status[k as usize];
        match status {
            _ if *now == Status::Archived => {}
            SetStatus::Active => *now = Status::Active,
            SetStatus::Inactive => *now = Status::Inactive,
            SetStatus::Archived => *now = Status::Archived,
        }
    }

    pub fn wire(&mut self, k: K, status: SetStatus) -> &mut u8 {
        match status {
            SetStatus::Active => &mut self.on[k as usize],
            _ => &mut self.off[k as usize],
        }
    }

    pub fn seen(&self, id: &KeyId) -> Seen {
        match self.status[index(id) as usize] {
            Status::Active => Seen::Active,
            Status::Inactive => Seen::Inactive,
            Status::Archived => Seen::Final("archived".to_owned()),
        }
    }

    pub fn probed(&self, id: &KeyId) -> ProbeSeen {
        if self.accepts(index(id)) { ProbeSeen::Accepted(Some(WORKSPACE.clone())) } else { ProbeSeen::Refused }
    }

    pub fn held(&self, i: usize) -> Holding {
        self.consumers[i].place.map_or(Holding::Foreign, |k| Holding::Key(key(k).clone()))
    }

    pub fn gate_seen(&self) -> GateSeen {
        match (self.gate.key(), self.gate.opened) {
            (Some(k), Some((generation, _))) => GateSeen::Open(generation, key(k).clone()),
            _ => GateSeen::Closed(note(self.gate.note.0, self.gate.note.1)),
        }
    }

    /// Whether the feed may truly say that `old` is out of use and `new` in use.
    pub fn drained(&self, old: &KeyId, new: &KeyId) -> bool {
        let uses = |k: K| self.job == Some(k) || self.consumers.iter().any(|c| c.memory == Some(k));
        !uses(index(old)) && uses(index(new))
    }

    /// Promise 3: the gate is open, and a trip that closed it is not in the journal.
    pub fn lost_trip(&self, custody: &Custody) -> bool {
        let tripped = bits(custody.tripped());
        self.gate.key().is_some() && self.announced & !tripped != 0
    }

    fn excused(&self, k: K) -> bool {
        self.edited & (1 << k) != 0
    }

    /// The rules about the state in the world: S1, S10 and S11 by the invariants' own words, then what a consumer has in its
    /// memory and what a job was given, which count like places.
    pub fn check(&self, custody: &Custody, forced: bool) -> Result<(), &'static str> {
        invariants::world(custody, &self.outside()).map_err(|v| v.rule)?;
        let lost = |k: Option<K>| k.is_some_and(|k| !self.accepts(k) && !self.excused(k));
        let open = self.gate.key().is_some();
        // A person who forces the drain, and a trip, take jobs that still run with the old key into account.
        let stopped = |k: K| custody.key(key(k)).is_none_or(|r| r.tripped);
        let job = self.job.filter(|k| !forced && !stopped(*k));
        let fine = !open || !(lost(job) || self.consumers.iter().any(|c| !c.edited && lost(c.memory)));
        if fine { Ok(()) } else { Err("promise 1") }
    }

    pub fn outside(&self) -> invariants::World {
        let of = |holds: &dyn Fn(K) -> bool| (0..KEYS as K).filter(|k| holds(*k)).map(|k| key(k).clone()).collect();
        let held = self.consumers.iter().enumerate().filter(|(_, c)| !c.edited);
        invariants::World {
            accepted: of(&|k| self.accepts(k)),
            holders: held.filter_map(|(i, c)| Some((sink(i).clone(), key(c.place?).clone()))).collect(),
            gate: self.gate.key().map(|k| key(k).clone()),
            activating: of(&|k| self.on[k as usize] > 0),
            // The note in the gate backs what a trip has sent and not written down yet.
            deactivating: of(&|k| self.off[k as usize] > 0 && !self.noted(k)),
            edited: of(&|k| self.excused(k)),
        }
    }

    fn noted(&self, k: K) -> bool {
        self.gate.key().is_none() && self.gate.note.1 & (1 << k) != 0
    }
}

/// The text that a trip leaves in the gate.
pub fn note(incident: u64, set: u8) -> String {
    GateNote { incident: IncidentId(incident), keys: keys(set), sentence: String::new() }.to_string()
}
