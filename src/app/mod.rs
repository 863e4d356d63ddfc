//! Use cases: what guard does, written over ports. They branch on decisions of the domain, never on concrete adapters.

pub mod check;
pub mod bundle;
mod context;
pub mod current_key;
pub mod custody;
mod error;
pub mod exec;
pub mod key_list;
pub mod reconcile;
pub mod sight;

pub use context::{App, ConsumerFactory};
pub use error::AppError;
