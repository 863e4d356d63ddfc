//! Use cases: what guard does, written over ports. They branch on decisions of the domain, never on concrete adapters.

mod context;
pub mod custody;
pub mod drive;
pub mod enroll;
mod error;
mod perform;
pub mod points;
pub mod rearm;
pub mod rotate;
mod tell;
pub mod trip;

pub use context::{App, ConsumerFactory};
pub use error::AppError;
