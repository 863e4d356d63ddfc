//! (skeleton)

pub mod edit;
