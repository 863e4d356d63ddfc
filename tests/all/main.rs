//! Integration tests: one binary, one module an area.

mod consumer_edit;
mod layers;
