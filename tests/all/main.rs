//! Integration tests: one binary, one module an area.

mod crash_matrix;
mod enroll;
mod fakes;
mod machine;
mod rotation;
mod trip;
