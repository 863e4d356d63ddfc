//! Money in integer micro-dollars. Floats never hold money.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Sub};

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::{Deserialize, Serialize};

/// An amount in micro-dollars (10⁻⁶ USD), never negative; arithmetic saturates, so that an absurd feed cannot wrap round
/// to a small number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct UsdMicros(u64);

/// Why a text is not an amount.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an amount in USD; write digits with up to six decimals, for example \"12.50\"")]
pub struct InvalidUsd(String);

impl UsdMicros {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// From micro-dollars.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// From whole dollars.
    pub const fn from_dollars(dollars: u64) -> Self {
        Self(dollars.saturating_mul(1_000_000))
    }

    /// From a figure of a model or a statistic; negative and not-a-number become zero, beyond the range becomes the maximum.
    pub fn from_dollars_f64(dollars: f64) -> Self {
        // A float-to-integer cast saturates and maps NaN to zero.
        Self((dollars * 1e6).round() as u64)
    }

    /// Micro-dollars.
    pub const fn micros(self) -> u64 {
        self.0
    }

    /// Dollars, for statistics and plots only.
    pub fn dollars(self) -> f64 {
        self.0 as f64 / 1e6
    }

    /// Parses `"12.50"`. Neither sign, exponent nor currency is accepted.
    ///
    /// # Errors
    /// [`InvalidUsd`] when the text is anything else, has more than six decimals, or is out of range.
    pub fn parse(text: &str) -> Result<Self, InvalidUsd> {
        let fail = || InvalidUsd(text.chars().take(40).flat_map(char::escape_debug).collect());
        let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        let decimal: Decimal = if plain { text.parse().map_err(|_| fail())? } else { return Err(fail()) };
        let micros = decimal.checked_mul(Decimal::from(1_000_000)).ok_or_else(fail)?;
        if !micros.fract().is_zero() {
            return Err(fail());
        }
        micros.to_u64().map(Self).ok_or_else(fail)
    }

    /// The difference, or zero.
    pub fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// `self × factor`, rounded; for policy such as "1.25 times the worst seen".
    pub fn scale(self, factor: f64) -> Self {
        Self((self.0 as f64 * factor).round() as u64)
    }
}

impl Add for UsdMicros {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for UsdMicros {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for UsdMicros {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        self.saturating_sub(other)
    }
}

impl Sum for UsdMicros {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

/// `$0.0042`, `$12.50`, `$16,714.00`: two decimals from a dollar on, four below it.
impl fmt::Display for UsdMicros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = if self.0 >= 999_950 || self.0 == 0 {
            let cents = self.0.saturating_add(5_000) / 10_000;
            let whole = (cents / 100).to_string();
            let mut grouped = String::with_capacity(whole.len() + whole.len() / 3);
            for (i, digit) in whole.chars().enumerate() {
                if i > 0 && (whole.len() - i).is_multiple_of(3) {
                    grouped.push(',');
                }
                grouped.push(digit);
            }
            format!("${grouped}.{:02}", cents % 100)
        } else {
            format!("$0.{:04}", self.0.saturating_add(50) / 100)
        };
        f.pad(&text)
    }
}

/// In files and JSON an amount is a decimal string: `"12.500000"` without trailing zeros.
impl Serialize for UsdMicros {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let decimal = Decimal::from(self.0) / Decimal::from(1_000_000);
        serializer.collect_str(&decimal.normalize())
    }
}

impl<'de> Deserialize<'de> for UsdMicros {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn shows_what_people_expect() {
        for (micros, shown) in [
            (0, "$0.00"),
            (4_200, "$0.0042"),
            (999_960, "$1.00"),
            (12_500_000, "$12.50"),
            (16_714_000_000, "$16,714.00"),
        ] {
            assert_eq!(UsdMicros(micros).to_string(), shown);
        }
    }

    #[test]
    fn refuses_what_is_not_plain_money() {
        for bad in ["", "-1", "1e3", "$5", "1,000", "0.0000001", "NaN", "99999999999999999999"] {
            assert!(UsdMicros::parse(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn text_round_trips(micros in any::<u64>()) {
            let amount = UsdMicros(micros);
            let json = serde_json::to_string(&amount).unwrap();
            prop_assert_eq!(serde_json::from_str::<UsdMicros>(&json).unwrap(), amount);
        }
    }
}
