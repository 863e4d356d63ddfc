//! Use cases: what guard does, written over ports. They branch on decisions of the domain, never on concrete adapters.

pub mod backtest;
mod context;
mod error;
pub mod poll;
pub mod watched;

pub use context::{App, ConsumerFactory};
pub use error::AppError;
