//! Clocks: the system's, and the sandbox's virtual one.

mod sandbox;
mod system;

pub use sandbox::{Presence, SandboxClock, SandboxClockError};
pub use system::SystemClock;
