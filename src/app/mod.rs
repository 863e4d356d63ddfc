//! Use cases: what guard does, written over ports. They branch on decisions of the domain, never on concrete adapters.

mod context;
pub mod custody;
mod error;

pub use context::{App, ConsumerFactory};
pub use error::AppError;
