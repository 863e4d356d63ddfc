//! The only place that names concrete adapters: directories, ledger and settings in, an [`App`] out.

use std::path::PathBuf;
use std::sync::Arc;

use crate::app::App;
use crate::domain::ledger::Ledger;
use crate::exit::Exit;
use crate::exit::Failure;

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

/// Reads and checks the ledger.
pub fn load_ledger(_paths: &Paths) -> Result<Ledger, Failure> {
    Err(Failure::new(Exit::Internal, "skeleton"))
}

/// Builds every port.
pub fn app(_paths: &Paths, _ledger: Arc<Ledger>, _command: &str) -> Result<App, Failure> {
    Err(Failure::new(Exit::Internal, "skeleton"))
}

/// Reads recorded usage.
pub fn read_series(path: &std::path::Path) -> Result<crate::domain::watch::dataset::Dataset, Failure> {
    crate::adapters::series::read(path)
        .map_err(|error| Failure::new(Exit::Config, error.to_string()).hint("docs/backtest.md describes the layout"))
}
