//! The status for a terminal: compact, aligned, no colour that would be missed.

use chrono::TimeDelta;

use super::mode_words;
use super::view::{ConsumerHolds, GateView, KeyView, Level, NotifierView, RotationView, StatusView, WorkspaceView};
use crate::domain::time::{Minute, Timestamp, humane, rfc3339};
use crate::report::harmless;
use crate::report::terminal_plot::{Charset, spark};

/// Characters for the name of a line.
const NAME: usize = 12;

/// The last verdicts of a workspace that are shown.
const VERDICTS: usize = 3;

/// The text, every line ended.
pub fn text(view: &StatusView, charset: Charset) -> String {
    let mut page = Page { lines: Vec::new(), now: view.generated_at, charset };
    let owed = view.owed();
    let summary = match owed.len() {
        0 => "nothing is owed".to_owned(),
        1 => "1 THING IS OWED".to_owned(),
        n => format!("{n} THINGS ARE OWED"),
    };
    page.lines.push(format!(
        "guard {}, {}: {summary}",
        harmless::short(&view.guard_version, 40),
        rfc3339(view.generated_at)
    ));
    for (workspace, obligation) in &owed {
        let place = workspace.map(|w| format!("{w}: ")).unwrap_or_default();
        page.lines.push(format!("! {place}{}{}", harmless::line(&obligation.what), page.ago(obligation.since)));
        if let Some(remedy) = &obligation.remedy {
            page.lines.push(format!("    {}", harmless::line(remedy)));
        }
    }
    page.lines.push(String::new());
    page.general(view);
    for workspace in &view.workspaces {
        page.lines.push(String::new());
        page.workspace(workspace);
    }
    page.lines.iter().map(|l| format!("{}\n", l.trim_end())).collect()
}

struct Page {
    lines: Vec<String>,
    now: Timestamp,
    charset: Charset,
}

impl Page {
    fn row(&mut self, name: &str, content: &str) {
        self.lines.push(format!("  {name:NAME$}{content}"));
    }

    /// `, for 3 h` since an instant in the past.
    fn ago(&self, since: Option<Timestamp>) -> String {
        since.map(|at| format!(", for {}", self.age(at))).unwrap_or_default()
    }

    fn age(&self, at: Timestamp) -> String {
        humane(self.now.signed_duration_since(at).max(TimeDelta::zero()))
    }

    fn used(&self, last: Option<Minute>) -> String {
        last.map_or_else(|| "never used".to_owned(), |m| format!("used {} ago", self.age(m.start())))
    }

    fn general(&mut self, view: &StatusView) {
        let newest =
            view.feed.newest.map_or_else(|| "no data yet".to_owned(), |m| format!("data {} old", self.age(m.end())));
        let poll = view
            .feed
            .last_good_poll
            .map_or_else(|| "never polled".to_owned(), |at| format!("polled {} ago", self.age(at)));
        let why = view.feed.why.as_deref().map(|w| format!(": {}", harmless::line(w))).unwrap_or_default();
        self.row("feed", &format!("{}, {newest}, {poll}{why}", view.feed.state.words()));
        self.notifiers(&view.notifiers);
        let head = view.evidence.as_ref().map_or_else(
            || "no record yet".to_owned(),
            |h| format!("{} records, head {}", h.seq, harmless::short(&h.hash, 16)),
        );
        self.row("evidence", &head);
        self.row("vault", &harmless::line(&view.vault));
    }

    fn notifiers(&mut self, notifiers: &NotifierView) {
        let waiting = match notifiers.waiting {
            0 => "none waiting".to_owned(),
            n => format!("{n} waiting{}", self.ago(notifiers.oldest)),
        };
        self.row("notices", &waiting);
        for channel in &notifiers.channels {
            let state = match (&channel.failing, channel.last_delivered) {
                (Some(why), _) => format!("FAILING: {}", harmless::line(why)),
                (None, Some(at)) => format!("delivered {} ago", self.age(at)),
                (None, None) => "not used yet".to_owned(),
            };
            self.row("", &format!("{}, {state}", harmless::short(&channel.name, 64)));
        }
    }

    fn workspace(&mut self, workspace: &WorkspaceView) {
        let mode = mode_words(workspace.mode);
        self.lines.push(format!("{} ({}, {mode})", workspace.name, harmless::short(&workspace.environment, 40)));
        let gate = match &workspace.gate {
            GateView::Open { generation: 0 } => "open, never tripped".to_owned(),
            GateView::Open { generation: 1 } => "open, 1 trip so far".to_owned(),
            GateView::Open { generation } => format!("open, {generation} trips so far"),
            GateView::Closed { why, since, .. } => format!("CLOSED: {}{}", harmless::line(why), self.ago(*since)),
        };
        self.row("gate", &gate);
        if let Some(rotation) = &workspace.rotation {
            self.rotation(rotation);
        }
        for (i, key) in workspace.keys.iter().enumerate() {
            let line = self.key(key);
            self.row(if i == 0 { "keys" } else { "" }, &line);
        }
        for (i, consumer) in workspace.consumers.iter().enumerate() {
            let holds = match &consumer.holds {
                ConsumerHolds::Current => "holds the active key".to_owned(),
                ConsumerHolds::Other { hint } => format!("HOLDS {hint}"),
                ConsumerHolds::Nothing => "HOLDS NO KEY".to_owned(),
                ConsumerHolds::Unreadable { why } => format!("CANNOT BE READ: {}", harmless::line(why)),
            };
            let line =
                format!("{:12} {holds}, {}", harmless::short(&consumer.name, 64), harmless::line(&consumer.what));
            self.row(if i == 0 { "consumers" } else { "" }, &line);
        }
        if let Some(usage) = &workspace.usage {
            let (spent, hours) = (usage.total(usage.from, usage.until), usage.minutes() / 60);
            self.row("usage", &format!("{}  {spent} in {hours} h", spark(usage, 48, self.charset)));
        }
        for (i, verdict) in workspace.verdicts.iter().filter(|v| v.level > Level::Ok).take(VERDICTS).enumerate() {
            let (when, word) = (self.age(verdict.at), verdict.level.words());
            let line = format!(
                "{word:6} {when} ago, {}: {}",
                harmless::short(&verdict.rule, 20),
                harmless::line(&verdict.sentence)
            );
            self.row(if i == 0 { "verdicts" } else { "" }, &line);
        }
    }

    fn rotation(&mut self, rotation: &RotationView) {
        let blocked = if rotation.blocked { "BLOCKED in " } else { "" };
        let until = rotation.until.map(|at| format!(", goes on at {}", rfc3339(at))).unwrap_or_default();
        self.row(
            "rotation",
            &format!(
                "{blocked}{}{}, waits for {}{until}",
                harmless::short(&rotation.phase, 20),
                self.ago(Some(rotation.since)),
                harmless::line(&rotation.waits_for)
            ),
        );
        if !rotation.can.is_empty() {
            self.row("", &format!("you can: {}", harmless::line(&rotation.can.join(" · "))));
        }
    }

    fn key(&self, key: &KeyView) -> String {
        let hint = key.hint.as_ref().map_or_else(|| "…".to_owned(), ToString::to_string);
        let status = key.status.as_ref().map_or("state not known", |s| s.as_str());
        let mut line =
            format!("{:8} {hint:5}  {}, {}", key.role.words(), harmless::short(status, 20), self.used(key.last_used));
        if let Some(made) = key.created_at {
            line.push_str(&format!(", made {} ago", self.age(made)));
        }
        if let Some(end) = key.expires_at {
            line.push_str(&format!(", expires {}", end.format("%Y-%m-%d")));
        }
        format!("{line}  {}", key.id)
    }
}
