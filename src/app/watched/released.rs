//! What a person has seen when the gate is opened again while the key lives on (`trip.mode = "gate"`): the same usage, as far as it
//! goes on, is no second incident; what comes after it is.

use serde::{Deserialize, Serialize};

use crate::domain::time::Minute;
use crate::domain::watch::episode::Episode;
use crate::domain::watch::{Finding, Judgement, Level, Rule};

/// The matter is over after this many minutes without a finding …
const OVER_AFTER: i64 = 60;
/// … and whatever goes on for this long after the gate was opened is said anew.
const AT_MOST: i64 = 6 * 60;

/// A gate that was opened again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Released {
    /// When.
    pub(super) at: Minute,
    /// What the person has seen: the rule of the episode that went on.
    rule: Option<Rule>,
    /// The newest minute at which it went on; `None` once it is over.
    going_on: Option<Minute>,
}

impl Released {
    /// A gate opened at `at`, with `episode` going on.
    pub(super) fn new(at: Minute, episode: Option<Episode>) -> Self {
        Self { at, rule: episode.map(|episode| episode.rule), going_on: Some(at) }
    }

    /// Whether the matter that the person saw is over before this judgement: up to which minute it is seen then.
    pub(super) fn ends(&mut self, judgement: &Judgement) -> Option<Minute> {
        let last = self.going_on?;
        let is_over = judgement.at.since(last) > OVER_AFTER || judgement.at.since(self.at) > AT_MOST;
        is_over.then(|| {
            self.going_on = None;
            last
        })
    }

    /// The matter that the person saw goes on: people hear of it, and nothing is stopped for it.
    pub(super) fn hold_back(&mut self, judgement: &mut Judgement) {
        let Some(last) = self.going_on else { return };
        for finding in judgement.findings.iter_mut().filter(|finding| self.rule.is_some_and(|rule| same(rule, finding)))
        {
            finding.level = finding.level.min(Level::Warn);
            self.going_on = Some(last.max(judgement.at));
        }
    }
}

/// The statistical rules speak for one another.
fn same(rule: Rule, finding: &Finding) -> bool {
    finding.rule == rule || finding.rule.is_statistical() && rule.is_statistical()
}
