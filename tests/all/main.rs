//! Integration tests: one binary, which links once; one module an area.

//! Integration tests: one binary, one module an area.

mod consumer_edit;
mod gate;
mod layers;
mod lease;
mod organization;
mod process;
mod provider_contract;
mod store;
mod store_usage;
