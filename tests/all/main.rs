//! Integration tests, one binary: it links once.

mod again;
mod consumers;
mod evidence;
mod gate;
mod lease;
mod process;
mod store;
mod store_usage;
mod vault;
