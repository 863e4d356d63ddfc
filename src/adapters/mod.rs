//! Implementations of the ports. They know the domain and the ports, never a use case, never each other; `fs` and `process`
//! are what they share.

pub mod clock;
pub mod config_file;
pub mod consumer;
pub mod fs;
pub mod gate;
pub mod http;
pub mod keyring;
pub mod lease;
pub mod notify;
pub mod process;
pub mod provider;
pub mod store;
pub mod vault;
