//! Integration tests: one binary, one module an area.

mod again;
mod consumer_edit;
mod consumer_local;
mod consumer_remote;
mod consumers;
mod gate;
mod layers;
mod lease;
mod ledger;
mod ledger_command;
mod pipelines;
mod process;
mod reconcile;
mod setup;
mod store;
mod store_usage;
mod vault;
