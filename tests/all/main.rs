//! Integration tests, one binary: each area is a module.

mod check;
mod exec;
mod exec_child;
mod jobs_fakes;
mod notify_outbox;
mod notify_webhook;
