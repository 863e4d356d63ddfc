//! Integration tests, one binary: it links once.

mod gate;
mod lease;
mod store;
mod store_usage;
