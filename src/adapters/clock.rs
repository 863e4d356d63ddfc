//! Clocks: the system's, and the sandbox's virtual one.

mod system;

pub use system::SystemClock;
