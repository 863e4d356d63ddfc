//! `guard doctor`: everything that guard depends on, one named check after the other, each with a remedy.

mod depends;
mod host;

use serde::Serialize;

pub use depends::examine;
pub use host::{ClaudeSettings, StateDir, Surroundings, look_around};

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Grade {
    /// As it should be.
    Ok,
    /// guard works, but a promise is weaker than it could be.
    Warn,
    /// Something that guard promises does not hold now.
    Fail,
}

impl Grade {
    /// The word for people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "FAIL",
        }
    }
}

/// What one check found about one thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The check's name; stable.
    pub check: &'static str,
    /// How it ended.
    pub grade: Grade,
    /// What was found.
    pub text: String,
    /// What to do about it; none when all is well.
    pub remedy: Option<String>,
}

impl Finding {
    /// As it should be.
    pub fn ok(check: &'static str, text: impl Into<String>) -> Self {
        Self { check, grade: Grade::Ok, text: text.into(), remedy: None }
    }

    /// Weaker than it could be.
    pub fn warn(check: &'static str, text: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { check, grade: Grade::Warn, text: text.into(), remedy: Some(remedy.into()) }
    }

    /// Broken.
    pub fn fail(check: &'static str, text: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { check, grade: Grade::Fail, text: text.into(), remedy: Some(remedy.into()) }
    }
}
