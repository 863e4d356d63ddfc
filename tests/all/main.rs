//! One binary for all integration tests: it links once.

mod ledger;
mod ledger_command;
mod reconcile;
mod setup;
