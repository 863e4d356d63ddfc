use std::time::Duration;

use super::cast::{self, Actor};
use super::scene::{Runs, Victim};
use super::stage::{Stage, WORKSPACE};
use super::thief;
use super::weather::Weather;
use crate::cli::Failure;
use crate::domain::ids::KeyId;
use crate::domain::key::KeyStatus;
use crate::domain::secret::Secret;
use crate::domain::time::{Minute, Timestamp};
use crate::exit::Exit;
use crate::ports::Clock;
use crate::sandbox::attack::Shape;
use crate::sandbox::clock::LocalParticipant;
use crate::sandbox::log::Plane;
use crate::sandbox::org::Minted;
use crate::sandbox::score::Plot;

/// What happened, for whoever tells it.
pub struct Story {
    /// For the score.
    pub plot: Plot,
    /// What the story calls its keys.
    pub names: Vec<(KeyId, &'static str)>,
}

const HOUR: Duration = Duration::from_secs(3600);
const MINUTE: Duration = Duration::from_secs(60);

/// What is stolen, and what the story calls its keys.
struct Loot {
    key: Minted,
    names: Vec<(KeyId, &'static str)>,
}

/// Plays the whole story; `say` tells what comes next.
pub async fn play(stage: &Stage, seed: u64, say: &dyn Fn(&str)) -> Result<Story, Failure> {
    let scene = stage.scene;
    let director = stage.sandbox.join("director");

    say("A sandbox organization is up; a ledger is written. The first key and two standbys go into custody …");
    let admin = stage.dir.join("admin.key").display().to_string();
    let init = ["init", "--no-input", "--admin-key-file", &admin];
    expect(cast::run(stage, &director, &init, None).await?, &[0], "guard init")?;
    add_key(stage, &director, &stage.first_key.secret, false).await?;
    let (second, third) =
        (stage.mint("standby-1", KeyStatus::Inactive)?, stage.mint("standby-2", KeyStatus::Inactive)?);
    add_key(stage, &director, &second.secret, false).await?;
    add_key(stage, &director, &third.secret, false).await?;
    let loot = loot(stage, &director, &second, &third).await?;

    let watched_from = director.now();
    let mut watchdog = cast::start(stage, &["watch"], None).await?;
    watchdog.enters(stage, "guard watch").await?;
    // Its first cycle reads four weeks of history.
    director.sleep(2 * MINUTE).await;

    let mut under_way = None;
    if scene.has_rotation() {
        say("The pipeline runs under `guard exec`, and its key is replaced under that traffic …");
        rotate(stage, &director).await?;
    } else if scene.runs == Runs::UnderWay {
        say("The pipeline runs under `guard exec` …");
        under_way = Some(pipeline(stage, 80).await?);
        director.sleep(2 * MINUTE).await;
    } else if scene.runs == Runs::Known && scene.victim != Victim::Unused {
        say("The pipeline runs under `guard exec` …");
        expect(pipeline(stage, 20).await?.ends(stage, &director, HOUR).await?, &[0], "the pipeline under guard exec")?;
    }
    if scene.runs != Runs::UnderWay {
        director.sleep(if scene.shape == Shape::Drip { quiet(stage, director.now()) } else { HOUR }).await;
    }
    if scene.victim == Victim::WokenStandby {
        stage.wake(&loot.key.id)?;
        // Until requests feel it.
        director.sleep(Duration::from_secs(5)).await;
    }

    say("A key is stolen: a thief spends with it …");
    stage.seen().theft_of(&loot.key.id);
    let strikes = thief::plot(stage, seed);
    let harm_from = thief::harm_from(scene.shape, &strikes, director.now());
    let mut weather = Weather::forecast(stage, scene.provider_down);
    let stolen = Secret::new(loot.key.secret).map_err(|error| Failure::new(Exit::Internal, error.to_string()))?;
    thief::steal(stage, &director, &mut weather, &stolen, &strikes).await?;
    // The last of it shows in the usage report.
    weather.rest(stage, &director, 15 * MINUTE).await;
    while weather.threatens() && stage.seen().ordered_at.is_some() {
        weather.rest(stage, &director, MINUTE).await;
    }
    if let Some(run) = under_way {
        // Messages that a stopped key refuses end the job as failed.
        expect(run.ends(stage, &director, HOUR).await?, &[0, 1], "the pipeline under guard exec")?;
    }

    say("The pipeline runs again …");
    until(stage, &director, 6 * HOUR, "the gate did not open again", |stage| stage.seen().gate_is_open()).await?;
    let again = pipeline(stage, 20).await?;
    expect(again.ends(stage, &director, 3 * HOUR).await?, &[0], "the resumed pipeline under guard exec")?;
    expect(cast::run(stage, &director, &["evidence", "verify"], None).await?, &[0], "guard evidence verify")?;
    drop(watchdog);
    let gate_closed_at = stage.seen().gate_closed_at;
    Ok(Story {
        plot: Plot {
            replaced: scene.has_rotation().then(|| stage.first_key.id.clone()),
            stolen: loot.key.id,
            watched_from,
            harm_from,
            gate_closed_at,
            planned_loss: thief::worth(&strikes),
            outage: weather.outage(),
        },
        names: loot.names,
    })
}

/// Which key will be stolen.
async fn loot(stage: &Stage, director: &LocalParticipant, second: &Minted, third: &Minted) -> Result<Loot, Failure> {
    let first = &stage.first_key;
    let named = |old, new, last| vec![(first.id.clone(), old), (second.id.clone(), new), (third.id.clone(), last)];
    Ok(match stage.scene.victim {
        Victim::InUse if stage.scene.has_rotation() => {
            Loot { key: second.clone(), names: named("the old key", "the new key", "the standby") }
        }
        Victim::InUse => Loot { key: first.clone(), names: named("the job's key", "the standby", "the other standby") },
        Victim::Unused => {
            Loot { key: first.clone(), names: named("the forgotten key", "the standby", "the other standby") }
        }
        Victim::Standby | Victim::WokenStandby => {
            Loot { key: second.clone(), names: named("the job's key", "the standby", "the other standby") }
        }
        Victim::Bait => {
            let bait = stage.mint("bait", KeyStatus::Active)?;
            add_key(stage, director, &bait.secret, true).await?;
            let mut names = named("the job's key", "the standby", "the other standby");
            names.push((bait.id.clone(), "the bait"));
            Loot { key: bait, names }
        }
    })
}

async fn rotate(stage: &Stage, director: &LocalParticipant) -> Result<(), Failure> {
    let pipeline = pipeline(stage, 80).await?;
    director.sleep(5 * MINUTE).await;
    let status = cast::run(stage, director, &["rotate", "-w", WORKSPACE], None).await?;
    expect(status, &[0, 75], "guard rotate")?;
    expect(pipeline.ends(stage, director, 3 * HOUR).await?, &[0], "the pipeline under guard exec")?;
    until(stage, director, 6 * HOUR, "the old key was not revoked", |stage| {
        refused_when_probed(stage, &stage.first_key.id)
    })
    .await
}

/// Until the quietest hours of the job's days begin.
fn quiet(stage: &Stage, now: Timestamp) -> Duration {
    let begins = i64::from(stage.past.quiet_from) * 60;
    let minute = Minute::containing(now).epoch().rem_euclid(24 * 60);
    MINUTE * u32::try_from((begins - minute).rem_euclid(24 * 60)).unwrap_or_default()
}

async fn add_key(stage: &Stage, director: &LocalParticipant, secret: &str, bait: bool) -> Result<(), Failure> {
    let mut args = vec!["key", "add", "-w", WORKSPACE];
    args.extend(bait.then_some("--canary"));
    args.push("-");
    let status = cast::run(stage, director, &args, Some(secret)).await?;
    expect(status, &[0, 75], "guard key add")
}

/// The pipeline: a message every 20 seconds, of the size that its past had; it reads its key again before each.
async fn pipeline(stage: &Stage, messages: u32) -> Result<Actor, Failure> {
    let program = std::env::current_exe().map_err(|error| Failure::new(Exit::Failed, error.to_string()))?;
    let (program, env) = (program.display().to_string(), stage.dir.join("app.env").display().to_string());
    // Beside a job that goes on in the background, a run of no account.
    let part = if stage.scene.goes_on() { 60 } else { 3 };
    let (messages, input, output) =
        (messages.to_string(), (stage.past.input / part).to_string(), (stage.past.output / part).to_string());
    let args = [
        "exec",
        "-w",
        WORKSPACE,
        "--",
        &program,
        "sandbox",
        "pipeline",
        "--dotenv",
        &env,
        "--messages",
        &messages,
        "--pause",
        "20s",
        "--input-tokens",
        &input,
        "--output-tokens",
        &output,
    ];
    let mut actor = cast::start(stage, &args, None).await?;
    actor.enters(stage, "pipeline").await?;
    Ok(actor)
}

fn expect(status: u8, wanted: &[u8], what: &str) -> Result<(), Failure> {
    if wanted.contains(&status) {
        return Ok(());
    }
    Err(Failure::new(Exit::Failed, format!("{what} ended with status {status}"))
        .hint("`guard drill --keep DIR` keeps its log in DIR/guard.log"))
}

/// The sandbox has refused this key at least once.
fn refused_when_probed(stage: &Stage, key: &KeyId) -> bool {
    let log = stage.sandbox.log();
    log.iter().any(|l| l.plane == Plane::Inference && l.status == 401 && l.key.as_ref() == Some(key))
}

async fn until(
    stage: &Stage,
    director: &LocalParticipant,
    limit: Duration,
    otherwise: &str,
    happened: impl Fn(&Stage) -> bool,
) -> Result<(), Failure> {
    let end = director.now() + limit;
    while !happened(stage) {
        if director.now() >= end {
            return Err(Failure::new(Exit::Failed, format!("{otherwise} within {} hours", limit.as_secs() / 3600))
                .hint("`guard drill --keep DIR` keeps the watchdog's log in DIR/guard.log"));
        }
        director.sleep(Duration::from_secs(20)).await;
    }
    Ok(())
}
