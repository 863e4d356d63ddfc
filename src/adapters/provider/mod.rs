//! Providers: one folder each.

pub mod anthropic;
mod deferred;

pub use deferred::Deferred;
