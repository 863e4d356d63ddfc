use serde::Serialize;

use crate::domain::ids::{KeyId, WorkspaceName};
use crate::domain::notice::Severity;

/// What findings can be about. The id of each is stable: scripts and tickets refer to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    /// The provider does not have the ledger's workspace.
    WorkspaceMissing,
    /// The ledger does not have the provider's workspace.
    WorkspaceUnknown,
    /// The provider calls it something else.
    WorkspaceRenamed,
    /// Archived: every key in it is dead.
    WorkspaceArchived,
    /// Nobody answers for it, or nobody has said so for long.
    OwnerMissing,
    /// An exception for a model has run out.
    ExceptionOver,
    /// Fewer standbys than the policy wants.
    StandbysFew,
    /// A key that guard does not answer for can be used.
    KeyUnknown,
    /// A key of an unknown kind: good for every workspace.
    KeyWithoutScope,
    /// A key that belongs to a person.
    KeyOfPerson,
    /// One key serves several workspaces.
    KeyShared,
    /// A managed key that the provider does not have any more, or has somewhere else.
    KeyMisplaced,
    /// The key that consumers are meant to hold is off.
    ActiveKeyOff,
    /// A standby is on.
    StandbyOn,
    /// A dead key is on again.
    DeadKeyOn,
    /// Older than the rotation interval.
    KeyOld,
    /// It stops by itself soon.
    KeyExpiring,
    /// No use was ever recorded.
    KeyNeverUsed,
    /// Not used for long.
    KeyIdle,
    /// A consumer holds another key than it should, or cannot be read.
    ConsumerDiffers,
}

impl Topic {
    /// `L001` and so on. Never reused for another meaning.
    pub const fn id(self) -> &'static str {
        match self {
            Self::WorkspaceMissing => "L001",
            Self::WorkspaceUnknown => "L002",
            Self::WorkspaceRenamed => "L003",
            Self::WorkspaceArchived => "L004",
            Self::OwnerMissing => "L005",
            Self::ExceptionOver => "L006",
            Self::StandbysFew => "L007",
            Self::KeyUnknown => "L010",
            Self::KeyWithoutScope => "L011",
            Self::KeyOfPerson => "L012",
            Self::KeyShared => "L013",
            Self::KeyMisplaced => "L014",
            Self::ActiveKeyOff => "L020",
            Self::StandbyOn => "L021",
            Self::DeadKeyOn => "L022",
            Self::KeyOld => "L023",
            Self::KeyExpiring => "L024",
            Self::KeyNeverUsed => "L025",
            Self::KeyIdle => "L026",
            Self::ConsumerDiffers => "L030",
        }
    }
}

/// One thing that is not as it should be. Texts are printable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The topic's id.
    pub id: &'static str,
    /// How bad it is. From `warning` on somebody should act.
    pub severity: Severity,
    /// The workspace in the ledger, if it is in there.
    pub workspace: Option<WorkspaceName>,
    /// The key, if it is about one.
    pub key: Option<KeyId>,
    /// What it is about, for people.
    pub subject: String,
    /// What is the matter, in one sentence.
    pub message: String,
    /// What to do: a command where there is one.
    pub remedy: String,
}

impl Finding {
    /// About a workspace of the ledger.
    pub(super) fn of_workspace(
        topic: Topic,
        severity: Severity,
        workspace: &WorkspaceName,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            id: topic.id(),
            severity,
            workspace: Some(workspace.clone()),
            key: None,
            subject: workspace.to_string(),
            message: message.into(),
            remedy: remedy.into(),
        }
    }
}
