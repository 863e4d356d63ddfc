//! How a drill went, judged from the sandbox's own request log: what was sent, answered and spent, whatever guard says of itself.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use super::log::{Line, Plane};
use crate::domain::ids::KeyId;
use crate::domain::money::UsdMicros;
use crate::domain::time::Timestamp;

/// What the job's own requests call themselves in the log.
pub const PIPELINE: &str = "pipeline";
/// What the attacker's requests call themselves.
pub const ATTACKER: &str = "attacker";

/// The longest that a kill may take after the provider is back: one step of its retries (five minutes, stretched by up to a
/// quarter) and the poll that takes it.
pub const KILL_AFTER_RECOVERY: TimeDelta = TimeDelta::seconds(375 + 60);
/// The longest silence towards people while a kill is not confirmed.
pub const REMIND_WITHIN: TimeDelta = TimeDelta::minutes(10);

/// What the drill did, as far as the log cannot know it.
#[derive(Debug, Clone)]
pub struct Plot {
    /// The key that was replaced under traffic, in stories that have a rotation.
    pub replaced: Option<KeyId>,
    /// The key that was stolen.
    pub stolen: KeyId,
    /// From here on every deactivation is guard's own decision; before, standbys were put to rest.
    pub watched_from: Timestamp,
    /// When the abuse began. A probe before it is stolen usage, but no harm yet.
    pub harm_from: Timestamp,
    /// When the gate was seen closed, at the latest.
    pub gate_closed_at: Option<Timestamp>,
    /// What the thief would have spent, had nobody stopped him: the whole plan at the sandbox's prices.
    pub planned_loss: UsdMicros,
    /// From when until when the provider took no orders.
    pub outage: Option<(Timestamp, Timestamp)>,
}

/// What became of a theft. Ordered from the worst to the best.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Nobody was told, nothing was stopped.
    Unnoticed,
    /// People were told; nothing was stopped.
    Warned,
    /// The key was stopped.
    Stopped,
    /// The key never worked for the thief.
    Worthless,
}

impl Outcome {
    /// The word for machines.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unnoticed => "unnoticed",
            Self::Warned => "warned",
            Self::Stopped => "stopped",
            Self::Worthless => "worthless",
        }
    }
}

/// The figures of a drill. Durations are in seconds of the sandbox's time; `None` means that it never happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Score {
    /// What became of the theft.
    pub outcome: Outcome,
    /// From the first stolen request, a probe included, until people were told of it as a warning or worse.
    pub told_seconds: Option<i64>,
    /// From the beginning of the abuse until the gate was seen closed.
    pub gate_seconds: Option<i64>,
    /// From the beginning of the abuse to guard's request to deactivate the stolen key, taken or not.
    pub detect_seconds: Option<i64>,
    /// From the beginning of the abuse to the first refusal of the stolen key, whoever used it.
    pub revoke_seconds: Option<i64>,
    /// What the thief spent.
    pub lost_usd: UsdMicros,
    /// What the thief would have spent without guard.
    pub lost_without_guard_usd: UsdMicros,
    /// Requests of the thief that were answered.
    pub stolen_requests: usize,
    /// Requests of the thief that were refused.
    pub refused_requests: usize,
    /// Requests of the job that were refused or not answered.
    pub failed_requests: usize,
    /// Requests of the job in all.
    pub pipeline_requests: usize,
    /// Deactivations of keys that were neither replaced nor stolen.
    pub false_trips: usize,
    /// The replaced key's deactivation was accepted, and no request with it succeeded from two minutes later on. `None` in
    /// a story without a rotation.
    pub replaced_key_dead: Option<bool>,
    /// Requests of the job that succeeded after the stolen key was refused, with another key.
    pub resumed_requests: usize,
    /// How it went while the provider took no orders, in stories that have that.
    pub outage: Option<Outage>,
}

/// A trip that the provider could not carry out for a while.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Outage {
    /// How long it lasted.
    pub seconds: i64,
    /// From its end until guard's request was accepted.
    pub kill_seconds_after: Option<i64>,
    /// The longest time for which people heard nothing while the kill was not confirmed.
    pub longest_silence_seconds: i64,
    /// People were told that the key is dead before it was.
    pub announced_early: bool,
}

impl Outage {
    fn passed(&self) -> bool {
        self.kill_seconds_after.is_some_and(|s| (0..=KILL_AFTER_RECOVERY.num_seconds()).contains(&s))
            && self.longest_silence_seconds <= REMIND_WITHIN.num_seconds()
            && !self.announced_early
    }
}

impl Score {
    /// Whether everything went as guard promises, where it promises `least`.
    pub fn passed(&self, least: Outcome) -> bool {
        let stopped = self.gate_seconds.is_some()
            && self.detect_seconds.is_some()
            && self.revoke_seconds.is_some()
            && self.resumed_requests > 0
            // A thief who is done before anybody can know of him got what he wanted.
            && (self.lost_usd < self.lost_without_guard_usd || self.refused_requests == 0);
        self.outcome >= least
            && (self.outcome != Outcome::Stopped || stopped)
            && self.failed_requests == 0
            && self.pipeline_requests > 0
            && self.false_trips == 0
            && self.replaced_key_dead != Some(false)
            && self.outage.as_ref().is_none_or(Outage::passed)
    }
}

/// Judges the log.
pub fn score(lines: &[Line], plot: &Plot) -> Score {
    let by = |actor: &'static str| {
        lines.iter().filter(move |l| l.plane == Plane::Inference && l.actor.as_deref() == Some(actor))
    };
    let struck: Vec<&Line> = by(ATTACKER).filter(|l| accepted(l)).collect();
    let first = struck.first().map(|l| l.at);
    // A thief who was stopped at his probe never came to the abuse.
    let harm = struck.iter().find(|l| l.at >= plot.harm_from).map(|l| l.at).or(first);
    let refused = death(lines, &plot.stolen, harm).map(|l| l.at);
    let since_harm = |at: Option<Timestamp>| Some((at? - harm?).num_seconds());
    let orders: Vec<&Line> = lines.iter().filter(|l| l.at >= plot.watched_from && orders_off(l)).collect();
    let ordered = |key: &KeyId| orders.iter().find(|l| l.key.as_ref() == Some(key) && accepted(l)).map(|l| l.at);
    let tried = orders.iter().find(|l| is_about(l, &plot.stolen)).map(|l| l.at);
    let told = first.and_then(|first| told(lines, &plot.stolen).find(|l| l.at >= first).map(|l| l.at));
    let outcome = match (first, ordered(&plot.stolen), told) {
        (None, ..) => Outcome::Worthless,
        (Some(first), Some(at), _) if at >= first => Outcome::Stopped,
        (_, _, Some(_)) => Outcome::Warned,
        (_, _, None) => Outcome::Unnoticed,
    };
    Score {
        outcome,
        told_seconds: told.zip(first).map(|(told, first)| (told - first).num_seconds()),
        gate_seconds: since_harm(plot.gate_closed_at),
        detect_seconds: since_harm(tried),
        revoke_seconds: since_harm(refused),
        lost_usd: struck.iter().map(|l| l.cost_usd).sum(),
        lost_without_guard_usd: plot.planned_loss,
        stolen_requests: struck.len(),
        refused_requests: by(ATTACKER).filter(|l| !accepted(l)).count(),
        failed_requests: by(PIPELINE).filter(|l| !accepted(l)).count(),
        pipeline_requests: by(PIPELINE).count(),
        false_trips: orders
            .iter()
            .filter(|l| accepted(l) && l.key.as_ref() != plot.replaced.as_ref() && !is_about(l, &plot.stolen))
            .count(),
        replaced_key_dead: plot.replaced.as_ref().map(|key| ordered(key).is_some_and(|at| !used_after(lines, key, at))),
        resumed_requests: refused.map_or(0, |at| {
            by(PIPELINE).filter(|l| l.at > at && accepted(l) && l.key.as_ref() != Some(&plot.stolen)).count()
        }),
        outage: plot.outage.map(|(from, until)| {
            let killed = orders.iter().find(|l| is_about(l, &plot.stolen) && accepted(l) && l.at >= from);
            outage(lines, &plot.stolen, (from, until), killed.map(|l| l.at), refused)
        }),
    }
}

fn outage(
    lines: &[Line],
    stolen: &KeyId,
    (from, until): (Timestamp, Timestamp),
    killed: Option<Timestamp>,
    dead: Option<Timestamp>,
) -> Outage {
    let end = killed.unwrap_or(until);
    let heard = told(lines, stolen).map(|l| l.at).filter(|at| (from..end).contains(at));
    let moments: Vec<Timestamp> = std::iter::once(from).chain(heard).chain(std::iter::once(end)).collect();
    let silence = moments.windows(2).map(|pair| (pair[1] - pair[0]).num_seconds()).max().unwrap_or(0);
    let said_dead = |l: &&Line| people(l) && is_about(l, stolen) && note(l).contains(" key.dead: ");
    Outage {
        seconds: (until - from).num_seconds(),
        kill_seconds_after: killed.map(|at| (at - until).num_seconds()),
        longest_silence_seconds: silence,
        announced_early: lines.iter().filter(said_dead).any(|l| dead.is_none_or(|dead| l.at < dead)),
    }
}

/// What people were told about `key` as a warning or worse.
fn told<'l>(lines: &'l [Line], key: &'l KeyId) -> impl Iterator<Item = &'l Line> {
    let grave = |l: &Line| ["warning ", "critical "].iter().any(|severity| note(l).starts_with(severity));
    lines.iter().filter(move |l| people(l) && is_about(l, key) && grave(l))
}

fn people(line: &Line) -> bool {
    line.plane == Plane::People
}

fn note(line: &Line) -> &str {
    line.note.as_deref().unwrap_or_default()
}

fn is_about(line: &Line, key: &KeyId) -> bool {
    line.key.as_ref() == Some(key)
}

fn used_after(lines: &[Line], key: &KeyId, at: Timestamp) -> bool {
    let grace = TimeDelta::minutes(2);
    let used = |l: &Line| l.plane == Plane::Inference && is_about(l, key) && accepted(l);
    lines.iter().any(|l| used(l) && l.at > at + grace)
}

/// The first refusal of `key` after `since`: from then on it is proven dead.
pub fn death<'l>(lines: &'l [Line], key: &KeyId, since: Option<Timestamp>) -> Option<&'l Line> {
    let since = since?;
    lines.iter().find(|l| l.plane == Plane::Inference && l.status == 401 && is_about(l, key) && l.at >= since)
}

fn accepted(line: &Line) -> bool {
    (200..300).contains(&line.status)
}

/// An order to deactivate a key, whatever became of it.
fn orders_off(line: &Line) -> bool {
    line.plane == Plane::Admin && line.method == "POST" && note(line).split("; ").next() == Some("status inactive")
}

#[cfg(test)]
mod tests;
