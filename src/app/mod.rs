//! Use cases: what guard does, written over ports. They branch on decisions of the domain, never on concrete adapters.

pub mod backtest;
pub mod baseline;
pub mod bundle;
pub mod check;
mod context;
pub mod current_key;
pub mod custody;
pub mod doctor;
pub mod drive;
pub mod enroll;
mod error;
mod evidence;
pub mod exec;
pub mod init;
pub mod key_list;
pub mod metrics;
pub mod outbox;
mod perform;
pub mod points;
pub mod poll;
pub mod rearm;
pub mod reconcile;
pub mod rotate;
pub mod sight;
pub mod status;
mod tell;
pub mod trip;
mod unconfirmed;
pub mod watch;
pub mod watched;
pub mod why;

pub use context::{App, ConsumerFactory};
pub use error::AppError;
pub use evidence::{EvidenceLines, evidence_lines};
