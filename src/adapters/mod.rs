//! Implementations of the ports. They know the domain and the ports, never a use case, never each other; `fs`, `http` and
//! `process` are what they share.

pub mod bundle;
pub mod child;
pub mod clock;
pub mod config_file;
pub mod consumer;
pub mod faults;
pub mod fs;
pub mod gate;
pub mod hardening;
pub mod hooks;
pub mod http;
pub mod keyring;
pub mod lease;
pub mod ledger_edit;
pub mod logging;
pub mod notify;
pub mod process;
pub mod provider;
pub mod series;
pub mod store;
pub mod surroundings;
pub mod vault;
