//! Integration tests: one binary, one module an area.

mod layers;
mod organization;
mod provider_contract;
//! Integration tests, one binary: it links once.

mod gate;
mod lease;
mod process;
mod store;
mod store_usage;
