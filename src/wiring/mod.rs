//! The only place that names concrete adapters: directories, ledger and settings in, an [`App`](crate::app::App) out.

mod context;
mod evidence;
mod host;
mod ledger;
mod paths;
mod process;
mod setup;

pub use context::{KeyRing, app, bundles, key_ring, kill_switch};
pub use evidence::{evidence, fresh_seed};
pub use host::surroundings;
pub use ledger::{ConfigFileError, LedgerError, LoadedLedger, ledger_diff, load_ledger, load_prices, read_series};
pub use paths::Paths;
pub use process::Process;
pub use setup::{create_ledger, prepare, read_secret, status_token};
