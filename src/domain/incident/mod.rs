//! What an incident is: the trip as the journal holds it, and the figures that every page, picture and file about it is made from.

mod checklist;
mod hint;
mod life;
mod loss;
pub mod minute_text;
mod moments;
mod redacted;
mod report;
mod series;
mod trip;
mod usual;

pub use checklist::{Check, CheckState, Surroundings, checklist};
pub use hint::Hint;
pub use life::{Life, LifeState, lives};
pub use loss::{Horizon, Loss};
pub use moments::{Moments, Step};
pub use redacted::RedactedLedger;
pub use report::{
    Action, BreakdownLine, Cause, EvidenceExcerpt, EvidenceHead, Failover, Figure, IncidentReport, Involved, Outcome,
    Part, ProviderResponse, Standing,
};
pub use series::{Band, Charge, Hidden, UsageSeries};
pub use trip::{GateNote, TripRecord};
pub use usual::{USUAL_DAYS, usual};
