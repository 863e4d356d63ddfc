//! What is handed over after an incident: a page, the same as JSON, the figures as CSV.

mod csv;
mod figures;
mod glossary;
mod json;
mod page;
mod proof;
mod sections;
mod story;
mod text;

pub use csv::usage_csv;
pub use json::{SCHEMA, json};
pub use page::html;
pub use text::text;
