//! Integration tests: one binary, one module an area.

mod organization;
mod provider_contract;
