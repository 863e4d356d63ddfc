//! Recorded traffic, replayed as the organization's usage. The layout is described in `examples/traffic/README.md`.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use chrono::NaiveDateTime;
use flate2::read::MultiGzDecoder;
use serde::Deserialize;

use crate::domain::time::Minute;

/// What one key used of one model in one minute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Minutes after the series' start.
    pub offset: i64,
    /// The model.
    pub model: String,
    /// Input tokens.
    pub input: u64,
    /// Output tokens.
    pub output: u64,
}

/// The recorded usage of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    /// What it is called.
    pub name: String,
    /// Its first minute.
    pub start: Minute,
    /// How many minutes it covers; at least 1.
    pub minutes: i64,
    /// Minutes with usage, oldest first.
    pub rows: Vec<Row>,
}

/// Why traffic could not be read.
#[derive(Debug, thiserror::Error)]
pub enum TrafficError {
    /// A file is missing or unreadable.
    #[error("{} could not be read: {why}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What happened.
        why: std::io::Error,
    },
    /// A file is not in the layout.
    #[error("{} is not in the layout of examples/traffic/README.md: {why}", path.display())]
    Layout {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
}

#[derive(Deserialize)]
struct KeyLine {
    file: String,
    key: String,
    start: String,
    minutes: i64,
}

#[derive(Deserialize)]
struct UsageLine {
    key: String,
    starting_at: String,
    model: String,
    input_tokens: u64,
    output_tokens: u64,
}

const SAMPLE_KEYS: &[u8] = include_bytes!("../../examples/traffic/keys.csv");
const SAMPLE_USAGE: &[u8] = include_bytes!("../../examples/traffic/pipelines_real_1m.csv.gz");

/// The sample that the binary carries: six weeks of two real pipelines.
///
/// # Errors
/// Never for the sample as it is in the repository; a test reads it.
pub fn sample() -> Result<Vec<Series>, TrafficError> {
    assemble(Path::new("keys.csv"), SAMPLE_KEYS, |_| Ok(SAMPLE_USAGE.to_vec()))
}

/// The traffic in a directory.
///
/// # Errors
/// [`TrafficError`] names the file.
pub fn read(dir: &Path) -> Result<Vec<Series>, TrafficError> {
    let load = |name: &str| {
        let path = dir.join(name);
        fs::read(&path).map_err(|why| TrafficError::Io { path, why })
    };
    assemble(&dir.join("keys.csv"), &load("keys.csv")?, load)
}

fn assemble(
    index: &Path,
    keys: &[u8],
    load: impl Fn(&str) -> Result<Vec<u8>, TrafficError>,
) -> Result<Vec<Series>, TrafficError> {
    let wrong = |path: &Path, why: String| TrafficError::Layout { path: path.to_owned(), why };
    let mut series: BTreeMap<(String, String), Series> = BTreeMap::new();
    for line in csv::Reader::from_reader(keys).deserialize() {
        let line: KeyLine = line.map_err(|error| wrong(index, error.to_string()))?;
        // Only names within the directory.
        if line.file.contains(['/', '\\']) {
            return Err(wrong(index, format!("`{}` is not the name of a file beside it", line.file.escape_debug())));
        }
        let start = minute(&line.start).ok_or_else(|| wrong(index, format!("{}: `start` is no minute", line.key)))?;
        if line.minutes < 1 {
            return Err(wrong(index, format!("{}: `minutes` must be at least 1", line.key)));
        }
        let one = Series { name: line.key.clone(), start, minutes: line.minutes, rows: Vec::new() };
        series.insert((line.file, line.key), one);
    }
    let mut files: Vec<String> = series.keys().map(|(file, _)| file.clone()).collect();
    files.dedup();
    for file in files {
        let path = index.with_file_name(&file);
        let bytes = load(&file)?;
        let bytes = if file.ends_with(".gz") {
            let mut plain = Vec::new();
            let unpacked = MultiGzDecoder::new(bytes.as_slice()).read_to_end(&mut plain);
            unpacked.map_err(|why| TrafficError::Io { path: path.clone(), why })?;
            plain
        } else {
            bytes
        };
        for line in csv::Reader::from_reader(bytes.as_slice()).deserialize() {
            let line: UsageLine = line.map_err(|error| wrong(&path, error.to_string()))?;
            // A file may hold more series than `keys.csv` asks for.
            let Some(one) = series.get_mut(&(file.clone(), line.key)) else { continue };
            let at = minute(&line.starting_at)
                .ok_or_else(|| wrong(&path, format!("`{}` is no minute", line.starting_at.escape_debug())))?;
            let offset = at.since(one.start);
            if (0..one.minutes).contains(&offset) {
                let model = played_as(&line.model).to_owned();
                one.rows.push(Row { offset, model, input: line.input_tokens, output: line.output_tokens });
            }
        }
    }
    let mut all: Vec<Series> = series.into_values().collect();
    for one in &mut all {
        one.rows.sort_by_key(|row| row.offset);
    }
    Ok(all)
}

/// `2026-01-05T07:30Z`.
fn minute(text: &str) -> Option<Minute> {
    let plain = text.strip_suffix('Z')?;
    let at = NaiveDateTime::parse_from_str(plain, "%Y-%m-%dT%H:%M")
        .or_else(|_| NaiveDateTime::parse_from_str(plain, "%Y-%m-%dT%H:%M:%S"));
    at.ok().map(|at| Minute::containing(at.and_utc()))
}

/// Recorded series name price classes, not models: 3 / 15, 1 / 5 and 5 / 25 USD per million tokens.
fn played_as(model: &str) -> &str {
    match model {
        "model-s" => "claude-sonnet-4-6",
        "model-h" => "claude-haiku-4-5-20251001",
        "model-o" => "claude-opus-5",
        other => other,
    }
}

const WEEK: i64 = 7 * 24 * 60;
const DAY: i64 = 24 * 60;

impl Series {
    /// How long a round takes: whole weeks where there is one, so that weekday and time of day stay as they were.
    fn round(&self) -> i64 {
        match self.minutes {
            m if m >= WEEK => m / WEEK * WEEK,
            m if m >= DAY => m / DAY * DAY,
            m => m,
        }
    }

    /// What is played in the minutes `from..until`, oldest first: the series, round and round.
    pub fn between(&self, from: Minute, until: Minute) -> impl Iterator<Item = (Minute, &Row)> {
        let round = self.round();
        let first = from.since(self.start).div_euclid(round);
        let last = until.since(self.start).div_euclid(round);
        (first..=last).flat_map(move |turn| {
            let begin = self.start.plus(turn * round);
            let at = |minute: Minute| {
                let offset = minute.since(begin).clamp(0, round);
                self.rows.partition_point(|row| row.offset < offset)
            };
            let rows = self.rows.get(at(from)..at(until)).unwrap_or_default();
            rows.iter().map(move |row| (begin.plus(row.offset), row))
        })
    }

    /// The name of the workspace that it is played in: `real-daily_article` becomes `daily-article`.
    pub fn workspace(&self) -> String {
        let name = self.name.strip_prefix("real-").unwrap_or(&self.name);
        let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
        name.chars().take(64).map(plain).collect()
    }
}

#[cfg(test)]
mod tests {
    use chrono::{Datelike, Timelike};

    use super::*;

    #[test]
    fn the_sample_holds_two_pipelines_for_six_weeks() {
        let series = sample().unwrap();
        let names: Vec<String> = series.iter().map(Series::workspace).collect();
        assert_eq!(names, ["arxiv-digest", "daily-article"]);
        for one in &series {
            assert_eq!(one.minutes, 6 * WEEK);
            assert!(one.rows.len() > 30, "{}", one.name);
            assert!(one.rows.iter().all(|row| super::super::catalog::find(&row.model).is_some()));
        }
    }

    #[test]
    fn rounds_keep_weekday_and_time_of_day() {
        let series = &sample().unwrap()[1];
        let original: Vec<_> = series.between(series.start, series.start.plus(6 * WEEK)).collect();
        let later = series.start.plus(60 * WEEK);
        let replayed: Vec<_> = series.between(later, later.plus(6 * WEEK)).collect();
        assert_eq!(original.len(), replayed.len());
        for ((a, row_a), (b, row_b)) in original.into_iter().zip(replayed) {
            let (a, b) = (a.start(), b.start());
            assert_eq!((a.weekday(), a.hour(), a.minute()), (b.weekday(), b.hour(), b.minute()));
            assert_eq!(row_a, row_b);
        }
    }

    #[test]
    fn any_split_of_time_plays_the_same() {
        let series = &sample().unwrap()[0];
        let begin = series.start.plus(-3 * WEEK + 17);
        let whole: Vec<_> = series.between(begin, begin.plus(10 * WEEK)).collect();
        let parts: Vec<_> = (0..10 * WEEK / 997 + 1)
            .flat_map(|n| series.between(begin.plus(n * 997), begin.plus((n + 1) * 997).min(begin.plus(10 * WEEK))))
            .collect();
        assert_eq!(whole, parts);
    }

    #[test]
    fn a_file_outside_the_directory_is_refused() {
        let keys = b"file,key,start,minutes\n../secret,k,2026-01-05T00:00Z,10\n";
        let error = assemble(Path::new("keys.csv"), keys, |_| Ok(Vec::new())).unwrap_err();
        assert!(matches!(error, TrafficError::Layout { .. }));
    }
}
