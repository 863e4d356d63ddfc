//! Integration tests: one binary, one module an area.

mod browser;
mod layers;
mod report_bundle;
mod report_fixture;
mod report_hostile;
mod report_incident;
mod report_status;
mod status_fixture;
