//! The ways in which stolen keys are abused, as plans of requests. A drill sends them over HTTP with the stolen key.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::catalog;
use crate::domain::usage::Tokens;

/// The shapes of abuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Shape {
    /// 20 to 100 times the key's mean rate, for two hours.
    Spike,
    /// 3 to 5 times the mean rate, for six hours.
    Moderate,
    /// A quarter of the mean rate, doubled every 30 minutes up to 100 times, for six hours.
    Ramp,
    /// Half to all of the mean rate, for eight hours of each of seven nights. Begin it in the quietest hours.
    Drip,
    /// Five minutes of 20 to 50 times the mean rate every hour, for twelve hours.
    HourlyBursts,
    /// 0.20 to 5 USD a minute for an hour, on a key that nobody uses.
    Dormant,
    /// 3 to 20 times the mean rate for an hour, on a model that the key never used.
    NewModel,
    /// A tiny probe on a model that the key never used, and 12 to 24 hours later 1.50 to 7.50 USD a minute for one to four
    /// hours: how reported thefts went.
    Incident,
    /// One small request with a key that was planted to be stolen.
    Canary,
    /// A job's ordinary day within ten minutes, when no job runs.
    UnregisteredRun,
    /// Ten small tries within ten minutes with a standby that is not active; each is refused.
    LeakedStandby,
}

impl Shape {
    /// Every shape.
    pub const ALL: [Self; 11] = [
        Self::Spike,
        Self::Moderate,
        Self::Ramp,
        Self::Drip,
        Self::HourlyBursts,
        Self::Dormant,
        Self::NewModel,
        Self::Incident,
        Self::Canary,
        Self::UnregisteredRun,
        Self::LeakedStandby,
    ];

    /// Its name on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Spike => "spike",
            Self::Moderate => "moderate",
            Self::Ramp => "ramp",
            Self::Drip => "drip",
            Self::HourlyBursts => "hourly-bursts",
            Self::Dormant => "dormant",
            Self::NewModel => "new-model",
            Self::Incident => "incident",
            Self::Canary => "canary",
            Self::UnregisteredRun => "unregistered-run",
            Self::LeakedStandby => "leaked-standby",
        }
    }
}

impl std::str::FromStr for Shape {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|shape| shape.as_str() == text);
        found.ok_or_else(|| format!("known shapes are {}", Self::ALL.map(Self::as_str).join(", ")))
    }
}

/// What the attacker's requests are measured by.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// Mean input tokens of the key's owner a minute, over all minutes, silent ones included.
    pub input_per_minute: f64,
    /// Mean output tokens of the key's owner a minute.
    pub output_per_minute: f64,
    /// The model that the owner uses.
    pub model: String,
    /// A model that the owner never used.
    pub strange_model: String,
}

/// What the attacker sends in one minute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Strike {
    /// Minutes after the attack's beginning.
    pub minute: u32,
    /// The model.
    pub model: String,
    /// Input tokens, at least 1.
    pub input: u64,
    /// Output tokens, at least 1.
    pub output: u64,
}

const MINUTES_A_DAY: u32 = 24 * 60;

/// The plan of an attack, oldest minute first. The same seed gives the same plan.
pub fn plan(shape: Shape, target: &Target, seed: u64) -> Vec<Strike> {
    let mut random = StdRng::seed_from_u64(seed);
    let usual = |minute: u32, times: f64| Strike {
        minute,
        model: target.model.clone(),
        input: tokens(target.input_per_minute * times),
        output: tokens(target.output_per_minute * times),
    };
    let strange = |strike: Strike| Strike { model: target.strange_model.clone(), ..strike };
    match shape {
        Shape::Spike => {
            let times = random.random_range(20.0..100.0);
            (0..120).map(|minute| usual(minute, times)).collect()
        }
        Shape::Moderate => {
            let times = random.random_range(3.0..5.0);
            (0..360).map(|minute| usual(minute, times)).collect()
        }
        Shape::Ramp => {
            let times = |minute: u32| (0.25 * f64::from(minute / 30).exp2()).min(100.0);
            (0..360).map(|minute| usual(minute, times(minute))).collect()
        }
        Shape::Drip => {
            let times = random.random_range(0.5..1.0);
            let nights = (0..7).flat_map(|night| (0..480).map(move |minute| night * MINUTES_A_DAY + minute));
            nights.map(|minute| usual(minute, times)).collect()
        }
        Shape::HourlyBursts => {
            let times = random.random_range(20.0..50.0);
            let on = (0..12).flat_map(|hour| (0..5).map(move |minute| hour * 60 + minute));
            on.map(|minute| usual(minute, times)).collect()
        }
        Shape::Dormant => {
            let dollars = random.random_range(0.2..5.0);
            (0..60).map(|minute| worth(minute, &target.model, dollars)).collect()
        }
        Shape::NewModel => {
            let times = random.random_range(3.0..20.0);
            (0..60).map(|minute| strange(usual(minute, times))).collect()
        }
        Shape::Incident => {
            let begin = random.random_range(12 * 60..24 * 60);
            let length = random.random_range(60..240);
            let dollars = random.random_range(1.5..7.5);
            let probe = Strike { minute: 0, model: target.strange_model.clone(), input: 10, output: 5 };
            let burst = (begin..begin + length).map(|minute| worth(minute, &target.strange_model, dollars));
            std::iter::once(probe).chain(burst).collect()
        }
        Shape::Canary => vec![Strike { minute: 0, model: target.model.clone(), input: 10, output: 5 }],
        Shape::UnregisteredRun => {
            let times = f64::from(MINUTES_A_DAY) / 10.0;
            (0..10).map(|minute| usual(minute, times)).collect()
        }
        Shape::LeakedStandby => {
            (0..10).map(|minute| Strike { minute, model: target.model.clone(), input: 10, output: 5 }).collect()
        }
    }
}

fn tokens(count: f64) -> u64 {
    // A float-to-integer cast saturates and maps NaN to zero.
    (count.round() as u64).max(1)
}

/// A strike that costs `dollars`, with six times as much input as output.
fn worth(minute: u32, model: &str, dollars: f64) -> Strike {
    let sample = Tokens { uncached_input: 6_000, output: 1_000, ..Tokens::default() };
    let thousands = dollars / catalog::cost(model, &sample).dollars();
    Strike { minute, model: model.to_owned(), input: tokens(thousands * 6_000.0), output: tokens(thousands * 1_000.0) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::money::UsdMicros;

    fn target() -> Target {
        Target {
            input_per_minute: 600.0,
            output_per_minute: 100.0,
            model: "claude-sonnet-4-6".to_owned(),
            strange_model: "claude-opus-5".to_owned(),
        }
    }

    fn cost(strike: &Strike) -> UsdMicros {
        let tokens = Tokens { uncached_input: strike.input, output: strike.output, ..Tokens::default() };
        catalog::cost(&strike.model, &tokens)
    }

    #[test]
    fn plans_repeat_with_their_seed_and_go_forward_in_time() {
        for shape in Shape::ALL {
            for seed in 0..20 {
                let strikes = plan(shape, &target(), seed);
                assert_eq!(strikes, plan(shape, &target(), seed));
                assert!(!strikes.is_empty());
                assert!(strikes.windows(2).all(|w| w[0].minute < w[1].minute), "{}", shape.as_str());
                assert!(strikes.iter().all(|s| s.input > 0 && s.output > 0));
            }
            assert_eq!(shape.as_str().parse(), Ok(shape));
        }
        assert_ne!(plan(Shape::Spike, &target(), 1), plan(Shape::Spike, &target(), 2));
    }

    #[test]
    fn sizes_are_those_that_the_shapes_promise() {
        for seed in 0..50 {
            let spike = &plan(Shape::Spike, &target(), seed)[0];
            assert!((12_000..=60_000).contains(&spike.input), "{}", spike.input);
            for strike in plan(Shape::Dormant, &target(), seed) {
                assert!((0.19..5.01).contains(&cost(&strike).dollars()));
            }
            let incident = plan(Shape::Incident, &target(), seed);
            assert_eq!(incident[0].model, "claude-opus-5");
            assert!(cost(&incident[0]) < UsdMicros::parse("0.001").unwrap());
            assert!((720..1440).contains(&incident[1].minute));
            assert!((1.49..7.51).contains(&cost(&incident[1]).dollars()));
        }
        let ramp = plan(Shape::Ramp, &target(), 1);
        assert_eq!((ramp[0].input, ramp[30].input, ramp[359].input), (150, 300, 60_000));
    }

    #[test]
    fn an_unregistered_run_is_an_ordinary_day() {
        let run: u64 = plan(Shape::UnregisteredRun, &target(), 1).iter().map(|s| s.input).sum();
        assert_eq!(run, 600 * 1440);
    }
}
