//! Pages, pictures and files for people. Pure: values in, text out. No script, no outside request, nothing that only colour
//! says; text from outside is made harmless in [`harmless`] and escaped by the template.

pub mod audit;
pub mod axis;
mod bars;
pub mod harmless;
pub mod incident;
mod labels;
pub mod metrics;
mod page;
pub mod plot;
pub mod status;
mod svg;
pub mod terminal_plot;
mod usage_bins;
