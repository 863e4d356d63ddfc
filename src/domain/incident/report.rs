use serde::{Deserialize, Serialize};

use super::{Hint, Loss, Moments, RedactedLedger, UsageSeries};
use crate::domain::ids::{IncidentId, Principal, WorkspaceId, WorkspaceName};
use crate::domain::key::KeyStatus;
use crate::domain::money::UsdMicros;
use crate::domain::run::Run;
use crate::domain::time::Timestamp;
use crate::domain::usage::Tokens;

/// How far the response has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Observe mode or a drill: nothing was stopped.
    Simulated,
    /// The key is not yet proven dead.
    Acting,
    /// The key is dead; a person has yet to close the incident.
    Contained,
    /// Closed by a person.
    Resolved,
}

impl Standing {
    /// One or two words for people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Simulated => "Simulated",
            Self::Acting => "Not yet contained",
            Self::Contained => "Contained",
            Self::Resolved => "Resolved",
        }
    }
}

/// What a principal has to do with the incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// It was abused, or was exposed together with one that was.
    Compromised,
    /// It has taken over.
    Replacement,
    /// It was used in the same workspace.
    Bystander,
}

impl Part {
    /// One word for people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Compromised => "compromised",
            Self::Replacement => "replacement",
            Self::Bystander => "bystander",
        }
    }
}

/// A principal and its part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Involved {
    /// Who.
    pub principal: Principal,
    /// What may be shown of the key.
    pub hint: Option<Hint>,
    /// Its part.
    pub part: Part,
    /// Its state at the provider when the report was made, if known.
    pub status: Option<KeyStatus>,
}

/// A figure behind a verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figure {
    /// What is measured: "cost in 15 minutes".
    pub name: String,
    /// Its value with its unit: "$18.40".
    pub value: String,
}

/// Why guard tripped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// The rule's name in the ledger, or `person` for a trip by hand.
    pub rule: String,
    /// What happened, as a full sentence.
    pub sentence: String,
    /// The figures that the verdict stands on.
    pub figures: Vec<Figure>,
}

/// How an action ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It took effect.
    Done,
    /// It certainly had no effect.
    Failed,
    /// Nobody knows; it is settled by looking.
    Unknown,
    /// It goes on.
    Pending,
}

impl Outcome {
    /// One word for people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::Pending => "pending",
        }
    }
}

/// Something that guard, a person or the provider did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: String,
    /// What.
    pub what: String,
    /// How it ended.
    pub outcome: Outcome,
    /// Figures or reasons; may be empty.
    pub detail: String,
}

/// Abnormal and normal usage of the window by model and tier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BreakdownLine {
    /// The model's id as reported: text from outside.
    pub model: String,
    /// `standard`, `batch`, …: text from outside.
    pub tier: Option<String>,
    /// This principal never used it before, or the ledger does not allow it.
    pub foreign: bool,
    /// Tokens by class.
    pub tokens: Tokens,
    /// Estimated cost.
    pub cost: UsdMicros,
}

/// What the provider answered to a request of the response.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderResponse {
    /// When the answer (or the time-out) came.
    pub at: Timestamp,
    /// Method and path, without query: `POST /v1/organizations/api_keys/apikey_…`.
    pub request: String,
    /// HTTP status; `None` when no answer came.
    pub status: Option<u16>,
    /// The provider's own id of the request, for its support desk.
    pub request_id: Option<String>,
    /// What it means: "the key is inactive".
    pub meaning: String,
}

/// The newest record of the evidence log, when the report was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceHead {
    /// Its sequence number.
    pub seq: u64,
    /// Its hash, hexadecimal.
    pub hash: String,
}

/// A stretch of the evidence log without gaps, so that its chain can be verified by itself.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct EvidenceExcerpt {
    /// Canonical JSON lines exactly as stored, oldest first, without line ends.
    pub records: Vec<String>,
    /// The head of the whole log.
    pub head: Option<EvidenceHead>,
}

/// Who carries the load now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum Failover {
    /// The policy says no, or a person must act first.
    None {
        /// What to do, for people: "create a key named … in workspace … and run `guard key add`".
        remedy: String,
    },
    /// A standby is on its way to the consumers.
    Underway {
        /// The standby.
        hint: Hint,
        /// Consumers that hold it already, and all of them.
        delivered: (u32, u32),
    },
    /// Every consumer holds the standby and the provider accepts it.
    Complete {
        /// The standby.
        hint: Hint,
    },
}

/// Everything that a report about one incident says. Text in it may come from outside and is made harmless where it is shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IncidentReport {
    /// Its number within the workspace.
    pub incident: IncidentId,
    /// The workspace's name in the ledger.
    pub workspace: WorkspaceName,
    /// What the provider calls it.
    pub workspace_id: Option<WorkspaceId>,
    /// `prod`, `staging`, …
    pub environment: String,
    /// How far the response has come.
    pub standing: Standing,
    /// When the report was made.
    pub generated_at: Timestamp,
    /// The version of guard that made it.
    pub guard_version: String,
    /// Who was involved, the compromised first.
    pub involved: Vec<Involved>,
    /// Why guard tripped.
    pub cause: Cause,
    /// When each step happened.
    pub moments: Moments,
    /// Everything that was done, oldest first.
    pub timeline: Vec<Action>,
    /// Usage against baseline around the incident.
    pub usage: UsageSeries,
    /// Money.
    pub loss: Loss,
    /// Usage since the onset, the dearest first.
    pub breakdown: Vec<BreakdownLine>,
    /// What the provider answered, oldest first.
    pub provider_responses: Vec<ProviderResponse>,
    /// Runs that were in progress, oldest first.
    pub runs: Vec<Run>,
    /// Proof.
    pub evidence: EvidenceExcerpt,
    /// The ledger of that time.
    pub ledger: RedactedLedger,
    /// Who carries the load now.
    pub failover: Failover,
    /// What nobody knows yet, as questions.
    pub open_questions: Vec<String>,
}
