//! Use cases: what guard does, written over ports. They branch on decisions of the domain, never on concrete adapters.

mod context;
mod error;
pub mod init;
pub mod reconcile;

pub use context::{App, ConsumerFactory};
pub use error::AppError;
