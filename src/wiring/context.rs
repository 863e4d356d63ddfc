use std::sync::Arc;

use super::Paths;
use crate::app::App;
use crate::domain::ledger::Ledger;
use crate::exit::{Exit, Failure};
use crate::ports::{Gate, Vault};

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

/// Builds every port.
pub fn app(_paths: &Paths, _ledger: Arc<Ledger>, _command: &str) -> Result<App, Failure> {
    Err(Failure::new(Exit::Internal, "skeleton"))
}
