//! Integration tests: one binary, one module an area.

mod openapi;
mod organization;
mod provider_contract;
mod sandbox_contract;
