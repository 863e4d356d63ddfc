//! Integration tests: one binary, one module an area.

mod openapi;
mod organization;
mod prism;
mod provider_contract;
mod provider_contract_errors;
mod provider_contract_faults;
mod provider_contract_pages;
mod provider_contract_requests;
mod sandbox_contract;
mod sandbox_contract_cli;
mod sandbox_contract_clock;
mod sandbox_contract_control;
