//! Files: the one place that decides whether a file may be trusted, and the one way to replace one.

mod error;
mod replace;
mod trust;

pub use error::FileError;
pub use replace::{Attributes, confirm, create, remove, replace};
pub use trust::{Trust, contents, directory, exists, open, program, read};
