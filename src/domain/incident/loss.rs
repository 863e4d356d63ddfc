use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::domain::money::UsdMicros;
use crate::domain::time::Timestamp;

/// Until when the same rate is assumed to have gone on, and why until then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Horizon {
    /// The instant.
    pub until: Timestamp,
    /// For people, to follow "until" or "by": "08:00 UTC, when the owner starts work".
    pub because: String,
}

/// What the incident cost, and what it would have cost if nobody had acted. Estimates at upper-bound prices, not a bill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loss {
    /// Abnormal usage from its onset to the end of what is known.
    pub estimated: UsdMicros,
    /// What an hour of it cost at the end.
    pub per_hour: UsdMicros,
    /// `estimated` and the same rate from the kill to the horizon.
    pub without_kill: UsdMicros,
    /// The assumption behind `without_kill`.
    pub horizon: Horizon,
    /// The most that the owner is ready to lose, from the ledger.
    pub acceptable: Option<UsdMicros>,
}

impl Loss {
    /// Projects the rate from `stopped` to the horizon. A horizon in the past adds nothing.
    pub fn project(
        estimated: UsdMicros,
        per_hour: UsdMicros,
        stopped: Timestamp,
        horizon: Horizon,
        acceptable: Option<UsdMicros>,
    ) -> Self {
        let hours = horizon.until.signed_duration_since(stopped).max(TimeDelta::zero()).num_seconds() as f64 / 3600.0;
        Self { estimated, per_hour, without_kill: estimated + per_hour.scale(hours), horizon, acceptable }
    }

    /// What the kill saved under the stated assumption.
    pub fn avoided(&self) -> UsdMicros {
        self.without_kill - self.estimated
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_projection_states_its_assumption_and_never_shrinks() {
        let at = |s| Timestamp::from_timestamp(s, 0).unwrap();
        let horizon = |s| Horizon { until: at(s), because: String::new() };
        let usd = UsdMicros::from_dollars;
        assert_eq!(Loss::project(usd(3), usd(10), at(0), horizon(5400), None).without_kill, usd(18));
        assert_eq!(Loss::project(usd(3), usd(10), at(9000), horizon(5400), None).without_kill, usd(3));
        assert_eq!(Loss::project(usd(3), usd(10), at(0), horizon(5400), None).avoided(), usd(15));
    }
}
