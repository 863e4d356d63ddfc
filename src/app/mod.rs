//! Use cases: what guard does, written over ports. They branch on decisions of the domain, never on concrete adapters.

pub mod check;
pub mod bundle;
mod context;
pub mod current_key;
pub mod custody;
pub mod drive;
pub mod enroll;
mod error;
pub mod exec;
pub mod key_list;
pub mod reconcile;
pub mod sight;
mod perform;
pub mod points;
pub mod rearm;
pub mod rotate;
mod tell;
pub mod trip;

pub use context::{App, ConsumerFactory};
pub use error::AppError;
