//! Integration tests: one binary, which links once; one module an area.

mod again;
mod browser;
mod check;
mod cli_manners;
mod consumer_edit;
mod doctor;
mod exec;
mod exec_child;
mod gate;
mod jobs_fakes;
mod key_list;
mod layers;
mod lease;
mod notify_outbox;
mod notify_webhook;
mod organization;
mod process;
mod provider_contract;
mod report_bundle;
mod report_fixture;
mod report_status;
mod status_fixture;
mod store;
mod store_usage;
mod vault;
