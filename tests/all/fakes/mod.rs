//! A small world in memory: provider, vault, consumers, gate, journal and clock, with faults on demand. Every promise is
//! checked after every write and around every effect.

mod app;
mod ports;
mod provider;
mod store;
mod world;

pub use app::{app, ledger, name, options, release};
pub use world::{Crash, Request, World, id, secret};
