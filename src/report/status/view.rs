use serde::{Deserialize, Serialize};

use crate::domain::ids::{IncidentId, KeyId, Principal, RotationId, WorkspaceName};
use crate::domain::incident::{EvidenceHead, Hint, UsageSeries, minute_text};
use crate::domain::key::KeyStatus;
use crate::domain::ledger::TripMode;
use crate::domain::time::{Minute, Timestamp};

/// How well guard sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeedState {
    /// Data is as new as the provider delivers it.
    Fresh,
    /// Older than usual, within the limit.
    Late,
    /// Beyond the limit, or never read: guard is blind.
    Blind,
}

impl FeedState {
    /// One word for people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Late => "late",
            Self::Blind => "BLIND",
        }
    }
}

/// The provider's usage report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedView {
    /// How well guard sees.
    pub state: FeedState,
    /// The newest minute known to be complete.
    #[serde(with = "minute_text::option", default)]
    pub newest: Option<Minute>,
    /// The last poll that was answered and understood.
    pub last_good_poll: Option<Timestamp>,
    /// What is wrong, if anything.
    pub why: Option<String>,
}

/// A channel to people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelView {
    /// Its name in the ledger.
    pub name: String,
    /// The last notice that the other side took.
    pub last_delivered: Option<Timestamp>,
    /// Why the newest notice was not taken, if it was not.
    pub failing: Option<String>,
}

/// Notices on their way to people.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct NotifierView {
    /// How many wait.
    pub waiting: u64,
    /// Since when the oldest waits.
    pub oldest: Option<Timestamp>,
    /// The channels.
    pub channels: Vec<ChannelView>,
}

/// The latch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum GateView {
    /// Jobs may start.
    Open {
        /// The trips so far.
        generation: u64,
    },
    /// Jobs may not start.
    Closed {
        /// Why, as far as is known.
        why: String,
        /// The incident to name in `guard rearm`.
        incident: Option<IncidentId>,
        /// Since when, if known.
        since: Option<Timestamp>,
    },
}

/// What a key is to its workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyRole {
    /// Consumers hold it.
    Active,
    /// It is on its way to the consumers.
    Incoming,
    /// It is being replaced and still works, until it is proven out of use.
    Outgoing,
    /// Prepared and inactive.
    Standby,
    /// It was replaced and is recoverable.
    Retired,
    /// It is owed a deactivation that the provider has not confirmed.
    Doomed,
    /// It was tripped and is proven dead.
    Tripped,
    /// Bait: any use of it is an alarm.
    Canary,
    /// The ledger does not know it.
    Stranger,
}

impl KeyRole {
    /// One word for people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Incoming => "incoming",
            Self::Outgoing => "outgoing",
            Self::Standby => "standby",
            Self::Retired => "retired",
            Self::Doomed => "DOOMED",
            Self::Tripped => "tripped",
            Self::Canary => "canary",
            Self::Stranger => "STRANGER",
        }
    }
}

/// A key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyView {
    /// Its id.
    pub id: KeyId,
    /// Its last characters.
    pub hint: Option<Hint>,
    /// What it is to the workspace.
    pub role: KeyRole,
    /// Its state at the provider when it was last read.
    pub status: Option<KeyStatus>,
    /// When it was made.
    pub created_at: Option<Timestamp>,
    /// When it stops by itself.
    pub expires_at: Option<Timestamp>,
    /// The newest minute in which it was used.
    #[serde(with = "minute_text::option", default)]
    pub last_used: Option<Minute>,
}

/// What a consumer holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum ConsumerHolds {
    /// The key that it is meant to hold.
    Current,
    /// Another key.
    Other {
        /// Which.
        hint: Hint,
    },
    /// No key.
    Nothing,
    /// It cannot be read back.
    Unreadable {
        /// Why.
        why: String,
    },
}

/// A place that a workload reads its key from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsumerView {
    /// Its name in the ledger.
    pub name: String,
    /// What it is and where.
    pub what: String,
    /// What it holds.
    pub holds: ConsumerHolds,
}

/// A rotation that is open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RotationView {
    /// Its number.
    pub id: RotationId,
    /// `staged`, `drain`, …
    pub phase: String,
    /// Since when it is in this phase.
    pub since: Timestamp,
    /// What it waits for, as the end of "waits for …".
    pub waits_for: String,
    /// When it goes on by itself, if it is only waiting for time to pass.
    pub until: Option<Timestamp>,
    /// It cannot go on without a person.
    pub blocked: bool,
    /// What a person may order now: commands.
    #[serde(default)]
    pub can: Vec<String>,
}

/// How serious a verdict is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Nothing.
    Ok,
    /// For the record.
    Notice,
    /// People are told.
    Warn,
    /// The key is stopped, as far as policy allows.
    Trip,
}

impl From<crate::domain::watch::Level> for Level {
    fn from(level: crate::domain::watch::Level) -> Self {
        use crate::domain::watch::Level as Judged;
        match level {
            Judged::Ok => Self::Ok,
            Judged::Notice => Self::Notice,
            Judged::Warn => Self::Warn,
            Judged::Trip => Self::Trip,
        }
    }
}

impl Level {
    /// One word for people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Notice => "notice",
            Self::Warn => "WARN",
            Self::Trip => "TRIP",
        }
    }
}

/// What a rule said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerdictView {
    /// When.
    pub at: Timestamp,
    /// Which rule.
    pub rule: String,
    /// How serious.
    pub level: Level,
    /// About whom.
    pub principal: Principal,
    /// The sentence that an operator needs.
    pub sentence: String,
}

/// Something that must still be done by guard or by a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Obligation {
    /// What, as a sentence.
    pub what: String,
    /// Since when.
    pub since: Option<Timestamp>,
    /// What a person can do: a command or a sentence.
    pub remedy: Option<String>,
}

/// One workspace.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WorkspaceView {
    /// Its name.
    pub name: WorkspaceName,
    /// `prod`, `staging`, …
    pub environment: String,
    /// What a trip may do.
    pub mode: TripMode,
    /// The latch.
    pub gate: GateView,
    /// The rotation that is open.
    pub rotation: Option<RotationView>,
    /// Its keys.
    pub keys: Vec<KeyView>,
    /// Its consumers.
    pub consumers: Vec<ConsumerView>,
    /// The last verdicts, the newest first.
    pub verdicts: Vec<VerdictView>,
    /// Recent usage against the baseline.
    pub usage: Option<UsageSeries>,
    /// What is owed beyond what the rest shows: deactivations, deliveries, a missing standby.
    pub obligations: Vec<Obligation>,
}

/// Everything that status shows. `--json` prints it as it is, with `schema`, `ok` and `owed` (see [`StatusView::json`]).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StatusView {
    /// When it was put together.
    pub generated_at: Timestamp,
    /// The version of guard.
    pub guard_version: String,
    /// Where the vault is, in words.
    pub vault: String,
    /// How well guard sees.
    pub feed: FeedView,
    /// Notices on their way.
    pub notifiers: NotifierView,
    /// The newest evidence record.
    pub evidence: Option<EvidenceHead>,
    /// A global stop that a person set, and why.
    pub hold: Option<String>,
    /// The workspaces, in the ledger's order.
    pub workspaces: Vec<WorkspaceView>,
    /// What is owed by no workspace in particular.
    pub obligations: Vec<Obligation>,
}

/// Notices that wait for longer than this are owed: people have not been told.
const NOTICE_PATIENCE_MINUTES: i64 = 10;

impl WorkspaceView {
    /// What is owed here: the listed obligations, and what the rest of the view implies.
    pub fn owed(&self) -> Vec<Obligation> {
        let mut owed = self.obligations.clone();
        // Without a key there is nothing to open the gate for, and the missing key is owed already.
        let awaits_first_key = self.keys.is_empty() && !self.obligations.is_empty();
        if let GateView::Closed { why, incident, since } = &self.gate
            && (incident.is_some() || !awaits_first_key)
        {
            let rearm =
                incident.map(|i| format!("guard rearm -w {} --incident {i} --cause TEXT --reason TEXT", self.name));
            owed.push(Obligation { what: format!("The gate is closed: {why}"), since: *since, remedy: rearm });
        }
        if let Some(rotation) = self.rotation.as_ref().filter(|r| r.blocked) {
            owed.push(Obligation {
                what: format!(
                    "Rotation {} is blocked in {}; it waits for {}",
                    rotation.id, rotation.phase, rotation.waits_for
                ),
                since: Some(rotation.since),
                remedy: Some(format!("guard rotate -w {} --status", self.name)),
            });
        }
        for key in self.keys.iter().filter(|k| k.role == KeyRole::Doomed) {
            owed.push(Obligation {
                what: format!("Key {} must be inactive and is not proven dead", key.id),
                since: None,
                remedy: Some("guard tick".to_owned()),
            });
        }
        for consumer in self.consumers.iter().filter(|c| c.holds != ConsumerHolds::Current) {
            owed.push(Obligation {
                what: format!("Consumer {} does not hold the key that it should", consumer.name),
                since: None,
                remedy: Some(format!("guard rotate -w {} --status", self.name)),
            });
        }
        owed
    }
}

impl StatusView {
    /// Everything that is owed, with the workspace it belongs to.
    pub fn owed(&self) -> Vec<(Option<&WorkspaceName>, Obligation)> {
        let mut owed: Vec<_> = self.obligations.iter().map(|o| (None, o.clone())).collect();
        if self.feed.state == FeedState::Blind {
            let why = self.feed.why.as_deref().unwrap_or("no usage data within the limit");
            let what = format!("guard is blind: {why}");
            owed.push((
                None,
                Obligation { what, since: self.feed.last_good_poll, remedy: Some("guard doctor".to_owned()) },
            ));
        }
        if let Some(why) = &self.hold {
            let what = format!("A person has put guard on hold: {why}");
            owed.push((None, Obligation { what, since: None, remedy: Some("guard hold --release".to_owned()) }));
        }
        let patience = chrono::TimeDelta::minutes(NOTICE_PATIENCE_MINUTES);
        if let Some(oldest) = self.notifiers.oldest.filter(|o| self.generated_at.signed_duration_since(*o) > patience) {
            let what = format!("{} notices have not reached anybody", self.notifiers.waiting);
            let remedy = Some("guard doctor".to_owned());
            owed.push((None, Obligation { what, since: Some(oldest), remedy }));
        }
        for workspace in &self.workspaces {
            owed.extend(workspace.owed().into_iter().map(|o| (Some(&workspace.name), o)));
        }
        owed
    }

    /// Nothing is owed: what `guard status --check` answers with exit status 0.
    pub fn is_calm(&self) -> bool {
        self.owed().is_empty()
    }

    /// The document of `--json`: the view, `schema`, `ok`, and `owed` as a list of all obligations with their workspace.
    ///
    /// # Errors
    /// Only what the serializer reports; the view has no key that is not text.
    pub fn json(&self) -> Result<serde_json::Value, serde_json::Error> {
        let mut document = serde_json::to_value(self)?;
        let owed = self.owed();
        document["schema"] = 1.into();
        document["ok"] = owed.is_empty().into();
        document["owed"] = owed
            .iter()
            .map(|(workspace, o)| {
                serde_json::json!({"workspace": workspace, "what": o.what, "since": o.since, "remedy": o.remedy})
            })
            .collect();
        Ok(document)
    }
}
