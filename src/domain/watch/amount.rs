//! How much was used: work, money, tokens.

use std::ops::{Add, AddAssign, Sub};

use serde::{Deserialize, Serialize};

use crate::domain::money::UsdMicros;
use crate::domain::usage::Tokens;

/// How much was used, in the three measures that rules look at. Arithmetic saturates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Amount {
    /// Model-neutral work in tenths of an input token (see [`work`]): a dearer model with the same work is no more work.
    pub work: u64,
    /// Estimated cost, an upper bound.
    pub usd: UsdMicros,
    /// Tokens of all classes.
    pub tokens: u64,
}

/// Work of `tokens`, weighted as the provider's price classes are weighted within one model: cache reads a tenth of plain
/// input, cache writes 1.25 and 2, output 5 times (<https://platform.claude.com/docs/en/about-claude/pricing>).
/// The unit is a tenth of an input token, so that it stays an integer.
pub fn work(tokens: &Tokens) -> u64 {
    let weigh = |count: u64, tenths: u64| count.saturating_mul(tenths);
    weigh(tokens.uncached_input, 10)
        .saturating_add(weigh(tokens.cache_read, 1))
        .saturating_add(weigh(tokens.cache_write_5m, 25) / 2)
        .saturating_add(weigh(tokens.cache_write_1h, 20))
        .saturating_add(weigh(tokens.output, 50))
}

impl Add for Amount {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self {
            work: self.work.saturating_add(other.work),
            usd: self.usd + other.usd,
            tokens: self.tokens.saturating_add(other.tokens),
        }
    }
}

impl AddAssign for Amount {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for Amount {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self {
            work: self.work.saturating_sub(other.work),
            usd: self.usd - other.usd,
            tokens: self.tokens.saturating_sub(other.tokens),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_does_not_depend_on_the_model() {
        let tokens = Tokens { uncached_input: 100, cache_read: 100, output: 10, ..Tokens::default() };
        assert_eq!(work(&tokens), 1_000 + 100 + 500);
    }

    #[test]
    fn absurd_counts_saturate() {
        let tokens = Tokens { output: u64::MAX, uncached_input: u64::MAX, ..Tokens::default() };
        assert_eq!(work(&tokens), u64::MAX);
    }
}
