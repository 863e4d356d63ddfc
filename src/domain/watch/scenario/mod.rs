//! Labelled trouble to inject into real usage: shapes of abuse that must be noticed, and harmless changes that must not.
//! Everything follows from the usage, the moment and a seed, so that a backtest says the same twice.

mod attack;
mod benign;
mod seed;

pub use attack::{AttackKind, attack};
pub use benign::{BenignKind, benign};
pub use seed::Seed;

use std::sync::Arc;

use super::dataset::TokenRow;
use crate::domain::time::Minute;

/// A change to a series.
#[derive(Debug, Clone, PartialEq)]
pub struct Injection {
    /// The change; for abuse, exactly the stolen usage.
    pub overlay: Vec<TokenRow>,
    /// First minute that counts.
    pub from: Minute,
    /// First minute that no longer counts.
    pub to: Minute,
}

/// What a key normally does, as far as an injection scales with it.
#[derive(Debug, Clone, PartialEq)]
pub struct Habit {
    /// Input tokens a minute, averaged over all minutes.
    pub input_rate: f64,
    /// Output tokens a minute, averaged over all minutes.
    pub output_rate: f64,
    /// The model used most.
    pub model: Arc<str>,
}

/// The habit from `from` until before `at`; `None` when there was no usage.
pub fn habit(rows: &[TokenRow], from: Minute, at: Minute) -> Option<Habit> {
    let before = slice(rows, from, at);
    let minutes = at.since(from).max(1) as f64;
    let (input, output) =
        before.iter().fold((0.0, 0.0), |sum, row| (sum.0 + row.input as f64, sum.1 + row.output as f64));
    let last = before.last()?;
    Some(Habit { input_rate: input / minutes, output_rate: output / minutes, model: last.model.clone() })
}

/// Rows in `from..to`.
fn slice(rows: &[TokenRow], from: Minute, to: Minute) -> &[TokenRow] {
    let start = rows.partition_point(|row| row.minute < from);
    &rows[start..rows.partition_point(|row| row.minute < to).max(start)]
}

/// Runs: stretches of usage whose gaps are under twelve minutes, cut after three hours (a service has no runs of its own).
fn runs(rows: &[TokenRow]) -> impl Iterator<Item = &[TokenRow]> {
    rows.chunk_by(|a, b| b.minute.since(a.minute) < 12)
        .flat_map(|run| run.chunk_by(|a, b| a.minute.since(run[0].minute) / 180 == b.minute.since(run[0].minute) / 180))
}
