//! The built binary over real HTTP against the sandbox, as a person, a timer and a crash meet it. Time is virtual: nothing
//! here sleeps for real.

mod consumer_kinds;
mod evidence;
mod gateway;
mod hints;
mod hooks;
pub mod incident;
mod journey;
mod killed_at_every_point;
mod killed_at_random;
mod many_keys;
mod place;
mod provider_down;
mod scheduled;
mod secrets;
mod side_by_side;
mod status_server;
mod week;
mod workloads;
mod wrong_price;
