//! What is wrong with a ledger, as data. Nothing here prints; `cli::diagnostics` does.

use std::ops::Range;

use serde::Serialize;

/// How bad a [`Problem`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// The ledger is used; somebody should look.
    Warning,
    /// The ledger is refused.
    Error,
}

/// One thing that is wrong with the ledger's text, where, and what to do. Texts are printable: what was typed is escaped
/// and cut, and a secret is never quoted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// How bad it is.
    pub level: Level,
    /// Bytes of the file.
    pub span: Range<usize>,
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    /// `workspace[prod].rotation.drain`; empty when no field is meant (syntax).
    pub field: String,
    /// What is wrong.
    pub message: String,
    /// What may stand there.
    pub allowed: Option<String>,
    /// What to do.
    pub suggestion: String,
    /// Another place that belongs to it, and why: "first used here".
    pub related: Option<(Range<usize>, &'static str)>,
}

impl Problem {
    /// Says what may stand there.
    pub(super) fn allowed(&mut self, allowed: impl Into<String>) -> &mut Self {
        self.allowed = Some(allowed.into());
        self
    }

    /// Points at another place.
    pub(super) fn related(&mut self, span: Range<usize>, why: &'static str) -> &mut Self {
        self.related = Some((span, why));
        self
    }
}
