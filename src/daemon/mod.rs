//! The long-running service (skeleton).
