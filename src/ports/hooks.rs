use std::path::Path;

use async_trait::async_trait;

/// When a hook runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HookStage {
    /// Before a rotation begins.
    Pre,
    /// When every consumer has the new key.
    Switch,
    /// After that, before anything is revoked.
    Verify,
    /// When a rotation is over.
    Post,
    /// When a trip was seen through.
    Incident,
}

impl HookStage {
    /// The directory's name without its ending, and the event's.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pre => "pre",
            Self::Switch => "switch",
            Self::Verify => "verify",
            Self::Post => "post",
            Self::Incident => "incident",
        }
    }
}

/// What hooks are told. Never a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookFacts {
    /// Variables beside the fixed environment.
    pub environment: Vec<(&'static str, String)>,
    /// One JSON document, for standard input.
    pub document: String,
}

/// A hook that did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("hook {hook}: {why}")]
pub struct HookFailed {
    /// Which, `verify.d/10-smoke`.
    pub hook: String,
    /// What happened, in words without secrets.
    pub why: String,
}

/// People's own programs at the turns of a rotation and after a trip.
#[async_trait]
pub trait Hooks: Send + Sync {
    /// Runs the programs of `STAGE.d` below `directory` in the byte order of their names, up to the first that does not succeed, and
    /// returns their names. A directory that is not there has none.
    async fn run(&self, directory: &Path, stage: HookStage, facts: &HookFacts) -> Result<Vec<String>, HookFailed>;
}
