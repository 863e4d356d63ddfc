//! The machine of a workspace's keys: rotation, trip, rearm and failover. They are one machine because they share five
//! durable facts: the *desired* key that consumers converge to, the *doomed* keys that are owed a deactivation, the
//! *dead* keys, the *tripped* keys, and the latch with its generation.
//!
//! [`Custody`] is the fold of the journal ([`fold`], [`Custody::apply`]); [`decide`] says what to do next; [`observe`] turns what an
//! effect showed into facts. All three are pure: the time is told, nothing is read.

mod abstraction;
mod apply;
mod audit;
mod change;
mod converge;
mod decide;
mod drain;
mod effect;
mod event;
pub mod invariants;
mod liveness;
mod obligations;
mod observe;
mod plan;
mod policy;
mod retry;
mod service;
mod sight;
mod stages;
mod state;
mod tally;
mod view;
mod waiting;

pub use abstraction::Lapse;
pub use apply::{Illegal, fold};
pub use audit::{AuditOutcome, Audited, Delivery, DrainEvidence, audit};
pub use decide::{Decision, decide};
pub use drain::{Drain, DrainProof, DrainQuestion, FEED_MARGIN, judge_drain};
pub use effect::{Effect, Fault, Finding, Outcome, SetStatus};
pub use event::{DeathProof, DecodeError, Ending, Enrolment, Event, VERSION};
pub use observe::observe;
pub use plan::{Plan, PlannedStep, plan};
pub use policy::Policy;
pub use retry::{ALARM_AFTER, Retry, Task};
pub use service::Refusal;
pub use sight::{GateSeen, ProbeSeen, Seen, Sight};
pub use state::{
    Closing, ConsumerRecord, Custody, GateRecord, Holding, Incident, KeyRecord, Phase, Role, Rotation, Stage, Standing,
    Wire,
};
pub use tally::{Spread, Tally};
pub use waiting::{Ask, Waiting};
