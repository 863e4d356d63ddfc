use std::time::Duration;

use chrono::TimeDelta;
use serde_json::json;

use super::scene::{Runs, Victim};
use super::stage::{MODEL, STRANGE_MODEL, Stage};
use super::weather::Weather;
use crate::adapters::http::{Client, Limits, Request, Url};
use crate::cli::Failure;
use crate::domain::money::UsdMicros;
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;
use crate::domain::usage::Tokens;
use crate::exit::Exit;
use crate::ports::Clock;
use crate::sandbox::attack::{Shape, Strike, Target, plan};
use crate::sandbox::catalog;
use crate::sandbox::clock::LocalParticipant;
use crate::sandbox::score::ATTACKER;

/// Refusals in a row after which the thief gives up.
const PATIENCE: u32 = 5;

/// How long a thief has who strikes while a run is under way.
const WITHIN_RUN: u32 = 20;

/// What a thief would spend with this plan if nobody stopped him.
pub fn worth(strikes: &[Strike]) -> UsdMicros {
    let tokens = |s: &Strike| Tokens { uncached_input: s.input, output: s.output, ..Tokens::default() };
    strikes.iter().map(|strike| catalog::cost(&strike.model, &tokens(strike))).sum()
}

/// The thief's plan against the pipeline of the stage.
pub fn plot(stage: &Stage, seed: u64) -> Vec<Strike> {
    let target = Target {
        input_per_minute: stage.past.mean_input,
        output_per_minute: stage.past.mean_output,
        model: MODEL.to_owned(),
        strange_model: STRANGE_MODEL.to_owned(),
    };
    // What is worth doing with a key that nobody uses.
    let shape = if stage.scene.victim == Victim::WokenStandby { Shape::Dormant } else { stage.scene.shape };
    let mut strikes = plan(shape, &target, seed);
    if stage.scene.runs == Runs::UnderWay {
        strikes.retain(|strike| strike.minute < WITHIN_RUN);
    }
    strikes
}

/// When the abuse begins, for a plan that begins at `begun`: after the probe of a shape that has one.
pub fn harm_from(shape: Shape, strikes: &[Strike], begun: Timestamp) -> Timestamp {
    let first = if shape == Shape::Incident { strikes.get(1) } else { None };
    begun + TimeDelta::minutes(first.map_or(0, |strike| i64::from(strike.minute)))
}

/// Sends the plan's requests with the stolen key until they are refused.
pub async fn steal(
    stage: &Stage,
    director: &LocalParticipant,
    weather: &mut Weather,
    key: &Secret,
    strikes: &[Strike],
) -> Result<(), Failure> {
    let broken = |error: String| Failure::new(Exit::Internal, error);
    let url = Url::parse(&stage.sandbox.url()).map_err(|error| broken(error.to_string()))?;
    let client = Client::new(Limits::default()).map_err(|error| broken(error.to_string()))?;
    let begun = director.now();
    let mut refused = 0;
    for strike in strikes {
        let at = begun + TimeDelta::minutes(i64::from(strike.minute));
        weather.rest(stage, director, (at - director.now()).to_std().unwrap_or(Duration::ZERO)).await;
        let body = json!({
            "model": strike.model, "max_tokens": strike.output, "messages": [{ "role": "user", "content": "More." }],
        });
        let request = Request::post_json(url.join(["v1", "messages"]), &body)
            .map_err(|error| broken(error.to_string()))?
            .header("anthropic-version", "2023-06-01")
            .header("x-sandbox-actor", ATTACKER)
            .header("x-sandbox-input-tokens", &strike.input.to_string())
            .secret_header("x-api-key", "", key);
        let answer = client.send(request).await.map_err(|error| broken(error.to_string()))?;
        refused = if answer.status == 401 { refused + 1 } else { 0 };
        if refused >= PATIENCE {
            break;
        }
    }
    Ok(())
}
