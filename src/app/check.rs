//! `guard check`: one line and one of four states, in the manner of monitoring plugins.
//! <https://www.monitoring-plugins.org/doc/guidelines.html>

use std::time::Duration;

use super::sight::{Sight, sight};
use super::{App, custody};
use crate::domain::ids::WorkspaceName;
use crate::domain::ledger::{WhenBlind, Workspace};
use crate::domain::rotation::Custody;
use crate::ports::GateState;

/// The states of a monitoring plugin. Ordered by how loudly they ask for a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// All is well.
    Ok,
    /// Look soon.
    Warning,
    /// It cannot be said.
    Unknown,
    /// Jobs do not start, or something is owed.
    Critical,
}

impl Level {
    /// The word of the line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Warning => "WARNING",
            Self::Unknown => "UNKNOWN",
            Self::Critical => "CRITICAL",
        }
    }

    /// The exit status.
    pub const fn status(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Warning => 1,
            Self::Critical => 2,
            Self::Unknown => 3,
        }
    }
}

/// How many standbys there are, and should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standbys {
    /// Ready to be promoted.
    pub ready: u32,
    /// What the ledger asks for.
    pub wanted: u32,
}

/// Everything that `guard check` judges. What is not known is `None` and is left out of the line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Which workspace.
    pub workspace: WorkspaceName,
    /// Its gate.
    pub gate: GateState,
    /// Whether usage is seen.
    pub sight: Sight,
    /// The limit that `sight` was judged by.
    pub blind_after: Duration,
    /// What `guard exec` does when usage is not seen.
    pub when_blind: WhenBlind,
    /// The standbys.
    pub standbys: Option<Standbys>,
    /// Deactivations and deliveries that guard still owes.
    pub owed: Option<u32>,
}

/// Gathers the facts. Where the journal cannot be read, what it would tell stays unknown.
pub fn facts(app: &App, workspace: &Workspace) -> Facts {
    let custody = custody::load(app, &workspace.name).ok();
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let behind = |custody: &Custody| workspace.consumers.iter().filter(|c| !custody.converged(&c.name)).count();
    Facts {
        workspace: workspace.name.clone(),
        gate: app.gate.read(&workspace.name),
        sight: sight(app.watch_state.as_ref(), app.clock.now(), workspace.watch.blind_after),
        blind_after: workspace.watch.blind_after,
        when_blind: workspace.exec.when_blind,
        standbys: custody
            .as_ref()
            .map(|custody| Standbys { ready: count(custody.standbys().len()), wanted: workspace.rotation.standbys }),
        owed: custody.as_ref().map(|custody| count(custody.doomed().count() + behind(custody))),
    }
}

/// The judgement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The worst of all findings.
    pub level: Level,
    /// What was found, the worst first.
    pub text: String,
    /// `label=value;warn;crit;min` for graphs.
    pub perfdata: String,
}

impl Verdict {
    /// Nothing can be said, because of `why`.
    pub fn unknown(why: &str) -> Self {
        Self { level: Level::Unknown, text: why.to_owned(), perfdata: String::new() }
    }

    /// `GUARD OK - text | perfdata`. The bar separates, so it cannot be part of the text; nor can a line break.
    pub fn line(&self) -> String {
        let text: String = self.text.chars().map(|c| if c == '|' || c.is_control() { ' ' } else { c }).collect();
        let head = format!("GUARD {} - {text}", self.level.as_str());
        if self.perfdata.is_empty() { head } else { format!("{head} | {}", self.perfdata) }
    }
}

/// Judges the facts.
pub fn judge(facts: &Facts) -> Verdict {
    let mut findings = vec![gate(facts), polling(facts)];
    findings.extend(facts.owed.map(owed));
    findings.extend(facts.standbys.map(standbys));
    findings.sort_by_key(|(level, _)| std::cmp::Reverse(*level));
    let level = findings.first().map_or(Level::Unknown, |(level, _)| *level);
    let texts: Vec<String> = findings.into_iter().map(|(_, text)| text).collect();
    Verdict { level, text: format!("{}: {}", facts.workspace, texts.join(", ")), perfdata: perfdata(facts) }
}

fn gate(facts: &Facts) -> (Level, String) {
    match &facts.gate {
        GateState::Open { key, .. } => (Level::Ok, format!("gate open with {key}")),
        GateState::Closed { why } => (Level::Critical, format!("gate closed ({why})")),
    }
}

fn polling(facts: &Facts) -> (Level, String) {
    let level = match (&facts.sight, facts.when_blind) {
        (Sight::Clear { .. }, _) => Level::Ok,
        // Blind and closed: jobs do not start.
        (_, WhenBlind::FailClosed) => Level::Critical,
        (_, WhenBlind::FailOpen) => Level::Warning,
    };
    (level, facts.sight.to_string())
}

fn owed(count: u32) -> (Level, String) {
    match count {
        0 => (Level::Ok, "nothing owed".to_owned()),
        n => (Level::Warning, format!("{n} owed (see guard status)")),
    }
}

fn standbys(Standbys { ready, wanted }: Standbys) -> (Level, String) {
    let level = if ready < wanted { Level::Warning } else { Level::Ok };
    (level, format!("{ready} of {wanted} standbys ready"))
}

fn perfdata(facts: &Facts) -> String {
    let mut parts = vec![format!("gate_open={};;;0;1", u8::from(matches!(facts.gate, GateState::Open { .. })))];
    if let Sight::Clear { age } | Sight::Blind { age } = facts.sight {
        parts.push(format!("poll_age={}s;{};;0", age.num_seconds(), facts.blind_after.as_secs()));
    }
    parts.extend(facts.standbys.map(|s| format!("standbys={};{}:;;0", s.ready, s.wanted)));
    parts.extend(facts.owed.map(|n| format!("owed={n};0;;0")));
    parts.join(" ")
}
