//! Recorded usage with labels, as a backtest replays it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::amount::{self, Amount};
use super::scenario::Habit;
use super::usage::{MinuteUsage, ModelUsage};
use crate::domain::money::UsdMicros;
use crate::domain::time::Minute;
use crate::domain::usage::Tokens;

/// Tokens of one model in one minute; negative in the overlay of a case that takes usage away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRow {
    /// When.
    pub minute: Minute,
    /// Which model.
    pub model: Arc<str>,
    /// Input tokens.
    pub input: i64,
    /// Output tokens.
    pub output: i64,
}

/// What a poller saw, where that differs from a feed that is merely late.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// First minute that it replaces.
    pub from: Minute,
    /// First minute that it no longer replaces.
    pub to: Minute,
    /// Polls in order of time, each with a row that replaces what was seen of its minute and model before.
    pub sightings: Vec<(Minute, TokenRow)>,
}

/// The usage of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    /// The key's name.
    pub key: String,
    /// The file that it came from, as labels refer to it.
    pub file: String,
    /// What kind of job it is: `nightly`, `pipeline`, `recurrent`, …
    pub profile: String,
    /// First minute that was observed.
    pub start: Minute,
    /// How many minutes were observed.
    pub minutes: i64,
    /// Minutes with usage, ascending, positive.
    pub rows: Vec<TokenRow>,
}

/// Whether a case is abuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CaseClass {
    /// Somebody else spends.
    Attack,
    /// Something unusual, but the owner's own.
    Benign,
}

impl CaseClass {
    /// The word in files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Attack => "attack",
            Self::Benign => "benign",
        }
    }
}

/// A change to a series, with its label.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// Its name.
    pub name: String,
    /// The series that it changes; `None` for a key without any usage of its own.
    pub key: Option<String>,
    /// The series' file.
    pub file: String,
    /// Abuse or not.
    pub class: CaseClass,
    /// What kind, `a_spike`, …
    pub kind: String,
    /// First minute that counts.
    pub evaluate_from: Minute,
    /// First minute that no longer counts.
    pub evaluate_to: Minute,
    /// The key is observed, or exists, only from here on.
    pub drop_before: Option<Minute>,
    /// What the operator declared as the most that a day may cost.
    pub declared_budget: Option<UsdMicros>,
    /// What a normal day costs.
    pub normal_day: UsdMicros,
    /// The changes, ascending by minute.
    pub overlay: Vec<TokenRow>,
    /// What the poller saw, where it was recorded.
    pub polls: Option<View>,
}

/// Everything a backtest replays.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Dataset {
    /// Unchanged usage.
    pub series: Vec<Series>,
    /// Labelled changes.
    pub cases: Vec<Case>,
    /// What models cost.
    pub rates: Rates,
}

/// Dollars per million input and output tokens, by model; equal to micro-dollars per token. A model without a rate costs the highest.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rates {
    by_model: BTreeMap<String, (f64, f64)>,
    highest: (f64, f64),
}

impl Rates {
    /// From a list of model, input rate and output rate.
    pub fn new(rates: impl IntoIterator<Item = (String, f64, f64)>) -> Self {
        let by_model: BTreeMap<String, (f64, f64)> = rates.into_iter().map(|(m, i, o)| (m, (i, o))).collect();
        let highest = by_model.values().fold((0.0, 0.0), |a: (f64, f64), b| (a.0.max(b.0), a.1.max(b.1)));
        Self { by_model, highest }
    }

    /// What a minute costs, in dollars, of a habit spread evenly.
    pub fn minute(&self, habit: &Habit) -> f64 {
        let (input_rate, output_rate) = self.of(&habit.model);
        (habit.input_rate * input_rate + habit.output_rate * output_rate) / 1e6
    }

    /// Input and output rate of a model.
    pub fn of(&self, model: &str) -> (f64, f64) {
        self.by_model.get(model).copied().unwrap_or(self.highest)
    }

    fn amount(&self, model: &str, input: u64, output: u64) -> Amount {
        let (input_rate, output_rate) = self.of(model);
        let tokens = Tokens { uncached_input: input, output, ..Tokens::default() };
        let micros = (input as f64 * input_rate + output as f64 * output_rate).round();
        Amount { work: amount::work(&tokens), usd: UsdMicros::from_micros(micros as u64), tokens: tokens.total() }
    }

    /// Prices rows (ascending by minute; several rows of a model in a minute add up, a sum below zero is zero) and groups
    /// them by minute.
    pub fn price(&self, rows: &[TokenRow]) -> Vec<MinuteUsage> {
        let mut minutes = Vec::new();
        for group in rows.chunk_by(|a, b| a.minute == b.minute) {
            let mut sums: Vec<(Arc<str>, i64, i64)> = Vec::new();
            for row in group {
                match sums.iter_mut().find(|s| s.0 == row.model) {
                    Some(sum) => {
                        sum.1 = sum.1.saturating_add(row.input);
                        sum.2 = sum.2.saturating_add(row.output);
                    }
                    None => sums.push((row.model.clone(), row.input, row.output)),
                }
            }
            let models: Vec<ModelUsage> = sums
                .into_iter()
                .filter_map(|(model, input, output)| {
                    let (input, output) = (u64::try_from(input).unwrap_or(0), u64::try_from(output).unwrap_or(0));
                    let amount = self.amount(&model, input, output);
                    (amount.tokens > 0).then_some(ModelUsage { model, amount })
                })
                .collect();
            if !models.is_empty() {
                minutes.push(MinuteUsage { minute: group[0].minute, models, terms: Vec::new() });
            }
        }
        minutes
    }
}

/// Rows of two ascending lists in one ascending list.
pub fn merge(a: &[TokenRow], b: &[TokenRow]) -> Vec<TokenRow> {
    let mut rows = Vec::with_capacity(a.len() + b.len());
    let (mut i, mut j) = (0, 0);
    while i < a.len() || j < b.len() {
        let from_a = j >= b.len() || i < a.len() && a[i].minute <= b[j].minute;
        rows.push(if from_a { a[i].clone() } else { b[j].clone() });
        if from_a { i += 1 } else { j += 1 }
    }
    rows
}
