//! The only place that names concrete adapters: directories, ledger and settings in, an [`App`] out.

mod host;

use std::path::PathBuf;
use std::sync::Arc;

use crate::adapters::child::Children;
use crate::adapters::{hardening, logging};
use crate::app::App;
use crate::domain::ledger::Ledger;
use crate::exit::{Exit, Failure};
use crate::ports::{Gate, Jobs, Vault};

pub use host::surroundings;

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

/// What guard changed about its own process at start.
#[derive(Debug, Clone, Copy)]
pub struct Process {
    inherited_umask: rustix::fs::Mode,
}

impl Process {
    /// Starts logging to standard error (`GUARD_LOG` overrides the level) and hardens the process. Once, before any secret
    /// is read and before any thread is started.
    pub fn prepare(verbose: u8, json: bool) -> Self {
        logging::start(logging::Style { verbose, json }, std::env::var("GUARD_LOG").ok().as_deref());
        Self { inherited_umask: hardening::harden() }
    }

    /// Starts the jobs of `guard exec`.
    pub fn jobs(&self) -> impl Jobs {
        Children::new(self.inherited_umask)
    }
}

/// All that handing out a key needs: neither database nor network.
pub struct KeyRing {
    /// The latches.
    pub gate: Arc<dyn Gate>,
    /// Secrets.
    pub vault: Arc<dyn Vault>,
}

/// Builds gate and vault alone.
pub fn key_ring(_paths: &Paths) -> Result<KeyRing, Failure> {
    Err(Failure::new(Exit::Internal, "skeleton"))
}

/// Reads and checks the ledger.
pub fn load_ledger(_paths: &Paths) -> Result<Ledger, Failure> {
    Err(Failure::new(Exit::Internal, "skeleton"))
}

/// Builds every port.
pub fn app(_paths: &Paths, _ledger: Arc<Ledger>, _command: &str) -> Result<App, Failure> {
    Err(Failure::new(Exit::Internal, "skeleton"))
}
