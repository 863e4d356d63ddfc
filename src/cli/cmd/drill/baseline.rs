use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::cli::Failure;
use crate::domain::money::UsdMicros;
use crate::exit::Exit;
use crate::sandbox::score::{Outcome, Score};

/// The figures that this version was released with.
const BUILT_IN: &str = include_str!("../../../../config/drill-baseline.toml");

/// How much later anything may happen before it counts as worse: one poll of the watchdog.
const SLACK_SECONDS: i64 = 60;

/// How much more may be lost before it counts as worse: what a poll costs of the six minutes that a theft usually takes.
const SLACK_LOSS: f64 = 1.2;

const PREFACE: &str =
    "# What `guard drill --all` measured, and what later versions may not be worse than. Times are in seconds of the
# sandbox's time. Written by `guard drill --all --write-baseline FILE`.

";

/// The figures of every theft, for one seed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    /// What varies follows from it, so that other seeds have other figures.
    pub seed: u64,
    /// One theft each.
    #[serde(rename = "drill", default)]
    pub drills: Vec<Figures>,
}

/// The figures of one theft.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Figures {
    /// The theft's name.
    pub name: String,
    /// What became of it.
    pub outcome: Outcome,
    /// Until people were told.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub told_seconds: Option<i64>,
    /// Until the gate closed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub gate_seconds: Option<i64>,
    /// Until guard asked for the key to be stopped.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub detect_seconds: Option<i64>,
    /// Until the key was refused.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub revoke_seconds: Option<i64>,
    /// What the thief spent.
    pub lost_usd: UsdMicros,
}

impl Figures {
    /// The figures of a score.
    pub fn of(name: &str, score: &Score) -> Self {
        Self {
            name: name.to_owned(),
            outcome: score.outcome,
            told_seconds: score.told_seconds,
            gate_seconds: score.gate_seconds,
            detect_seconds: score.detect_seconds,
            revoke_seconds: score.revoke_seconds,
            lost_usd: score.lost_usd,
        }
    }

    /// In which figures `now` is worse than this, in words.
    fn worse(&self, now: &Self) -> Vec<String> {
        let mut worse = Vec::new();
        if now.outcome < self.outcome {
            worse.push(format!("{}, {} before", now.outcome.as_str(), self.outcome.as_str()));
        }
        let times = [
            ("time until people were told", self.told_seconds, now.told_seconds),
            ("time to the closed gate", self.gate_seconds, now.gate_seconds),
            ("time to detect", self.detect_seconds, now.detect_seconds),
            ("time to effective revocation", self.revoke_seconds, now.revoke_seconds),
        ];
        for (what, before, now) in times {
            match (before, now) {
                (Some(before), Some(now)) if now > before + SLACK_SECONDS => {
                    worse.push(format!("{what} is {now} s, {before} s before"));
                }
                (Some(before), None) => worse.push(format!("{what}: never, {before} s before")),
                _ => {}
            }
        }
        if now.lost_usd > self.lost_usd.scale(SLACK_LOSS) {
            worse.push(format!("lost {}, {} before", now.lost_usd, self.lost_usd));
        }
        worse
    }
}

impl Baseline {
    /// From a file, or the built-in one.
    pub fn read(path: Option<&Path>) -> Result<Self, Failure> {
        let (name, text) = match path {
            None => ("the built-in baseline".to_owned(), BUILT_IN.to_owned()),
            Some(path) => {
                let name = path.display().to_string();
                let text = std::fs::read_to_string(path);
                let missing = |error| Failure::new(Exit::Config, format!("{name} cannot be read: {error}"));
                (name.clone(), text.map_err(missing)?)
            }
        };
        toml::from_str(&text).map_err(|error| {
            Failure::new(Exit::Config, format!("{name} is no baseline: {error}"))
                .hint("`guard drill --all --write-baseline FILE` writes one")
        })
    }

    /// Its text.
    pub fn to_text(&self) -> Result<String, Failure> {
        let text = toml::to_string(self).map_err(|error| Failure::new(Exit::Internal, error.to_string()))?;
        Ok(format!("{PREFACE}{text}"))
    }

    /// What got worse since then, each with the theft's name. A theft that was not played before cannot be worse; one that
    /// is not played any more is.
    pub fn worse(&self, now: &[Figures]) -> Vec<String> {
        let mut worse = Vec::new();
        for before in &self.drills {
            match now.iter().find(|figures| figures.name == before.name) {
                Some(now) => worse.extend(before.worse(now).into_iter().map(|what| format!("{}: {what}", before.name))),
                None => worse.push(format!("{}: was not played to its end", before.name)),
            }
        }
        worse
    }
}

#[cfg(test)]
mod tests {
    use super::super::scene::Scene;
    use super::*;

    fn figures() -> Figures {
        Figures {
            name: "spike".to_owned(),
            outcome: Outcome::Stopped,
            told_seconds: Some(340),
            gate_seconds: Some(339),
            detect_seconds: Some(339),
            revoke_seconds: Some(344),
            lost_usd: UsdMicros::from_dollars(10),
        }
    }

    fn worse(now: Figures) -> Vec<String> {
        Baseline { seed: 1, drills: vec![figures()] }.worse(&[now])
    }

    #[test]
    fn what_is_as_good_or_better_or_a_poll_later_is_not_worse() {
        assert_eq!(worse(figures()), [""; 0]);
        let better = Figures { revoke_seconds: Some(10), lost_usd: UsdMicros::ZERO, ..figures() };
        assert_eq!(worse(better), [""; 0]);
        let later = Figures { revoke_seconds: Some(404), lost_usd: UsdMicros::from_dollars(12), ..figures() };
        assert_eq!(worse(later), [""; 0]);
        assert_eq!(worse(Figures { outcome: Outcome::Worthless, ..figures() }), [""; 0]);
    }

    #[test]
    fn whatever_gets_worse_is_named() {
        let cases = [
            (Figures { outcome: Outcome::Warned, ..figures() }, "spike: warned, stopped before"),
            (Figures { told_seconds: None, ..figures() }, "spike: time until people were told: never, 340 s before"),
            (Figures { gate_seconds: Some(400), ..figures() }, "spike: time to the closed gate is 400 s, 339 s before"),
            (Figures { detect_seconds: Some(400), ..figures() }, "spike: time to detect is 400 s, 339 s before"),
            (
                Figures { revoke_seconds: Some(405), ..figures() },
                "spike: time to effective revocation is 405 s, 344 s before",
            ),
            (Figures { lost_usd: UsdMicros::from_dollars(13), ..figures() }, "spike: lost $13.00, $10.00 before"),
        ];
        for (now, expected) in cases {
            assert_eq!(worse(now), [expected]);
        }
        let none = Baseline { seed: 1, drills: vec![figures()] }.worse(&[]);
        assert_eq!(none, ["spike: was not played to its end"]);
    }

    #[test]
    fn the_built_in_baseline_knows_every_theft() {
        let baseline = Baseline::read(None).unwrap();
        let names: Vec<&str> = baseline.drills.iter().map(|figures| figures.name.as_str()).collect();
        let played: Vec<String> = Scene::all().iter().map(Scene::name).collect();
        assert_eq!(names, played);
        assert_eq!(toml::from_str::<Baseline>(&baseline.to_text().unwrap()).unwrap(), baseline);
    }
}
