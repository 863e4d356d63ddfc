use std::sync::Arc;

use super::{Failure, Globals, Output, diagnostics};
use crate::app::App;
use crate::domain::ids::WorkspaceName;
use crate::domain::ledger::{Ledger, Workspace};
use crate::exit::Exit;
use crate::wiring::{self, ConfigFileError, LedgerError, LoadedLedger, Paths};

/// What a command works with: flags, directories, output, and the ledger and ports when it asks for them.
pub struct Session {
    /// Flags that every command takes.
    pub globals: Globals,
    /// Where things are.
    pub paths: Paths,
    /// Where words go.
    pub out: Output,
}

impl Session {
    /// Resolves directories and starts logging.
    pub fn new(globals: Globals) -> Result<Self, (Output, Failure)> {
        let out = Output::new(&globals);
        let paths = match Paths::resolve(globals.config.clone(), globals.state_dir.clone()) {
            Ok(paths) => paths,
            Err(why) => return Err((out, Failure::new(Exit::Config, why))),
        };
        wiring::start_logging(globals.verbose);
        Ok(Self { globals, paths, out })
    }

    /// The ledger, checked. A wrong one is reported whole and nothing has changed.
    pub fn ledger(&self) -> Result<Arc<Ledger>, Failure> {
        self.judged(wiring::load_ledger(&self.paths)).map(|loaded| Arc::new(loaded.parsed.ledger))
    }

    /// What [`wiring::load_ledger`] found, with its error in words.
    pub fn judged(&self, loaded: Result<LoadedLedger, LedgerError>) -> Result<LoadedLedger, Failure> {
        loaded.map_err(|error| match error {
            LedgerError::File(error @ ConfigFileError::Missing(_)) => Failure::new(Exit::Config, error.to_string())
                .hint("`guard init` makes a first one; --config names another place"),
            LedgerError::File(error) => Failure::new(Exit::Config, error.to_string()),
            LedgerError::Wrong { text, problems } => {
                diagnostics::refused(&self.paths.ledger.display().to_string(), &text, &problems)
            }
        })
    }

    /// Every port, wired to the real thing. `command` names the actor in evidence and locks.
    pub fn app(&self, command: &str) -> Result<App, Failure> {
        wiring::app(&self.paths, self.ledger()?, command)
    }

    /// The ledger's workspace of that name, or a failure that lists what there is.
    pub fn workspace<'l>(&self, ledger: &'l Ledger, name: &WorkspaceName) -> Result<&'l Workspace, Failure> {
        ledger.workspace(name).ok_or_else(|| {
            let known: Vec<&str> = ledger.workspaces.iter().map(|w| w.name.as_str()).collect();
            let near = known.iter().copied().max_by(|a, b| {
                strsim::jaro_winkler(a, name.as_str()).total_cmp(&strsim::jaro_winkler(b, name.as_str()))
            });
            let failure = Failure::new(Exit::Usage, format!("the ledger has no workspace `{name}`"));
            match near {
                Some(near) if strsim::jaro_winkler(near, name.as_str()) > 0.8 => {
                    failure.hint(format!("did you mean `{near}`? `guard ledger list` shows all"))
                }
                _ => failure.hint(format!("it has: {}", known.join(", "))),
            }
        })
    }
}
