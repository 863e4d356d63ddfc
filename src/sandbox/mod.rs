//! The embedded organization (skeleton).
