use std::ops::Range;

use serde::Serialize;
use serde_json::Value;

use super::problem::{Level, Problem};

/// A field as it holds, whether it was typed or not.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Setting {
    /// `workspace[prod].rotation.drain`.
    pub field: String,
    /// As it would be typed, in JSON.
    pub value: Value,
    /// Nobody typed it.
    pub default: bool,
}

/// Problems and settings as they are found, with what is needed to turn a byte offset into line and column.
#[derive(Debug, Default)]
pub(super) struct Notes<'t> {
    text: &'t str,
    line_starts: Vec<usize>,
    problems: Vec<Problem>,
    /// Only kept when somebody wants to see them.
    settings: Option<Vec<Setting>>,
}

impl<'t> Notes<'t> {
    /// For the ledger `text`.
    pub(super) fn of(text: &'t str) -> Self {
        let line_starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { text, line_starts, problems: Vec::new(), settings: None }
    }

    /// Notes that keep settings when these do, for reading a table that is not there.
    pub(super) fn scratch(&self) -> Notes<'static> {
        Notes { settings: self.settings.as_ref().map(|_| Vec::new()), ..Notes::default() }
    }

    /// Takes over the settings of `other`, and nothing else.
    pub(super) fn adopt_settings(&mut self, other: Notes<'_>) {
        if let (Some(settings), Some(more)) = (&mut self.settings, other.settings) {
            settings.extend(more);
        }
    }

    /// Adds a setting if they are kept.
    pub(super) fn setting(&mut self, field: impl FnOnce() -> String, value: impl FnOnce() -> Value, default: bool) {
        if let Some(settings) = &mut self.settings {
            settings.push(Setting { field: field(), value: value(), default });
        }
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
        let at = self.problems.len();
        self.problems.push(problem);
        &mut self.problems[at]
    }

    fn position(&self, offset: usize) -> (usize, usize) {
        let line = self.line_starts.partition_point(|start| *start <= offset).max(1);
        let start = self.line_starts.get(line - 1).copied().unwrap_or(0);
        let column = self.text.get(start..offset).map_or(0, |before| before.chars().count());
        (line, column + 1)
    }

    /// Whether the ledger must be refused.
    pub(super) fn any_error(&self) -> bool {
        self.problems.iter().any(|p| p.level == Level::Error)
    }

    /// The settings so far, in the order of the parser; none are kept any more.
    pub(super) fn take_settings(&mut self) -> Option<Vec<Setting>> {
        self.settings.take()
    }

    /// Goes on with `settings`.
    pub(super) fn put_settings(&mut self, settings: Option<Vec<Setting>>) {
        self.settings = settings;
    }

    /// Every problem, in the order of the file.
    pub(super) fn sorted(mut self) -> Vec<Problem> {
        self.problems.sort_by_key(|p| (p.span.start, p.span.end));
        self.problems
    }
}
