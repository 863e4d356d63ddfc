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

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::domain::usage::Tokens;

    const OLD: &str = "apikey_old";
    const NEW: &str = "apikey_new";
    const STANDBY: &str = "apikey_standby";

    fn key(id: &str) -> KeyId {
        KeyId::new(id).unwrap()
    }

    /// So many seconds after the curtain rose.
    fn at(second: i64) -> Timestamp {
        "2026-11-21T18:00:00Z".parse::<Timestamp>().unwrap() + TimeDelta::seconds(second)
    }

    fn plot() -> Plot {
        let (replaced, stolen) = (key(OLD), key(NEW));
        Plot { replaced, stolen, watched_from: at(100), planned_loss: UsdMicros::from_dollars(50) }
    }

    fn line(second: i64, plane: Plane, status: u16, id: &str) -> Line {
        Line {
            seq: 0,
            at: at(second),
            plane,
            method: "POST".into(),
            path: "/".into(),
            status,
            request_id: String::new(),
            actor: None,
            key: Some(key(id)),
            workspace: None,
            model: None,
            tokens: Tokens::default(),
            cost_usd: UsdMicros::default(),
            note: None,
        }
    }

    fn message(second: i64, actor: &str, status: u16, id: &str) -> Line {
        let cost_usd = if status == 200 { UsdMicros::from_dollars(2) } else { UsdMicros::default() };
        Line { actor: Some(actor.into()), cost_usd, ..line(second, Plane::Inference, status, id) }
    }

    fn deactivation(second: i64, id: &str) -> Line {
        Line { note: Some("status inactive".into()), ..line(second, Plane::Admin, 200, id) }
    }

    /// A drill as it should go: the key is replaced, then its successor is stolen, stopped and replaced.
    fn good() -> Vec<Line> {
        vec![
            // A standby is put to rest before anybody watches.
            deactivation(50, STANDBY),
            message(110, PIPELINE, 200, OLD),
            message(120, PIPELINE, 200, NEW),
            deactivation(130, OLD),
            line(140, Plane::Inference, 401, OLD),
            message(1000, ATTACKER, 200, NEW),
            message(1060, ATTACKER, 200, NEW),
            deactivation(1070, NEW),
            message(1075, ATTACKER, 200, NEW),
            message(1080, ATTACKER, 401, NEW),
            message(1100, PIPELINE, 200, STANDBY),
        ]
    }

    fn without(gone: impl Fn(&Line) -> bool) -> Vec<Line> {
        good().into_iter().filter(|line| !gone(line)).collect()
    }

    fn with(more: Line) -> Vec<Line> {
        let mut lines = good();
        lines.push(more);
        lines.sort_by_key(|line| line.at);
        lines
    }

    #[test]
    fn every_figure_is_read_from_the_log() {
        let score = score(&good(), &plot());
        let expected = Score {
            detect_seconds: Some(70),
            revoke_seconds: Some(80),
            lost_usd: UsdMicros::from_dollars(6),
            lost_without_guard_usd: UsdMicros::from_dollars(50),
            failed_requests: 0,
            pipeline_requests: 3,
            false_trips: 0,
            replaced_key_dead: true,
            resumed_requests: 1,
        };
        assert_eq!(score, expected);
        assert!(score.passed());
    }

    #[test]
    fn a_theft_that_nobody_stops_does_not_pass() {
        let score = score(&without(|l| l.key == Some(key(NEW)) && (deactivates(l) || l.status == 401)), &plot());
        assert_eq!((score.detect_seconds, score.revoke_seconds, score.resumed_requests), (None, None, 0));
        assert!(!score.passed());
    }

    #[test]
    fn an_order_without_a_refusal_is_no_revocation() {
        let score = score(&without(|l| l.key == Some(key(NEW)) && l.status == 401), &plot());
        assert_eq!((score.detect_seconds, score.revoke_seconds), (Some(70), None));
        assert!(!score.passed());
    }

    #[test]
    fn a_refused_order_is_no_detection() {
        let mut lines = good();
        for line in lines.iter_mut().filter(|l| l.key == Some(key(NEW)) && l.plane == Plane::Admin) {
            line.status = 500;
        }
        let score = score(&lines, &plot());
        assert_eq!(score.detect_seconds, None);
        assert!(!score.passed());
    }

    #[test]
    fn a_refusal_before_the_theft_proves_nothing() {
        let mut lines = without(|l| l.status == 401);
        lines.insert(0, line(105, Plane::Inference, 401, NEW));
        assert_eq!(score(&lines, &plot()).revoke_seconds, None);
    }

    #[test]
    fn a_refused_or_withheld_request_of_the_job_does_not_pass() {
        for status in [0, 401, 429, 500] {
            let score = score(&with(message(115, PIPELINE, status, OLD)), &plot());
            assert_eq!((score.failed_requests, score.pipeline_requests), (1, 4), "{status}");
            assert!(!score.passed());
        }
    }

    #[test]
    fn a_job_that_never_ran_does_not_pass() {
        let score = score(&without(|l| l.actor.as_deref() == Some(PIPELINE)), &plot());
        assert_eq!((score.failed_requests, score.pipeline_requests), (0, 0));
        assert!(!score.passed());
    }

    #[test]
    fn a_deactivated_bystander_does_not_pass() {
        let score = score(&with(deactivation(1090, STANDBY)), &plot());
        assert_eq!(score.false_trips, 1);
        assert!(!score.passed());
    }

    #[test]
    fn a_replaced_key_that_lives_on_does_not_pass() {
        let never = score(&without(|l| l.key == Some(key(OLD)) && deactivates(l)), &plot());
        assert!(!never.replaced_key_dead && !never.passed());
        let grace = score(&with(message(130 + 120, PIPELINE, 200, OLD)), &plot());
        assert!(grace.replaced_key_dead && grace.passed());
        let late = score(&with(message(130 + 121, PIPELINE, 200, OLD)), &plot());
        assert!(!late.replaced_key_dead && !late.passed());
    }

    #[test]
    fn a_job_that_does_not_resume_or_resumes_with_the_stolen_key_does_not_pass() {
        let silent = score(&without(|l| l.key == Some(key(STANDBY)) && l.plane == Plane::Inference), &plot());
        assert_eq!(silent.resumed_requests, 0);
        assert!(!silent.passed());
        let mut lines = without(|l| l.key == Some(key(STANDBY)) && l.plane == Plane::Inference);
        lines.push(message(1100, PIPELINE, 200, NEW));
        assert_eq!(score(&lines, &plot()).resumed_requests, 0);
    }

    #[test]
    fn a_thief_who_got_all_that_he_wanted_does_not_pass() {
        let score = score(&good(), &Plot { planned_loss: UsdMicros::from_dollars(6), ..plot() });
        assert_eq!(score.lost_usd, score.lost_without_guard_usd);
        assert!(!score.passed());
    }
}
