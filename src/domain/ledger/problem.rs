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

/// Problems as they are found, with what is needed to turn a byte offset into line and column.
#[derive(Debug, Default)]
pub(super) struct Problems<'t> {
    text: &'t str,
    line_starts: Vec<usize>,
    found: Vec<Problem>,
}

impl<'t> Problems<'t> {
    /// For the ledger `text`.
    pub(super) fn of(text: &'t str) -> Self {
        let line_starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { text, line_starts, found: Vec::new() }
    }

    /// Adds an error.
    pub(super) fn error(
        &mut self,
        span: Range<usize>,
        field: &str,
        message: impl Into<String>,
        suggestion: impl Into<String>,
    ) -> &mut Problem {
        self.add(Level::Error, span, field, message.into(), suggestion.into())
    }

    /// Adds a warning.
    pub(super) fn warning(
        &mut self,
        span: Range<usize>,
        field: &str,
        message: impl Into<String>,
        suggestion: impl Into<String>,
    ) -> &mut Problem {
        self.add(Level::Warning, span, field, message.into(), suggestion.into())
    }

    fn add(
        &mut self,
        level: Level,
        span: Range<usize>,
        field: &str,
        message: String,
        suggestion: String,
    ) -> &mut Problem {
        let (line, column) = self.position(span.start);
        let problem = Problem {
            level,
            span,
            line,
            column,
            field: field.to_owned(),
            message,
            allowed: None,
            suggestion,
            related: None,
        };
        let at = self.found.len();
        self.found.push(problem);
        &mut self.found[at]
    }

    fn position(&self, offset: usize) -> (usize, usize) {
        let line = self.line_starts.partition_point(|start| *start <= offset).max(1);
        let start = self.line_starts.get(line - 1).copied().unwrap_or(0);
        let column = self.text.get(start..offset).map_or(0, |before| before.chars().count());
        (line, column + 1)
    }

    /// Whether the ledger must be refused.
    pub(super) fn any_error(&self) -> bool {
        self.found.iter().any(|p| p.level == Level::Error)
    }

    /// Everything that was found, in the order of the file.
    pub(super) fn sorted(mut self) -> Vec<Problem> {
        self.found.sort_by_key(|p| (p.span.start, p.span.end));
        self.found
    }
}

/// `text` made printable and cut to a bearable length, for messages.
pub(super) fn shown(text: &str) -> String {
    let mut out: String = text.chars().take(48).flat_map(char::escape_debug).collect();
    if text.chars().nth(48).is_some() {
        out.push('…');
    }
    out
}

/// The word of `known` that was probably meant.
pub(super) fn nearest<'k>(typed: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    known
        .into_iter()
        .map(|word| (strsim::jaro_winkler(typed, word), word))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, word)| word)
}

/// `a`, `b` or `c`, each in backquotes.
pub(super) fn one_of<'k>(words: impl IntoIterator<Item = &'k str>) -> String {
    let quoted: Vec<String> = words.into_iter().map(|w| format!("`{w}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => "nothing".to_owned(),
    }
}
