//! What guard knows, without asking anybody: values in, decisions out. No clock, no disk, no network, no randomness.

pub mod evidence;
pub mod ids;
pub mod incident;
pub mod key;
pub mod ledger;
pub mod message;
pub mod money;
pub mod notice;
pub mod price;
pub mod redact;
pub mod rotation;
pub mod run;
pub mod secret;
pub mod secret_scan;
pub mod time;
pub mod usage;
pub mod watch;
