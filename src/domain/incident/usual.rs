use std::collections::BTreeMap;

use super::Band;
use crate::domain::money::UsdMicros;
use crate::domain::time::Minute;

/// Days that say what is usual at a time of day.
pub const USUAL_DAYS: i64 = 14;

/// Fewer days with usage say nothing.
const LEAST_DAYS: usize = 3;

const QUARTER: i64 = 15;
const DAY: i64 = 1440;

/// What a minute usually cost at each quarter of an hour in `from..until`: the median and the most over the days before
/// `onset`, of which `costs` are the costs by minute. Empty when there were too few days with usage.
pub fn usual(costs: &BTreeMap<Minute, UsdMicros>, onset: Minute, from: Minute, until: Minute) -> Vec<Band> {
    let mut quarters: BTreeMap<i64, UsdMicros> = BTreeMap::new();
    for (minute, cost) in costs.iter().filter(|(minute, _)| **minute < onset) {
        *quarters.entry(minute.epoch().div_euclid(QUARTER)).or_default() += *cost;
    }
    let days = quarters.keys().map(|q| (q * QUARTER).div_euclid(DAY)).collect::<std::collections::BTreeSet<_>>();
    if days.len() < LEAST_DAYS {
        return Vec::new();
    }
    let first = from.epoch().div_euclid(QUARTER);
    let last = until.plus(-1).epoch().div_euclid(QUARTER);
    let mut bands: Vec<Band> = Vec::new();
    for quarter in first..=last {
        let same = (1..=USUAL_DAYS).map(|day| quarter - day * (DAY / QUARTER));
        let before =
            same.filter(|q| (q + 1) * QUARTER <= onset.epoch() && days.contains(&(q * QUARTER).div_euclid(DAY)));
        let mut seen: Vec<UsdMicros> = before.map(|q| quarters.get(&q).copied().unwrap_or_default()).collect();
        seen.sort_unstable();
        let a_minute = |of: Option<&UsdMicros>| of.map_or(UsdMicros::ZERO, |sum| sum.scale(1.0 / QUARTER as f64));
        let (median, upper) = (a_minute(seen.get(seen.len() / 2)), a_minute(seen.last()));
        if bands.last().is_none_or(|band| (band.median, band.upper) != (median, upper)) {
            bands.push(Band { from: Minute::from_epoch(quarter * QUARTER), median, upper });
        }
    }
    bands
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_time_on_earlier_days_is_what_is_usual() {
        let onset = Minute::from_epoch(20 * DAY + 120);
        let usd = UsdMicros::from_micros;
        let daily =
            |days: std::ops::Range<i64>| (days).map(|d| (Minute::from_epoch(d * DAY + 60), usd(1500))).collect();
        let costs: BTreeMap<_, _> = daily(15..20);
        let bands = usual(&costs, onset, Minute::from_epoch(20 * DAY + 45), onset.plus(60));
        let day = |minute| Minute::from_epoch(20 * DAY + minute);
        let band = |minute, cost| Band { from: day(minute), median: usd(cost), upper: usd(cost) };
        assert_eq!(bands, [band(45, 0), band(60, 100), band(75, 0)]);
        assert!(usual(&daily(18..20), onset, onset, onset.plus(60)).is_empty(), "two days are no habit");
    }
}
