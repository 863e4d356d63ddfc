//! Statistics that one wild value does not move.

/// The median; the lower of the two middle values of an even count, zero of none. Reorders `values`.
pub fn median(values: &mut [u64]) -> u64 {
    if values.is_empty() {
        return 0;
    }
    let middle = (values.len() - 1) / 2;
    *values.select_nth_unstable(middle).1
}

/// How widely positive values spread: 1.4826 × the median absolute deviation of their logarithms (the factor makes it
/// comparable to a standard deviation), clamped to [`SPREAD`]; its upper end when there are too few values to tell.
pub fn log_spread(values: impl Iterator<Item = u64>) -> f64 {
    let mut logs: Vec<f64> = values.filter(|v| *v > 0).map(|v| (v as f64).ln()).collect();
    if logs.len() < 4 {
        return SPREAD.1;
    }
    let middle = middle_of(&mut logs);
    let mut deviations: Vec<f64> = logs.iter().map(|log| (log - middle).abs()).collect();
    (1.4826 * middle_of(&mut deviations)).clamp(SPREAD.0, SPREAD.1)
}

/// No job is steadier than the first, and beyond the second a spread says only "anything goes".
pub const SPREAD: (f64, f64) = (0.12, 0.7);

fn middle_of(values: &mut [f64]) -> f64 {
    let middle = (values.len() - 1) / 2;
    *values.select_nth_unstable_by(middle, f64::total_cmp).1
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_median_of_nothing_is_zero() {
        assert_eq!(median(&mut []), 0);
        assert_eq!(median(&mut [5]), 5);
        assert_eq!(median(&mut [9, 1]), 1);
    }

    #[test]
    fn one_wild_value_moves_neither() {
        assert_eq!(median(&mut [10, 11, 12, 1_000_000]), 11);
        let calm = log_spread([100, 110, 105, 95, 102].into_iter());
        let wild = log_spread([100, 110, 105, 95, 1_000_000].into_iter());
        assert!(wild < 2.0 * calm, "{calm} {wild}");
    }

    proptest! {
        #[test]
        fn the_median_has_half_on_each_side(mut values in proptest::collection::vec(any::<u64>(), 1..50)) {
            let middle = median(&mut values);
            let below = values.iter().filter(|v| **v < middle).count();
            let above = values.iter().filter(|v| **v > middle).count();
            prop_assert!(below * 2 <= values.len() && above * 2 <= values.len());
        }

        #[test]
        fn spread_does_not_depend_on_the_unit(values in proptest::collection::vec(1u64..1_000_000, 4..40)) {
            let thousandfold = log_spread(values.iter().map(|v| v * 1000));
            prop_assert!((log_spread(values.into_iter()) - thousandfold).abs() < 1e-9);
        }
    }
}
