use similar::TextDiff;

use super::Paths;
pub use crate::adapters::config_file::ConfigFileError;
use crate::adapters::ledger_edit::{Change, NewValue};
use crate::adapters::{config_file, ledger_edit, series};
use crate::app::backtest::own::{Suggestion, Value};
use crate::domain::ids::WorkspaceName;
use crate::domain::ledger::{self, Ledger, Parsed, Problem};
use crate::domain::price::PriceTable;
use crate::domain::watch::dataset::Dataset;
use crate::exit::{Exit, Failure};

/// Why there is no ledger to work with.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The file.
    #[error(transparent)]
    File(#[from] ConfigFileError),
    /// What it says.
    #[error("the ledger has mistakes")]
    Wrong {
        /// Its text.
        text: String,
        /// What is wrong with it, at least one error among it.
        problems: Vec<Problem>,
    },
}

/// A ledger as it was read.
#[derive(Debug)]
pub struct LoadedLedger {
    /// Its text.
    pub text: String,
    /// What it says, and what should be looked at.
    pub parsed: Parsed,
}

/// Reads and checks the ledger.
pub fn load_ledger(paths: &Paths) -> Result<LoadedLedger, LedgerError> {
    let text = config_file::read(&paths.ledger)?;
    match ledger::parse(&text) {
        Ok(parsed) => Ok(LoadedLedger { text, parsed }),
        Err(problems) => Err(LedgerError::Wrong { text, problems }),
    }
}

/// The price table that the ledger names, else the built-in one.
pub fn load_prices(ledger: &Ledger) -> Result<PriceTable, Failure> {
    let Some(path) = &ledger.provider.prices else { return Ok(PriceTable::built_in()) };
    let wrong = |why: String| {
        Failure::new(Exit::Config, format!("{}: {why}", path.display()))
            .hint("mend the table, or remove `provider.prices` from the ledger to use the built-in one")
    };
    let text = config_file::read(path).map_err(|error| wrong(error.to_string()))?;
    PriceTable::parse(&text).map_err(|error| wrong(error.to_string()))
}

/// The ledger's text with a workspace's suggestions in it; nothing is written.
fn proposed_ledger(text: &str, workspace: &str, suggestions: &[Suggestion]) -> Result<String, Failure> {
    let change = |suggestion: &Suggestion| Change {
        path: suggestion.path.clone(),
        value: match &suggestion.value {
            Value::Text(text) => NewValue::Text(text.clone()),
            Value::Flag(flag) => NewValue::Flag(*flag),
            Value::List(texts) => NewValue::List(texts.clone()),
        },
    };
    let changes: Vec<Change> = suggestions.iter().map(change).collect();
    let proposed = ledger_edit::with_changes(text, workspace, &changes)
        .map_err(|error| Failure::new(Exit::Internal, format!("no change can be proposed: {error}")))?;
    match ledger::parse(&proposed) {
        Ok(_) => Ok(proposed),
        Err(problems) => {
            let why = problems.first().map(|problem| problem.message.clone()).unwrap_or_default();
            Err(Failure::new(Exit::Internal, format!("the proposed ledger would be wrong: {why}")))
        }
    }
}

/// A proposed change as a unified diff; empty when nothing changes.
///
/// # Errors
/// When the text is not a ledger with that workspace, or the proposed one would be wrong.
pub fn ledger_diff(
    paths: &Paths,
    text: &str,
    workspace: &WorkspaceName,
    suggestions: &[Suggestion],
) -> Result<String, Failure> {
    let proposed = proposed_ledger(text, workspace.as_str(), suggestions)?;
    let name = paths.ledger.file_name().map_or_else(|| "guard.toml".into(), |name| name.to_string_lossy());
    let diff = TextDiff::from_lines(text, &proposed);
    Ok(diff.unified_diff().header(&format!("a/{name}"), &format!("b/{name}")).to_string())
}

/// Reads recorded usage.
pub fn read_series(path: &std::path::Path) -> Result<Dataset, Failure> {
    series::read(path)
        .map_err(|error| Failure::new(Exit::Config, error.to_string()).hint("docs/backtest.md describes the layout"))
}
