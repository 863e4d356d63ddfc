//! Integration tests: one binary, which links once; one module an area.

mod again;
mod check;
mod consumer_edit;
mod exec;
mod exec_child;
mod gate;
mod jobs_fakes;
mod layers;
mod lease;
mod organization;
mod process;
mod provider_contract;
mod store;
mod store_usage;
mod vault;
