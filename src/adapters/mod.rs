//! Implementations of the ports. They know the domain and the ports, never a use case, never each other.

pub mod clock;
pub mod consumer;
pub mod http;
pub mod ledger_file;
pub mod notify;
pub mod provider;
pub mod store;
pub mod vault;
