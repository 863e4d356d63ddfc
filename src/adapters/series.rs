//! Reads recorded usage: a directory with `keys.csv`, series, labelled cases, overlays and polls, or a single CSV file.
//! `docs/backtest.md` defines the layout.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, NaiveDateTime};
use flate2::read::MultiGzDecoder;
use serde::de::DeserializeOwned;

use crate::domain::money::UsdMicros;
use crate::domain::time::Minute;
use crate::domain::watch::dataset::{Case, CaseClass, Dataset, Rates, Series, TokenRow, View};

/// Why recorded usage could not be read.
#[derive(Debug, thiserror::Error)]
pub enum SeriesError {
    /// The file is missing or unreadable.
    #[error("{path} could not be read: {why}", path = path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What happened.
        why: std::io::Error,
    },
    /// A line does not fit the layout.
    #[error("{path}, line {line}: {why}", path = path.display())]
    Line {
        /// Which file.
        path: PathBuf,
        /// Which line, from 1.
        line: u64,
        /// What is wrong.
        why: String,
    },
    /// Files contradict each other.
    #[error("{path}: {why}", path = path.display())]
    Contradiction {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
}

/// Dollars per million input and output tokens of the models in the shared data; `prices.csv` in a directory replaces them.
const KNOWN_RATES: [(&str, f64, f64); 3] = [("model-s", 3.0, 15.0), ("model-h", 1.0, 5.0), ("model-o", 5.0, 25.0)];

#[derive(serde::Deserialize)]
struct KeyLine {
    file: String,
    key: String,
    start: String,
    minutes: i64,
    profile: String,
}

#[derive(serde::Deserialize)]
struct SeriesLine {
    key: String,
    starting_at: String,
    model: String,
    input_tokens: u64,
    output_tokens: u64,
}

#[derive(serde::Deserialize)]
struct CaseLine {
    case: String,
    key: String,
    file: String,
    class: String,
    kind: String,
    evaluate_from: String,
    evaluate_to: String,
    #[serde(default)]
    drop_before: String,
    #[serde(default)]
    declared_budget_usd: Option<f64>,
    #[serde(default)]
    normal_day_usd: Option<f64>,
    #[serde(default)]
    polls_from: String,
    #[serde(default)]
    polls_to: String,
}

#[derive(serde::Deserialize)]
struct OverlayLine {
    case: String,
    starting_at: String,
    model: String,
    delta_input_tokens: i64,
    delta_output_tokens: i64,
}

#[derive(serde::Deserialize)]
struct PollLine {
    case: String,
    polled_at: String,
    starting_at: String,
    model: String,
    input_tokens: u64,
    output_tokens: u64,
}

#[derive(serde::Deserialize)]
struct RateLine {
    model: String,
    input: f64,
    output: f64,
}

/// Reads `path`: a directory in the layout above, or one CSV file (optionally gzipped) with the columns of a series.
///
/// # Errors
/// [`SeriesError`] names the file and the line.
pub fn read(path: &Path) -> Result<Dataset, SeriesError> {
    if path.is_dir() { read_directory(path) } else { read_single(path) }
}

fn read_single(path: &Path) -> Result<Dataset, SeriesError> {
    let mut models = Models::default();
    let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let series = read_rows(path, &mut models)?
        .into_iter()
        .filter_map(|(key, rows)| {
            let (first, last) = (rows.first()?.minute, rows.last()?.minute);
            // Observation is assumed to have begun and ended with whole days.
            let start = Minute::from_epoch(first.epoch().div_euclid(1440) * 1440);
            let minutes = (last.since(start) / 1440 + 1) * 1440;
            Some(Series { key, file: file.clone(), profile: "recorded".to_owned(), start, minutes, rows })
        })
        .collect();
    Ok(Dataset { series, cases: Vec::new(), rates: known_rates() })
}

fn read_directory(dir: &Path) -> Result<Dataset, SeriesError> {
    let keys_path = dir.join("keys.csv");
    let mut models = Models::default();
    let mut rows_of: BTreeMap<String, BTreeMap<String, Vec<TokenRow>>> = BTreeMap::new();
    let mut series = Vec::new();
    let mut keys: Vec<KeyLine> = Vec::new();
    for_each_line(&keys_path, |line: KeyLine| {
        keys.push(line);
        Ok(())
    })?;
    for line in keys {
        if !rows_of.contains_key(&line.file) {
            rows_of.insert(line.file.clone(), read_rows(&dir.join(&line.file), &mut models)?);
        }
        let rows = rows_of.get_mut(&line.file).and_then(|f| f.remove(&line.key)).unwrap_or_default();
        let start = minute(&line.start).map_err(|why| SeriesError::Contradiction {
            path: keys_path.clone(),
            why: format!("{}: {why}", line.key),
        })?;
        series.push(Series {
            key: line.key,
            file: line.file,
            profile: line.profile,
            start,
            minutes: line.minutes,
            rows,
        });
    }
    let cases = read_cases(dir, &mut models)?;
    let rates_path = dir.join("prices.csv");
    let rates = if rates_path.exists() {
        let mut lines = Vec::new();
        for_each_line(&rates_path, |line: RateLine| {
            lines.push((line.model, line.input, line.output));
            Ok(())
        })?;
        Rates::new(lines)
    } else {
        known_rates()
    };
    Ok(Dataset { series, cases, rates })
}

fn read_cases(dir: &Path, models: &mut Models) -> Result<Vec<Case>, SeriesError> {
    let path = dir.join("cases.csv");
    if !path.exists() {
        return Ok(Vec::new());
    }
    let mut cases = Vec::new();
    for_each_line(&path, |line: CaseLine| {
        cases.push(case(line)?);
        Ok(())
    })?;
    let index: BTreeMap<String, usize> =
        cases.iter().enumerate().map(|(i, c): (usize, &Case)| (c.name.clone(), i)).collect();
    if let Some(overlay) = existing(dir, "cases_overlay_1m.csv") {
        for_each_line(&overlay, |line: OverlayLine| {
            let at = *index.get(&line.case).ok_or_else(|| format!("cases.csv has no case `{}`", line.case))?;
            cases[at].overlay.push(TokenRow {
                minute: minute(&line.starting_at)?,
                model: models.intern(&line.model),
                input: line.delta_input_tokens,
                output: line.delta_output_tokens,
            });
            Ok(())
        })?;
    }
    if let Some(polls) = existing(dir, "cases_polls.csv") {
        for_each_line(&polls, |line: PollLine| {
            let at = *index.get(&line.case).ok_or_else(|| format!("cases.csv has no case `{}`", line.case))?;
            let row = token_row(&line.starting_at, &line.model, line.input_tokens, line.output_tokens, models)?;
            if let Some(view) = &mut cases[at].polls {
                view.sightings.push((minute(&line.polled_at)?, row));
            }
            Ok(())
        })?;
    }
    for case in &mut cases {
        case.overlay.sort_by_key(|row| row.minute);
        if let Some(view) = &mut case.polls {
            view.sightings.sort_by_key(|(polled_at, row)| (*polled_at, row.minute));
        }
    }
    Ok(cases)
}

fn case(line: CaseLine) -> Result<Case, String> {
    let optional = |text: &str| if text.is_empty() { Ok(None) } else { minute(text).map(Some) };
    Ok(Case {
        key: (!line.key.is_empty()).then_some(line.key),
        file: line.file,
        class: match line.class.as_str() {
            "attack" => CaseClass::Attack,
            "benign" => CaseClass::Benign,
            other => return Err(format!("class `{other}`: it must be `attack` or `benign`")),
        },
        kind: line.kind,
        evaluate_from: minute(&line.evaluate_from)?,
        evaluate_to: minute(&line.evaluate_to)?,
        drop_before: optional(&line.drop_before)?,
        declared_budget: line.declared_budget_usd.map(UsdMicros::from_dollars_f64),
        normal_day: UsdMicros::from_dollars_f64(line.normal_day_usd.unwrap_or(0.0)),
        overlay: Vec::new(),
        polls: match (optional(&line.polls_from)?, optional(&line.polls_to)?) {
            (Some(from), Some(to)) => Some(View { from, to, sightings: Vec::new() }),
            _ => None,
        },
        name: line.case,
    })
}

fn read_rows(path: &Path, models: &mut Models) -> Result<BTreeMap<String, Vec<TokenRow>>, SeriesError> {
    let mut by_key: BTreeMap<String, Vec<TokenRow>> = BTreeMap::new();
    for_each_line(path, |line: SeriesLine| {
        let row = token_row(&line.starting_at, &line.model, line.input_tokens, line.output_tokens, models)?;
        match by_key.get_mut(&line.key) {
            Some(rows) => rows.push(row),
            None => {
                by_key.insert(line.key, vec![row]);
            }
        }
        Ok(())
    })?;
    for rows in by_key.values_mut() {
        rows.sort_by_key(|row| row.minute);
    }
    Ok(by_key)
}

fn token_row(at: &str, model: &str, input: u64, output: u64, models: &mut Models) -> Result<TokenRow, String> {
    let count = |n: u64| i64::try_from(n).map_err(|_| format!("{n} tokens in a minute are beyond belief"));
    Ok(TokenRow { minute: minute(at)?, model: models.intern(model), input: count(input)?, output: count(output)? })
}

/// Model names are few and rows are many.
#[derive(Default)]
struct Models(Vec<Arc<str>>);

impl Models {
    fn intern(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.0.iter().find(|known| known.as_ref() == name) {
            return known.clone();
        }
        let new: Arc<str> = Arc::from(name);
        self.0.push(new.clone());
        new
    }
}

fn known_rates() -> Rates {
    Rates::new(KNOWN_RATES.map(|(model, input, output)| (model.to_owned(), input, output)))
}

/// `2026-02-16T00:30Z`, or any RFC 3339 instant.
fn minute(text: &str) -> Result<Minute, String> {
    NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%MZ")
        .map(|at| at.and_utc())
        .or_else(|_| DateTime::parse_from_rfc3339(text).map(|at| at.to_utc()))
        .map(Minute::containing)
        .map_err(|_| format!("`{}` is not a time like 2026-02-16T00:30Z", text.escape_debug()))
}

/// The file, gzipped or plain.
fn existing(dir: &Path, name: &str) -> Option<PathBuf> {
    [dir.join(format!("{name}.gz")), dir.join(name)].into_iter().find(|path| path.exists())
}

fn for_each_line<T: DeserializeOwned>(
    path: &Path,
    mut take: impl FnMut(T) -> Result<(), String>,
) -> Result<(), SeriesError> {
    let file = File::open(path).map_err(|why| SeriesError::Io { path: path.to_owned(), why })?;
    let reader: Box<dyn Read> = if path.extension().is_some_and(|e| e == "gz") {
        Box::new(MultiGzDecoder::new(BufReader::new(file)))
    } else {
        Box::new(BufReader::new(file))
    };
    let mut csv = csv::Reader::from_reader(reader);
    let wrong = |line: u64, why: String| SeriesError::Line { path: path.to_owned(), line, why };
    let headers = csv.headers().map_err(|e| wrong(1, e.to_string()))?.clone();
    let mut record = csv::StringRecord::new();
    loop {
        let line = csv.position().line();
        match csv.read_record(&mut record) {
            Ok(true) => {}
            Ok(false) => return Ok(()),
            Err(e) => return Err(wrong(line, e.to_string())),
        }
        let parsed = record.deserialize(Some(&headers)).map_err(|e| wrong(line, e.to_string()))?;
        take(parsed).map_err(|why| wrong(line, why))?;
    }
}
