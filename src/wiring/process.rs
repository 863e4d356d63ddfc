use crate::adapters::child::Children;
use crate::adapters::{hardening, logging};
use crate::ports::Jobs;

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
