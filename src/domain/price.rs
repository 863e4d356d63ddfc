//! Prices: a dated table, and the upper bound of what a line of usage cost. Integers only; every rounding goes up.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::Deserialize;

use super::money::UsdMicros;
use super::time::Minute;
use super::usage::{Billing, Tokens, UsageRow};

/// The table that is part of the binary.
const BUILT_IN: &str = include_str!("../../config/prices.toml");

/// No price is higher: $10,000 a million tokens. Keeps the arithmetic below within 128 bits for any count of tokens.
const MAX_RATE: UsdMicros = UsdMicros::from_dollars(10_000);
/// No percentage is higher, for the same reason.
const MAX_PERCENT: u64 = 1_000;

/// What tokens cost, by model and date. Data, not code: see `config/prices.toml` for the form and the sources.
#[derive(Debug, Clone, PartialEq)]
pub struct PriceTable {
    /// The day on which the table was compared with the provider's pages.
    pub as_of: NaiveDate,
    /// By model id without a date suffix; each list is sorted by day and has one entry a day.
    models: BTreeMap<String, Vec<Dated>>,
    /// The highest rate of each class in the whole table, for models that are not in it.
    highest: Rates,
    web_searches_per_1000: UsdMicros,
    batch_percent: u64,
    geo_percent: u64,
}

/// An upper bound of a cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// How much.
    pub amount: UsdMicros,
    /// Whether the model is in the table. If not, the highest rates were taken and people should hear of it.
    pub known: bool,
}

/// Why a price table was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the price table is wrong: {0}")]
pub struct InvalidPrices(String);

/// Rates that hold from a day on.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Dated {
    from: NaiveDate,
    rates: Rates,
}

/// US dollars per million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Rates {
    input: UsdMicros,
    cache_write_5m: UsdMicros,
    cache_write_1h: UsdMicros,
    cache_read: UsdMicros,
    output: UsdMicros,
    geo_premium: bool,
}

impl Rates {
    /// The higher of both, class by class.
    fn or_higher(self, other: Self) -> Self {
        Self {
            input: self.input.max(other.input),
            cache_write_5m: self.cache_write_5m.max(other.cache_write_5m),
            cache_write_1h: self.cache_write_1h.max(other.cache_write_1h),
            cache_read: self.cache_read.max(other.cache_read),
            output: self.output.max(other.output),
            geo_premium: self.geo_premium || other.geo_premium,
        }
    }
}

/// The form of the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileForm {
    as_of: NaiveDate,
    web_searches_per_1000: UsdMicros,
    batch_percent: u64,
    geo_percent: u64,
    model: Vec<ModelForm>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ModelForm {
    id: String,
    from: Option<NaiveDate>,
    input: UsdMicros,
    cache_write_5m: UsdMicros,
    cache_write_1h: UsdMicros,
    cache_read: UsdMicros,
    output: UsdMicros,
    #[serde(default)]
    geo_premium: bool,
}

impl PriceTable {
    /// The table that is part of the binary.
    pub fn built_in() -> Self {
        // A test parses the same text, so that a wrong one never leaves the workshop.
        Self::parse(BUILT_IN).expect("the built-in price table is valid")
    }

    /// Reads a table.
    ///
    /// # Errors
    /// [`InvalidPrices`] names the line and what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, InvalidPrices> {
        let file: FileForm = toml::from_str(text).map_err(|error| InvalidPrices(error.to_string()))?;
        if file.model.is_empty() {
            return Err(InvalidPrices("it has no model".to_owned()));
        }
        if file.batch_percent > 100 || !(100..=MAX_PERCENT).contains(&file.geo_percent) {
            let bounds = format!("`batch_percent` is at most 100, `geo_percent` from 100 to {MAX_PERCENT}");
            return Err(InvalidPrices(bounds));
        }
        let mut models: BTreeMap<String, Vec<Dated>> = BTreeMap::new();
        let mut highest = Rates::default();
        for model in file.model {
            let from = model.from.unwrap_or(NaiveDate::MIN);
            let rates = Rates {
                input: model.input,
                cache_write_5m: model.cache_write_5m,
                cache_write_1h: model.cache_write_1h,
                cache_read: model.cache_read,
                output: model.output,
                geo_premium: model.geo_premium,
            };
            highest = highest.or_higher(rates);
            let dates = models.entry(model.id).or_default();
            match dates.iter_mut().find(|dated| dated.from == from) {
                Some(band) => band.rates = band.rates.or_higher(rates),
                None => dates.push(Dated { from, rates }),
            }
        }
        let classes =
            [highest.input, highest.cache_write_5m, highest.cache_write_1h, highest.cache_read, highest.output];
        if classes.into_iter().chain([file.web_searches_per_1000]).any(|rate| rate > MAX_RATE) {
            return Err(InvalidPrices(format!("a price is higher than {MAX_RATE}")));
        }
        for dates in models.values_mut() {
            dates.sort_by_key(|dated| dated.from);
        }
        // An unknown model must never look cheaper than a known one, wherever it ran.
        let highest = Rates { geo_premium: true, ..highest };
        Ok(Self {
            as_of: file.as_of,
            models,
            highest,
            web_searches_per_1000: file.web_searches_per_1000,
            batch_percent: file.batch_percent,
            geo_percent: file.geo_percent,
        })
    }

    /// The most that a line of usage can have cost.
    pub fn cost(&self, row: &UsageRow) -> Cost {
        self.cost_of(&row.model, &row.tokens, &row.billing, row.minute)
    }

    /// The most that these tokens can have cost at that time.
    pub fn cost_of(&self, model: &str, tokens: &Tokens, billing: &Billing, at: Minute) -> Cost {
        let rates = self.rates(model, at.start().date_naive());
        let known = rates.is_some();
        let rates = rates.unwrap_or(self.highest);
        let batch = if billing.service_tier.as_deref() == Some("batch") { self.batch_percent } else { 100 };
        let geo = match billing.inference_geo.as_deref() {
            None | Some("global" | "not_available") => 100,
            Some(_) if rates.geo_premium => self.geo_percent,
            Some(_) => 100,
        };
        // Tokens × micro-dollars per million tokens × percent. Five summands of at most 2⁶⁴ × 10¹⁰ × 10² (and × 10³ for the
        // geography) stay below 2¹²⁷.
        let class = |count: u64, rate: UsdMicros, percent: u64| {
            u128::from(count) * u128::from(rate.micros()) * u128::from(percent)
        };
        let sum = class(tokens.uncached_input, rates.input, batch)
            + class(tokens.cache_write_5m, rates.cache_write_5m, 100)
            + class(tokens.cache_write_1h, rates.cache_write_1h, 100)
            + class(tokens.cache_read, rates.cache_read, 100)
            + class(tokens.output, rates.output, batch);
        let for_tokens = (sum * u128::from(geo)).div_ceil(1_000_000 * 100 * 100);
        let for_searches = class(tokens.web_searches, self.web_searches_per_1000, 1).div_ceil(1_000);
        let micros = u64::try_from(for_tokens + for_searches).unwrap_or(u64::MAX);
        Cost { amount: UsdMicros::from_micros(micros), known }
    }

    /// Whether the model is in the table.
    pub fn knows(&self, model: &str) -> bool {
        self.dates(model).is_some()
    }

    /// Usage from before a model's first day (a clock, a preview) pays the first day's rates.
    fn rates(&self, model: &str, day: NaiveDate) -> Option<Rates> {
        let dates = self.dates(model)?;
        let begun = dates.partition_point(|dated| dated.from <= day);
        dates.get(begun.saturating_sub(1)).map(|dated| dated.rates)
    }

    fn dates(&self, model: &str) -> Option<&Vec<Dated>> {
        self.models.get(model).or_else(|| {
            let (id, date) = model.rsplit_once('-')?;
            let dated = date.len() == 8 && date.bytes().all(|b| b.is_ascii_digit());
            if dated { self.models.get(id) } else { None }
        })
    }
}

impl Default for PriceTable {
    fn default() -> Self {
        Self::built_in()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{TimeZone, Utc};
    use proptest::prelude::*;

    fn at(year: i32, month: u32, day: u32) -> Minute {
        Minute::containing(Utc.with_ymd_and_hms(year, month, day, 12, 0, 0).unwrap())
    }

    fn million_each() -> Tokens {
        let n = 1_000_000;
        Tokens {
            uncached_input: n,
            cache_read: n,
            cache_write_5m: n,
            cache_write_1h: n,
            output: n,
            web_searches: 1_000,
        }
    }

    fn billing(tier: &str, geo: &str) -> Billing {
        Billing { service_tier: Some(tier.into()), context_window: None, inference_geo: Some(geo.into()) }
    }

    fn micros(model: &str, tokens: &Tokens, billing: &Billing, at: Minute) -> u64 {
        PriceTable::built_in().cost_of(model, tokens, billing, at).amount.micros()
    }

    #[test]
    fn every_class_has_its_rate() {
        let november = at(2026, 11, 20);
        // 5 + 0.50 + 6.25 + 10 + 25, and 10 for the searches.
        let plain = micros("claude-opus-5", &million_each(), &billing("standard", "global"), november);
        assert_eq!(plain, 56_750_000);
        // Input and output at half price; caches in full.
        let batch = micros("claude-opus-5", &million_each(), &billing("batch", "global"), november);
        assert_eq!(batch, 41_750_000);
        // A tenth more on tokens, not on searches.
        let us = micros("claude-opus-5", &million_each(), &billing("standard", "us"), november);
        assert_eq!(us, 61_425_000);
        let before_4_6 = micros("claude-haiku-4-5-20251001", &million_each(), &billing("standard", "us"), november);
        assert_eq!(before_4_6, 19_350_000);
    }

    #[test]
    fn rates_change_on_their_day() {
        let reads = Tokens { cache_read: 1_000_000, ..Tokens::default() };
        let cost = |day| micros("claude-sonnet-5-5", &reads, &Billing::default(), day);
        assert_eq!(cost(at(2026, 10, 6)), 200_000);
        assert_eq!(cost(at(2026, 10, 7)), 100_000);
        assert_eq!(cost(at(2026, 1, 1)), 200_000, "before the first day the first rates hold");
    }

    #[test]
    fn a_band_that_cannot_be_told_apart_costs_the_upper_one() {
        let input = Tokens { uncached_input: 1_000_000, ..Tokens::default() };
        assert_eq!(micros("claude-haiku-5-5", &input, &Billing::default(), at(2026, 11, 20)), 500_000);
    }

    #[test]
    fn ids_match_themselves_and_their_dates_only() {
        let table = PriceTable::built_in();
        for known in ["claude-opus-5", "claude-opus-4-5-20251101", "claude-sonnet-4-5-20250929", "claude-fable-5-2"] {
            assert!(table.knows(known), "{known}");
        }
        for unknown in ["", "claude-opus-5-6", "claude-opus", "claude-opus-5-2026", "claude-opus-5-fast", "-20251001"] {
            assert!(!table.knows(unknown), "{unknown}");
        }
    }

    #[test]
    fn a_wrong_table_is_refused() {
        let table = |change: &dyn Fn(&str) -> String| PriceTable::parse(&change(BUILT_IN));
        assert!(table(&|t| t.to_owned()).is_ok());
        assert!(table(&|t| t.replace("input = \"8\"", "input = 8.0")).is_err());
        assert!(table(&|t| t.replace("input = \"8\"", "input = \"-8\"")).is_err());
        assert!(table(&|t| t.replace("input = \"8\"", "input = \"80000\"")).is_err());
        assert!(table(&|t| t.replace("geo_percent = 110", "geo_percent = 10")).is_err());
        assert!(table(&|t| t.replace("geo_premium", "geo_premum")).is_err());
        assert!(PriceTable::parse("as_of = \"2026-01-01\"\nweb_searches_per_1000 = \"1\"\nbatch_percent = 1\ngeo_percent = 100\nmodel = []").is_err());
    }

    fn tokens() -> impl Strategy<Value = Tokens> {
        let count = 0..2_000_000_000u64;
        (count.clone(), count.clone(), count.clone(), count.clone(), count, 0..100_000u64).prop_map(
            |(uncached_input, cache_read, cache_write_5m, cache_write_1h, output, web_searches)| Tokens {
                uncached_input,
                cache_read,
                cache_write_5m,
                cache_write_1h,
                output,
                web_searches,
            },
        )
    }

    fn any_billing() -> impl Strategy<Value = Billing> {
        let tier = prop::sample::select(vec![None, Some("standard"), Some("batch"), Some("priority"), Some("new")]);
        let geo = prop::sample::select(vec![None, Some("global"), Some("us"), Some("not_available"), Some("eu")]);
        (tier, geo).prop_map(|(tier, geo)| Billing {
            service_tier: tier.map(str::to_owned),
            context_window: None,
            inference_geo: geo.map(str::to_owned),
        })
    }

    fn any_model() -> impl Strategy<Value = String> {
        prop::sample::select(PriceTable::built_in().models.into_keys().collect::<Vec<_>>())
    }

    proptest! {
        #[test]
        fn more_tokens_never_cost_less(a in tokens(), b in tokens(), billing in any_billing(), model in any_model()) {
            let day = at(2026, 11, 20);
            prop_assert!(micros(&model, &(a + b), &billing, day) >= micros(&model, &a, &billing, day));
        }

        #[test]
        fn splitting_a_line_changes_only_the_rounding(a in tokens(), b in tokens(), billing in any_billing(), model in any_model()) {
            let day = at(2026, 11, 20);
            let whole = micros(&model, &(a + b), &billing, day);
            let parts = micros(&model, &a, &billing, day) + micros(&model, &b, &billing, day);
            // Each part rounds up twice: tokens and searches.
            prop_assert!(whole <= parts && parts - whole <= 2);
        }

        #[test]
        fn an_unknown_model_is_never_cheaper(t in tokens(), billing in any_billing(), model in any_model(), day in 0..400i64) {
            let table = PriceTable::built_in();
            let at = at(2026, 1, 1).plus(day * 1_440);
            let unknown = table.cost_of("claude-nobody-9", &t, &billing, at);
            prop_assert!(!unknown.known);
            prop_assert!(unknown.amount >= table.cost_of(&model, &t, &billing, at).amount);
        }

        #[test]
        fn absurd_counts_saturate(n in (u64::MAX - 1_000)..=u64::MAX, billing in any_billing()) {
            let t = Tokens { uncached_input: n, cache_read: n, cache_write_5m: n, cache_write_1h: n, output: n, web_searches: n };
            prop_assert_eq!(micros("claude-fable-5-2", &t, &billing, at(2026, 11, 20)), u64::MAX);
        }
    }
}
