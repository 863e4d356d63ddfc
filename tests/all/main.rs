//! Integration tests: one binary, which links once; one module an area.

mod gate;
mod layers;
mod lease;
mod organization;
mod process;
mod provider_contract;
mod store;
mod store_usage;
