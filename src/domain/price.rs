//! Prices: a dated table, and the upper bound of what a line of usage cost.

/// What tokens cost, by model and date. Data, not code.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PriceTable {}
