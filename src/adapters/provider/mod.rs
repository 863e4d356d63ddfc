//! Providers: one folder each.

pub mod anthropic;
