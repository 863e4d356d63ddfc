//! `guard drill`: an organization, a pipeline, a rotation under its traffic, and a theft. Every guard in it is the real program
//! in a process of its own, talking HTTP; only the time is the sandbox's, which jumps when everybody sleeps.

mod acts;
mod baseline;
mod cast;
mod every;
mod print;
mod scene;
mod stage;
mod table;
mod thief;
mod weather;
mod witness;

use std::path::PathBuf;
use std::time::Duration;

use self::scene::{Runs, Scene, Victim};
use self::stage::Stage;
use crate::cli::{Failure, Session};
use crate::exit::Exit;
use crate::sandbox::attack::Shape;
use crate::sandbox::score::score;

/// Arguments of `guard drill`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  guard drill                                        a rotation, a hard spike, a kill, a failover
  guard drill --attack drip --runs unknown           the same job without run records
  guard drill --attack spike --provider-down 1h      the provider takes no orders when they matter
  guard drill --all                                  every theft, as a table, held against the stored baseline
  guard drill --all --write-baseline FILE            the figures of now become the baseline

Exit status: 0 everything went as promised, 1 something did not, or a figure got worse than the baseline")]
pub struct Args {
    /// How the thief behaves [default: spike]
    #[arg(long, value_name = "SHAPE", value_parser = shape, conflicts_with = "all")]
    attack: Option<Shape>,
    /// What guard knows of the job's runs
    #[arg(long, value_enum, default_value_t = RunsArg::Known, value_name = "WHAT", conflicts_with = "all")]
    runs: RunsArg,
    /// The provider takes no orders for this long, from the first order to stop the stolen key on
    #[arg(long, value_name = "DURATION", value_parser = outage, conflicts_with = "all")]
    provider_down: Option<u32>,
    /// Every theft, one after another, each in an organization of its own
    #[arg(long, conflicts_with = "keep")]
    all: bool,
    /// Compare with these figures instead of the built-in ones
    #[arg(long, value_name = "FILE", requires = "all")]
    baseline: Option<PathBuf>,
    /// Write the figures down instead of comparing them
    #[arg(long, value_name = "FILE", requires = "all", conflicts_with = "baseline")]
    write_baseline: Option<PathBuf>,
    /// Seeds what varies: identifiers, secrets, the thief's rate
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Keep the drill's files (ledger, state, logs) in this new directory
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum RunsArg {
    /// Every run is on record; the theft happens between runs
    Known,
    /// There are no run records; the job does the same every day
    Unknown,
    /// There are no run records, and the job's days differ widely
    UnknownIrregular,
    /// Every run is on record; the theft happens while one is under way
    UnderWay,
}

fn shape(text: &str) -> Result<Shape, String> {
    text.parse()
}

/// In minutes.
fn outage(text: &str) -> Result<u32, String> {
    const LONGEST: Duration = Duration::from_secs(24 * 3600);
    let duration = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if duration.as_secs() < 60 || duration > LONGEST {
        return Err("an outage lasts between a minute and a day".to_owned());
    }
    u32::try_from(duration.as_secs() / 60).map_err(|error| error.to_string())
}

impl Args {
    fn scene(&self) -> Result<Scene, Failure> {
        let runs = match self.runs {
            RunsArg::Known => Runs::Known,
            RunsArg::Unknown => Runs::Unknown,
            RunsArg::UnknownIrregular => Runs::UnknownIrregular,
            RunsArg::UnderWay => Runs::UnderWay,
        };
        let scene = Scene::of(self.attack.unwrap_or(Shape::Spike));
        if scene.victim != Victim::InUse && (runs != Runs::Known || self.provider_down.is_some()) {
            let what = format!("`{}` is not about the key that jobs use", scene.shape.as_str());
            return Err(Failure::new(Exit::Usage, what).hint("leave --runs and --provider-down out with this shape"));
        }
        Ok(Scene { runs, provider_down: self.provider_down.unwrap_or(0), ..scene })
    }
}

/// Plays the drill and prints how it went.
pub async fn run(args: Args, session: &Session) -> Result<Exit, Failure> {
    let out = &session.out;
    if args.all {
        return every::run(&args, out).await;
    }
    let scene = args.scene()?;
    let stage = Stage::set(args.keep.as_deref(), scene, args.seed)?;
    let say = |text: &str| {
        if !out.json && !out.quiet {
            out.note(text);
        }
    };
    let story = acts::play(&stage, args.seed, &say).await?;
    let log = stage.sandbox.log();
    let score = score(&log, &story.plot);
    let passed = score.passed(scene.promise());
    print::print(out, &scene, &story, &score, passed, &log);
    if passed {
        return Ok(Exit::Done);
    }
    Err(Failure::new(Exit::Failed, "the drill did not go as guard promises; the figures above say where")
        .hint("`guard drill --keep DIR` keeps the ledger, the state and the watchdog's log"))
}
