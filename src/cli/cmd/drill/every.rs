//! Every theft, each in an organization of its own, two at a time.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::path::Path;

use serde_json::json;

use super::Args;
use super::acts;
use super::baseline::{Baseline, Figures};
use super::scene::Scene;
use super::stage::Stage;
use super::table;
use crate::cli::{Failure, Output};
use crate::exit::Exit;
use crate::sandbox::score::{Score, score};

/// How one theft went; an error is a drill that broke off.
pub struct Played {
    /// Which.
    pub scene: Scene,
    /// Its figures.
    pub score: Result<Score, Failure>,
}

impl Played {
    /// Whether it went as guard promises.
    pub fn passed(&self) -> bool {
        self.score.as_ref().is_ok_and(|score| score.passed(self.scene.promise()))
    }
}

/// Plays all, prints the table, and compares with the baseline.
pub async fn run(args: &Args, out: &Output) -> Result<Exit, Failure> {
    // Before anything takes time.
    let baseline = match args.write_baseline {
        Some(_) => None,
        None => Some(Baseline::read(args.baseline.as_deref())?),
    };
    let played = play_all(args.seed, out).await;
    let figures: Vec<Figures> = played
        .iter()
        .filter_map(|one| one.score.as_ref().ok().map(|score| Figures::of(&one.scene.name(), score)))
        .collect();
    let (worse, uncompared) = match &baseline {
        Some(baseline) if baseline.seed == args.seed => (baseline.worse(&figures), None),
        Some(baseline) => (Vec::new(), Some(baseline.seed)),
        None => (Vec::new(), None),
    };
    let failed: Vec<String> = played.iter().filter(|one| !one.passed()).map(|one| one.scene.name()).collect();
    let passed = failed.is_empty() && worse.is_empty();
    out.document(&json!({
        "type": "drills", "schema": 1, "seed": args.seed, "passed": passed, "drills": table::rows(&played),
        "failed": failed, "worse": worse, "compared": baseline.is_some() && uncompared.is_none(),
    }));
    out.line(table::text(&played));
    if let Some(seed) = uncompared {
        out.note(format!("The baseline is of seed {seed}: nothing was compared."));
    }
    if let Some(path) = &args.write_baseline {
        write(path, &Baseline { seed: args.seed, drills: figures })?;
        out.calm(format!("Written to {}.", path.display()));
    }
    for (scene, error) in played.iter().filter_map(|one| Some((one.scene, one.score.as_ref().err()?))) {
        out.note(format!("{}: {}", scene.name(), error.message));
    }
    if passed {
        return Ok(Exit::Done);
    }
    for what in &worse {
        out.note(format!("worse than the baseline: {what}"));
    }
    let what = match (failed.as_slice(), worse.len()) {
        ([], count) => format!("{count} figures are worse than the baseline"),
        (failed, _) => format!("not as guard promises: {}", failed.join("; ")),
    };
    Err(Failure::new(Exit::Failed, what).hint("`guard drill --attack SHAPE --keep DIR` plays one and keeps its logs"))
}

/// Two at a time: while the guards of one work, the other's have the second core.
async fn play_all(seed: u64, out: &Output) -> Vec<Played> {
    let scenes = Scene::all();
    let count = scenes.len();
    let queue: RefCell<VecDeque<(usize, Scene)>> = RefCell::new(scenes.into_iter().enumerate().collect());
    let done: RefCell<Vec<(usize, Played)>> = RefCell::default();
    let worker = async || {
        loop {
            let next = queue.borrow_mut().pop_front();
            let Some((index, scene)) = next else { return };
            let score = play(scene, seed).await;
            done.borrow_mut().push((index, Played { scene, score }));
            if !out.json && !out.quiet {
                out.note(format!("{} of {count}: {}", done.borrow().len(), scene.name()));
            }
        }
    };
    tokio::join!(worker(), worker());
    let mut played = done.into_inner();
    played.sort_by_key(|(index, _)| *index);
    played.into_iter().map(|(_, one)| one).collect()
}

async fn play(scene: Scene, seed: u64) -> Result<Score, Failure> {
    let stage = Stage::set(None, scene, seed)?;
    let story = acts::play(&stage, seed, &|_| {}).await?;
    Ok(score(&stage.sandbox.log(), &story.plot))
}

fn write(path: &Path, baseline: &Baseline) -> Result<(), Failure> {
    std::fs::write(path, baseline.to_text()?)
        .map_err(|error| Failure::new(Exit::Failed, format!("{} cannot be written: {error}", path.display())))
}
