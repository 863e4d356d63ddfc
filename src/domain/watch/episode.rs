//! From single judgements to what people hear: an episode opens once, may become graver, and ends after a quiet time.

use serde::{Deserialize, Serialize};

use super::detector::Judgement;
use super::rule::Rule;
use super::verdict::{Level, Response, Verdict, sentence, severity};
use crate::domain::ids::Principal;
use crate::domain::time::Minute;

/// An episode ends after this many minutes without a finding of at least a warning: hysteresis, and the cool-down before the next one.
const QUIET: i64 = 6 * 60;

/// Something abnormal that goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Episode {
    /// The gravest level so far.
    pub level: Level,
    /// The rule that reached it first.
    pub rule: Rule,
    /// The first remarkable minute.
    pub since: Minute,
    /// The newest remarkable minute.
    pub last: Minute,
}

/// Takes a judgement into account: the episode afterwards, and whether people must hear of it now (it opened or became
/// graver).
pub fn advance(episode: Option<Episode>, judgement: &Judgement) -> (Option<Episode>, bool) {
    let Some(worst) = judgement.findings.first() else { return (episode, false) };
    let going_on = episode.filter(|e| judgement.at.since(e.last) <= QUIET);
    match going_on {
        None => {
            let opened = Episode { level: worst.level, rule: worst.rule, since: judgement.at, last: judgement.at };
            (Some(opened), true)
        }
        Some(before) if worst.level > before.level => {
            (Some(Episode { level: worst.level, rule: worst.rule, last: judgement.at, ..before }), true)
        }
        Some(before) => (Some(Episode { last: judgement.at, ..before }), false),
    }
}

/// The verdict for a judgement within its episode; `None` when nothing was found.
pub fn verdict(principal: &Principal, episode: Episode, judgement: &Judgement, response: Response) -> Option<Verdict> {
    let worst = judgement.findings.first()?;
    let mut also: Vec<Rule> = judgement.findings[1..].iter().map(|finding| finding.rule).collect();
    also.sort_unstable();
    also.dedup();
    also.retain(|rule| *rule != worst.rule);
    Some(Verdict {
        principal: principal.clone(),
        level: worst.level,
        rule: worst.rule,
        severity: severity(worst.level),
        // Rules that agree make it surer, but never certain.
        confidence: 1.0 - (1.0 - worst.confidence) * 0.8f64.powi(i32::try_from(also.len()).unwrap_or(0)),
        since: episode.since,
        at: judgement.at,
        figures: worst.figures.clone(),
        also,
        sentence: sentence(worst, episode.since, judgement.at, response),
    })
}

/// The same rule on several principals at once is one event: an outage that ends, a deployment, a leaked store of keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The rule.
    pub rule: Rule,
    /// The gravest level among them.
    pub level: Level,
    /// Whom it concerns, in order.
    pub principals: Vec<Principal>,
}

/// From how many principals on verdicts are grouped.
const GROUP_FROM: usize = 3;

/// Groups verdicts of one poll by rule; rules that concern fewer than three principals are left alone.
pub fn group<'v>(verdicts: impl Iterator<Item = &'v Verdict>) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for verdict in verdicts.filter(|v| v.level >= Level::Warn) {
        match groups.iter_mut().find(|group| group.rule == verdict.rule) {
            Some(group) => {
                group.level = group.level.max(verdict.level);
                group.principals.push(verdict.principal.clone());
            }
            None => groups.push(Group {
                rule: verdict.rule,
                level: verdict.level,
                principals: vec![verdict.principal.clone()],
            }),
        }
    }
    groups.retain(|group| group.principals.len() >= GROUP_FROM);
    for group in &mut groups {
        group.principals.sort();
    }
    groups
}
