//! Integration tests: one binary, one module an area.

mod layers;
mod organization;
mod provider_contract;
