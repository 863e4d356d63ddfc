//! The only place that names concrete adapters: directories, ledger and settings in, an [`App`] out.

mod setup;

use std::path::PathBuf;
use std::sync::Arc;

use crate::adapters::config_file;
pub use crate::adapters::config_file::ConfigFileError;
use crate::app::App;
use crate::domain::ledger::{self, Ledger, Parsed, Problem};
use crate::domain::price::PriceTable;
use crate::exit::Exit;
use crate::exit::Failure;

pub use setup::{create_ledger, prepare, read_secret};

/// Where things are. systemd's directories win, then root's, then a person's.
#[derive(Debug, Clone)]
pub struct Paths {
    /// The ledger's file.
    pub ledger: PathBuf,
    /// Configuration directory: the vault's key file, hooks.
    pub config_dir: PathBuf,
    /// State directory: database, vault files, gates, locks.
    pub state_dir: PathBuf,
}

impl Paths {
    /// From flags and environment.
    pub fn resolve(config: Option<PathBuf>, state_dir: Option<PathBuf>) -> Result<Self, String> {
        let var = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
        let home =
            || var("HOME").ok_or("neither HOME nor an XDG directory is set; pass --config and --state-dir".to_owned());
        let root = rustix::process::geteuid().is_root();
        let config_dir = match (var("CONFIGURATION_DIRECTORY"), root, var("XDG_CONFIG_HOME")) {
            (Some(dir), _, _) => dir,
            (None, true, None) => PathBuf::from("/etc/guard"),
            (None, _, Some(dir)) => dir.join("guard"),
            (None, false, None) => home()?.join(".config/guard"),
        };
        let state_dir = match (state_dir, var("STATE_DIRECTORY"), root, var("XDG_STATE_HOME")) {
            (Some(dir), ..) | (None, Some(dir), ..) => dir,
            (None, None, true, None) => PathBuf::from("/var/lib/guard"),
            (None, None, _, Some(dir)) => dir.join("guard"),
            (None, None, false, None) => home()?.join(".local/state/guard"),
        };
        let here = PathBuf::from("guard.toml");
        let ledger = config.unwrap_or_else(|| if here.exists() { here } else { config_dir.join("guard.toml") });
        Ok(Self { ledger, config_dir, state_dir })
    }
}

/// Logs to standard error; `GUARD_LOG` overrides the level.
pub fn start_logging(_verbose: u8) {}

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

/// Builds every port.
pub fn app(_paths: &Paths, _ledger: Arc<Ledger>, _command: &str) -> Result<App, Failure> {
    Err(Failure::new(Exit::Internal, "skeleton"))
}
