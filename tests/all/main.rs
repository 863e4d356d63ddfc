//! Integration tests, one binary: each area is a module.

mod check;
mod cli_manners;
mod doctor;
mod exec;
mod exec_child;
mod jobs_fakes;
mod key_list;
mod notify_outbox;
mod notify_webhook;
