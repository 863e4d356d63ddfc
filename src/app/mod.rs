//! Use cases: what guard does, written over ports. They branch on decisions of the domain, never on concrete adapters.

pub mod check;
mod context;
pub mod current_key;
pub mod doctor;
mod error;
pub mod exec;
pub mod key_list;
pub mod outbox;
pub mod sight;

pub use context::{App, ConsumerFactory};
pub use error::AppError;
