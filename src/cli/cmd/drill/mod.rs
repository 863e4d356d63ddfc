//! `guard drill`: an organization, a pipeline, a rotation under its traffic, and a theft. Every guard in it is the real program
//! in a process of its own, talking HTTP; only the time is the sandbox's, which jumps when everybody sleeps.

mod acts;
mod cast;
mod print;
mod stage;
mod thief;

use crate::cli::{Failure, Session};
use crate::exit::Exit;
use crate::sandbox::attack::Shape;
use crate::sandbox::score::score;

/// Arguments of `guard drill`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Exit status: 0 everything went as promised, 1 something did not")]
pub struct Args {
    /// How the thief behaves
    #[arg(long, value_name = "SHAPE", default_value = "spike", value_parser = shape)]
    attack: Shape,
    /// Seeds what varies: identifiers, secrets, the thief's rate
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Keep the drill's files (ledger, state, logs) in this new directory
    #[arg(long, value_name = "DIR")]
    keep: Option<std::path::PathBuf>,
}

/// The shapes that abuse the key in use; the others need a key of their own kind and have no place in this story.
const PLAYED: [Shape; 6] =
    [Shape::Spike, Shape::Moderate, Shape::Ramp, Shape::NewModel, Shape::HourlyBursts, Shape::UnregisteredRun];

fn shape(text: &str) -> Result<Shape, String> {
    let found = text.parse::<Shape>().ok().filter(|shape| PLAYED.contains(shape));
    found.ok_or_else(|| format!("this drill plays {}", PLAYED.map(Shape::as_str).join(", ")))
}

/// Plays the drill and prints how it went.
pub async fn run(args: Args, session: &Session) -> Result<Exit, Failure> {
    let stage = stage::Stage::set(args.keep.as_deref(), args.seed)?;
    let story = acts::play(&stage, args.attack, args.seed, &session.out).await?;
    let log = stage.sandbox.log();
    let score = score(&log, &story.plot);
    print::print(&session.out, args.attack, &story, &score, &log);
    if score.passed() {
        return Ok(Exit::Done);
    }
    Err(Failure::new(Exit::Failed, "the drill did not go as guard promises; the figures above say where")
        .hint("`guard drill --keep DIR` keeps the ledger, the state and the watchdog's log"))
}
