//! Would the limits be others if one kind of job had never been seen?
//!
//! ```text
//! cargo bench --bench leave_one_out -- DIR [SEED ...]
//! ```
//!
//! `DIR` has the layout of `docs/backtest.md`. All limits together are scaled: for each profile the smallest scale is chosen that keeps
//! all *other* profiles without a false trip and with at most 0.3 % of harmless changes that trip, and then the profile that was left
//! out is judged by it. Beside it stands what the limits as they are make of it. The trouble is injected, three of each kind a key and
//! seed (1 2 3 4 unless said otherwise). Days that would have tripped at a scale below one still teach here as they do at one.
#![allow(missing_docs)]

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use guard::adapters::series;
use guard::app::backtest::{self, Row, Settings, inject};

/// What the limits are multiplied with.
const SCALES: [f64; 13] = [0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0, 1.05, 1.1, 1.15, 1.2, 1.3, 1.5];
/// The largest share of harmless changes that may trip.
const HARMLESS: f64 = 0.003;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1).filter(|arg| arg != "--bench");
    let Some(dir) = args.next().map(PathBuf::from) else {
        println!("nothing to judge: name a directory of recorded usage (see docs/backtest.md)");
        return Ok(());
    };
    let mut seeds = args.map(|seed| seed.parse()).collect::<Result<Vec<u64>, _>>()?;
    if seeds.is_empty() {
        seeds = vec![1, 2, 3, 4];
    }
    let mut data = series::read(&dir)?;
    // The limits for jobs and pipelines: API customers have a week of history and a goal of their own.
    data.series.retain(|series| !matches!(series.profile.as_str(), "recurrent" | "sporadic" | "service"));
    let foreign = Arc::from("model-o");
    data.cases = seeds.iter().flat_map(|seed| inject::cases(&data, 3, *seed, &foreign)).collect();
    let (rows, _) = backtest::run(&data, &Settings::default());
    let profiles: BTreeSet<&str> = rows.iter().map(|row| row.profile.as_str()).collect();

    println!(
        "{:14} {:>6} {:>9}  {:>28}  {:>28}",
        "left out", "cases", "scale", "at it: false, harmless, found", "at 1: false, harmless, found"
    );
    for profile in profiles {
        let (out, others): (Vec<&Row>, Vec<&Row>) = rows.iter().partition(|row| row.profile == profile);
        let scale = SCALES.into_iter().find(|scale| {
            let of = Quality::of(&others, *scale);
            of.false_trips == 0 && of.harmless <= HARMLESS
        });
        let chosen = scale.map_or_else(
            || ("none".to_owned(), String::new()),
            |scale| (scale.to_string(), Quality::of(&out, scale).to_string()),
        );
        println!(
            "{profile:14} {:>6} {:>9}  {:>28}  {:>28}",
            out.len(),
            chosen.0,
            chosen.1,
            Quality::of(&out, 1.0).to_string()
        );
    }
    let all: Vec<&Row> = rows.iter().collect();
    println!("\nall profiles, by scale:");
    for scale in SCALES {
        println!("{scale:>5}  {}", Quality::of(&all, scale));
    }
    Ok(())
}

/// How a scale does.
struct Quality {
    /// Unchanged series that trip.
    false_trips: usize,
    /// Share of harmless changes that trip.
    harmless: f64,
    /// Share of attacks that trip.
    found: f64,
}

impl Quality {
    fn of(rows: &[&Row], scale: f64) -> Self {
        let class = |class: &'static str| rows.iter().filter(move |row| row.class == class);
        let trips = |row: &&&Row| row.evidence.is_some_and(|evidence| evidence >= scale);
        let share = |name: &'static str| class(name).filter(trips).count() as f64 / class(name).count().max(1) as f64;
        Self { false_trips: class("normal").filter(trips).count(), harmless: share("benign"), found: share("attack") }
    }
}

impl std::fmt::Display for Quality {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:>4}  {:>7.2} %  {:>8.1} %", self.false_trips, self.harmless * 100.0, self.found * 100.0)
    }
}
