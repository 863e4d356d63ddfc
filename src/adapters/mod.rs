//! Implementations of the ports. They know the domain and the ports, never a use case, never each other.

pub mod consumer;
pub mod notify;
pub mod provider;
pub mod series;
pub mod store;
pub mod vault;
