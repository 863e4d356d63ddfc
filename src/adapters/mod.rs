//! Implementations of the ports. They know the domain and the ports, never a use case, never each other.

pub mod child;
pub mod consumer;
pub mod hardening;
pub mod http;
pub mod logging;
pub mod notify;
pub mod provider;
pub mod store;
pub mod surroundings;
pub mod vault;
