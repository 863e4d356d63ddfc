//! How a drill went, judged from the sandbox's own request log: what was sent, answered and spent, whatever guard says of itself.

use serde::Serialize;

use super::log::{Line, Plane};
use crate::domain::ids::KeyId;
use crate::domain::money::UsdMicros;
use crate::domain::time::Timestamp;

/// What the job's own requests call themselves in the log.
pub const PIPELINE: &str = "pipeline";
/// What the attacker's requests call themselves.
pub const ATTACKER: &str = "attacker";

/// What the drill did, as far as the log cannot know it.
#[derive(Debug, Clone)]
pub struct Plot {
    /// The key that was replaced under traffic.
    pub replaced: KeyId,
    /// The key that was stolen.
    pub stolen: KeyId,
    /// From here on every deactivation is guard's own decision; before, standbys were put to rest.
    pub watched_from: Timestamp,
    /// What the thief would have spent, had nobody stopped him: the whole plan at the sandbox's prices.
    pub planned_loss: UsdMicros,
}

/// The figures of a drill. Durations are in seconds of the sandbox's time; `None` means that it never happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Score {
    /// From the first stolen request to guard's request to deactivate the stolen key.
    pub detect_seconds: Option<i64>,
    /// From the first stolen request to the first refusal of the stolen key, whoever used it.
    pub revoke_seconds: Option<i64>,
    /// What the thief spent.
    pub lost_usd: UsdMicros,
    /// What the thief would have spent without guard.
    pub lost_without_guard_usd: UsdMicros,
    /// Requests of the job that were refused or not answered.
    pub failed_requests: usize,
    /// Requests of the job in all.
    pub pipeline_requests: usize,
    /// Deactivations of keys that were neither replaced nor stolen.
    pub false_trips: usize,
    /// The replaced key's deactivation was accepted, and no request with it succeeded from two minutes later on.
    pub replaced_key_dead: bool,
    /// Requests of the job that succeeded after the stolen key was refused, with another key.
    pub resumed_requests: usize,
}

impl Score {
    /// Whether everything went as guard promises.
    pub fn passed(&self) -> bool {
        self.detect_seconds.is_some()
            && self.revoke_seconds.is_some()
            && self.failed_requests == 0
            && self.pipeline_requests > 0
            && self.false_trips == 0
            && self.replaced_key_dead
            && self.resumed_requests > 0
            && self.lost_usd < self.lost_without_guard_usd
    }
}

/// Judges the log.
pub fn score(lines: &[Line], plot: &Plot) -> Score {
    let by = |actor: &'static str| {
        lines.iter().filter(move |l| l.plane == Plane::Inference && l.actor.as_deref() == Some(actor))
    };
    let struck: Vec<&Line> = by(ATTACKER).collect();
    let first = struck.iter().find(|l| accepted(l)).map(|l| l.at);
    let refused = death(lines, &plot.stolen, first).map(|l| l.at);
    let since_first = |at: Option<Timestamp>| Some((at? - first?).num_seconds());
    let ordered: Vec<&Line> = lines.iter().filter(|l| l.at >= plot.watched_from && deactivates(l)).collect();
    let about = |key: &KeyId| ordered.iter().find(|l| l.key.as_ref() == Some(key)).map(|l| l.at);
    let replaced_at = about(&plot.replaced);
    let grace = chrono::TimeDelta::minutes(2);
    let used_after = |at: Timestamp| {
        lines.iter().any(|l| {
            l.plane == Plane::Inference && l.key.as_ref() == Some(&plot.replaced) && accepted(l) && l.at > at + grace
        })
    };
    Score {
        detect_seconds: since_first(about(&plot.stolen)),
        revoke_seconds: since_first(refused),
        lost_usd: struck.iter().map(|l| l.cost_usd).sum(),
        lost_without_guard_usd: plot.planned_loss,
        failed_requests: by(PIPELINE).filter(|l| !accepted(l)).count(),
        pipeline_requests: by(PIPELINE).count(),
        false_trips: ordered
            .iter()
            .filter(|l| l.key.as_ref() != Some(&plot.replaced) && l.key.as_ref() != Some(&plot.stolen))
            .count(),
        replaced_key_dead: replaced_at.is_some_and(|at| !used_after(at)),
        resumed_requests: refused.map_or(0, |at| {
            by(PIPELINE).filter(|l| l.at > at && accepted(l) && l.key.as_ref() != Some(&plot.stolen)).count()
        }),
    }
}

/// The first refusal of `key` after `since`: from then on it is proven dead.
pub fn death<'l>(lines: &'l [Line], key: &KeyId, since: Option<Timestamp>) -> Option<&'l Line> {
    let since = since?;
    lines
        .iter()
        .find(|l| l.plane == Plane::Inference && l.status == 401 && l.key.as_ref() == Some(key) && l.at >= since)
}

fn accepted(line: &Line) -> bool {
    (200..300).contains(&line.status)
}

fn deactivates(line: &Line) -> bool {
    line.plane == Plane::Admin
        && line.method == "POST"
        && accepted(line)
        && line.note.as_deref() == Some("status inactive")
}
