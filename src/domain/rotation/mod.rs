//! The machine of a workspace's keys.

mod event;

pub use event::Event;
