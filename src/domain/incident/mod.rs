//! (skeleton)

mod trip;

pub use trip::{GateNote, TripRecord};
