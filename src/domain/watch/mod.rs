//! The watchdog's rules: usage in, verdicts out.
//!
//! A [`detector::Detector`] remembers one principal: the newest minutes one by one, four weeks by quarter of an hour.
//! Every minute with usage is judged by one file per rule; [`fusion`] puts together what they say.

pub mod alibi;
pub mod amount;
pub mod baseline;
pub mod blind;
pub mod ceiling;
pub mod dataset;
pub mod detector;
mod dormant;
mod drift;
pub mod episode;
mod first_use;
mod folding;
pub mod fusion;
pub mod history;
#[cfg(test)]
mod invariance;
#[cfg(test)]
mod learning;
mod loss;
mod model;
mod novelty;
pub mod outlook;
pub mod picture;
mod policy;
pub mod recent;
mod robust;
mod role;
mod rule;
mod run_size;
pub mod scenario;
pub mod schedule;
mod spike;
pub mod state;
pub mod usage;
mod verdict;

pub use alibi::Alibi;
pub use detector::{Detector, Judgement};
pub use policy::Policy;
pub use role::{KeyRole, Roles};
pub use rule::Rule;
pub use verdict::{Figures, Finding, Level, Response, Verdict, Window, sentence, severity};
