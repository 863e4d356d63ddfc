//! Integration tests, one binary: it links once.

mod gate;
mod lease;
mod process;
mod store;
mod store_usage;
