//! `guard`: a guardian for unattended LLM pipelines. See `ARCHITECTURE.md` for the rooms and the rules between them.
#![warn(missing_docs)]
#![forbid(unsafe_code)]

pub mod adapters;
pub mod app;
pub mod cli;
pub mod daemon;
pub mod domain;
pub mod exit;
pub mod ports;
pub mod report;
pub mod sandbox;
pub mod wiring;
