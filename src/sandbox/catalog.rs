//! The models that the sandbox offers and what it charges for them. It is the provider's price list, on purpose not guard's
//! own table: a drill is scored with it.

use crate::domain::money::UsdMicros;
use crate::domain::usage::Tokens;

/// A model with its prices in micro-dollars per million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Model {
    /// Its id.
    pub id: &'static str,
    /// Its name for people.
    pub display_name: &'static str,
    /// The day it came out.
    pub released: &'static str,
    input: u64,
    cache_read: u64,
    output: u64,
}

/// Newest first, as the models list is ordered. Prices of November 2026: <https://platform.claude.com/docs/en/about-claude/pricing>.
pub const MODELS: [Model; 9] = [
    model("claude-fable-5-2", "Claude Fable 5.2", "2026-11-09", 8_000_000, 200_000, 40_000_000),
    model("claude-haiku-5-5", "Claude Haiku 5.5", "2026-10-07", 100_000, 10_000, 500_000),
    model("claude-sonnet-5-5", "Claude Sonnet 5.5", "2026-09-28", 2_000_000, 100_000, 10_000_000),
    model("claude-opus-5-5", "Claude Opus 5.5", "2026-09-22", 4_000_000, 200_000, 20_000_000),
    model("claude-opus-5", "Claude Opus 5", "2026-07-24", 5_000_000, 500_000, 25_000_000),
    model("claude-sonnet-5", "Claude Sonnet 5", "2026-06-30", 2_000_000, 200_000, 10_000_000),
    model("claude-fable-5", "Claude Fable 5", "2026-06-09", 10_000_000, 1_000_000, 50_000_000),
    model("claude-sonnet-4-6", "Claude Sonnet 4.6", "2026-02-17", 3_000_000, 300_000, 15_000_000),
    model("claude-haiku-4-5-20251001", "Claude Haiku 4.5", "2025-10-01", 1_000_000, 100_000, 5_000_000),
];

const fn model(
    id: &'static str,
    display_name: &'static str,
    released: &'static str,
    input: u64,
    cache_read: u64,
    output: u64,
) -> Model {
    Model { id, display_name, released, input, cache_read, output }
}

/// The model of that id, or of its alias: the id without the day.
pub fn find(id: &str) -> Option<&'static Model> {
    let day = |rest: &str| rest.len() == 9 && rest.starts_with('-') && rest[1..].bytes().all(|b| b.is_ascii_digit());
    MODELS.iter().find(|model| model.id.strip_prefix(id).is_some_and(|rest| rest.is_empty() || day(rest)))
}

/// What `tokens` of this model cost; a model that is not in the list costs as much as the dearest.
pub fn cost(model: &str, tokens: &Tokens) -> UsdMicros {
    let dearest = || MODELS.iter().max_by_key(|m| m.output);
    let Some(model) = find(model).or_else(dearest) else { return UsdMicros::ZERO };
    let parts = [
        (tokens.uncached_input, model.input),
        (tokens.cache_read, model.cache_read),
        // Writing to a cache costs 1.25 and 2 times the input.
        (tokens.cache_write_5m, model.input / 4 * 5),
        (tokens.cache_write_1h, model.input * 2),
        (tokens.output, model.output),
        // 10 USD per 1,000 searches.
        (tokens.web_searches, 10_000 * 1_000_000),
    ];
    let picos: u128 = parts.iter().map(|(count, price)| u128::from(*count) * u128::from(*price)).sum();
    UsdMicros::from_micros(u64::try_from(picos / 1_000_000).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_tokens_cost_what_the_list_says() {
        let tokens = Tokens { uncached_input: 1_000_000, output: 1_000_000, ..Tokens::default() };
        assert_eq!(cost("claude-sonnet-4-6", &tokens), UsdMicros::from_dollars(18));
        assert_eq!(cost("claude-unheard-of", &tokens), UsdMicros::from_dollars(60));
        let cached = Tokens { cache_write_5m: 1_000_000, cache_write_1h: 1_000_000, ..Tokens::default() };
        assert_eq!(cost("claude-opus-5-5", &cached), UsdMicros::from_dollars(13));
    }
}
