use std::time::Duration;

use super::cast::{self, Actor};
use super::stage::{Stage, WORKSPACE};
use super::thief;
use crate::cli::{Failure, Output};
use crate::domain::ids::KeyId;
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;
use crate::exit::Exit;
use crate::ports::Clock;
use crate::sandbox::attack::Shape;
use crate::sandbox::clock::LocalParticipant;
use crate::sandbox::log::Plane;
use crate::sandbox::score::Plot;

/// What happened, for whoever tells it.
pub struct Story {
    /// For the score.
    pub plot: Plot,
    /// The standby that is meant to take over.
    pub standby: KeyId,
    /// When the curtain rose.
    pub begun: Timestamp,
}

const HOUR: Duration = Duration::from_secs(3600);
const MINUTE: Duration = Duration::from_secs(60);

/// Plays the whole story.
pub async fn play(stage: &Stage, attack: Shape, seed: u64, out: &Output) -> Result<Story, Failure> {
    let director = stage.sandbox.join("director");
    let begun = director.now();
    let say = |text: &str| {
        if !out.json && !out.quiet {
            out.note(text);
        }
    };

    say("A sandbox organization is up; a ledger is written. The pipeline's key and two standbys go into custody …");
    let admin = stage.dir.join("admin.key").display().to_string();
    let init = ["init", "--no-input", "--admin-key-file", &admin];
    expect(cast::run(stage, &director, &init, None).await?, &[0], "guard init")?;
    add_key(stage, &director, &stage.first_key.secret).await?;
    let (second, third) = (stage.mint("standby-1")?, stage.mint("standby-2")?);
    add_key(stage, &director, &second.secret).await?;
    add_key(stage, &director, &third.secret).await?;

    let watched_from = director.now();
    let mut watchdog = cast::start(stage, &["watch"], None).await?;
    watchdog.enters(stage, "guard watch").await?;
    // Its first cycle reads four weeks of history.
    director.sleep(2 * MINUTE).await;

    say("The pipeline runs under `guard exec`, and its key is rotated under that traffic …");
    let pipeline = pipeline(stage, 80).await?;
    director.sleep(5 * MINUTE).await;
    let status = cast::run(stage, &director, &["rotate", "-w", WORKSPACE], None).await?;
    expect(status, &[0, 75], "guard rotate")?;
    expect(pipeline.ends(stage, &director, 3 * HOUR).await?, &[0], "the pipeline under guard exec")?;
    until(stage, &director, 6 * HOUR, "the old key was not revoked", |stage| {
        refused_when_probed(stage, &stage.first_key.id)
    })
    .await?;

    say("The new key is stolen: a thief spends with it while no job runs …");
    director.sleep(HOUR).await;
    let strikes = thief::plot(stage, attack, seed);
    let planned_loss = thief::worth(&strikes);
    let stolen = Secret::new(second.secret).map_err(|error| Failure::new(Exit::Internal, error.to_string()))?;
    thief::steal(stage, &director, &stolen, &strikes).await?;

    say("The pipeline resumes with the standby …");
    until(stage, &director, 6 * HOUR, "the gate did not open again", |stage| {
        stage.dir.join("state/gate").join(format!("{WORKSPACE}.open")).exists()
    })
    .await?;
    let pipeline = self::pipeline(stage, 20).await?;
    expect(pipeline.ends(stage, &director, 3 * HOUR).await?, &[0], "the resumed pipeline under guard exec")?;
    expect(cast::run(stage, &director, &["evidence", "verify"], None).await?, &[0], "guard evidence verify")?;
    drop(watchdog);
    Ok(Story {
        plot: Plot { replaced: stage.first_key.id.clone(), stolen: second.id, watched_from, planned_loss },
        standby: third.id,
        begun,
    })
}

async fn add_key(stage: &Stage, director: &LocalParticipant, secret: &str) -> Result<(), Failure> {
    let status = cast::run(stage, director, &["key", "add", "-w", WORKSPACE, "-"], Some(secret)).await?;
    expect(status, &[0, 75], "guard key add")
}

/// The pipeline: a message every 20 seconds, of the size that its past had; it reads its key again before each.
async fn pipeline(stage: &Stage, messages: u32) -> Result<Actor, Failure> {
    let program = std::env::current_exe().map_err(|error| Failure::new(Exit::Failed, error.to_string()))?;
    let (program, env) = (program.display().to_string(), stage.dir.join("app.env").display().to_string());
    let (messages, input, output) =
        (messages.to_string(), (stage.past.input / 3).to_string(), (stage.past.output / 3).to_string());
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
