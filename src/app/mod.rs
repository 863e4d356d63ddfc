//! Use cases: what guard does, written over ports. They branch on decisions of the domain, never on concrete adapters.

mod context;
mod error;
mod evidence;

pub use context::{App, ConsumerFactory};
pub use error::AppError;
pub use evidence::{EvidenceLines, evidence_lines};
