//! The one place that talks HTTP. Every call is bounded in time and size, goes to https or to this machine only, follows no
//! redirect and obeys no ambient proxy.

mod client;
mod message;
mod url;

pub use client::{Client, HttpError, Limits};
pub use message::{Request, Response};
pub use url::{InvalidUrl, Url};
