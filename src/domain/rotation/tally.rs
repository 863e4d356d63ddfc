//! What a journal says of a workspace's rotations, revocations and trips, in figures.

use serde::Serialize;

use super::event::{Ending, Event};
use crate::domain::time::Timestamp;

/// The figures of one workspace, or of all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Rotations that were begun.
    pub begun: u64,
    /// Rotations that ended with the old key proven dead.
    pub completed: u64,
    /// Rotations that went back to the old key.
    pub rolled_back: u64,
    /// When the last one was completed.
    pub last_completed: Option<Timestamp>,
    /// Keys proven dead, by rotation or trip.
    pub revoked: u64,
    /// Trips.
    pub incidents: u64,
    /// Seconds from the first request to deactivate a key until the provider refused it, one for each key of which both moments
    /// are known.
    #[serde(skip)]
    pub seconds: Vec<u64>,
    /// Seconds from the request of each finished rotation to its end.
    #[serde(skip)]
    pub durations: Vec<u64>,
}

/// How a set of figures is spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Spread {
    /// How many there are.
    pub count: usize,
    /// The least.
    pub min: u64,
    /// Half of them are no more than this.
    pub median: u64,
    /// 95 of 100 are no more than this.
    pub p95: u64,
    /// The most.
    pub max: u64,
}

impl Spread {
    /// By nearest rank: every figure is one that was measured. `None` of nothing.
    pub fn of(figures: &[u64]) -> Option<Self> {
        let mut sorted = figures.to_vec();
        sorted.sort_unstable();
        let rank = |percent: usize| sorted.get((sorted.len() * percent).div_ceil(100).saturating_sub(1)).copied();
        Some(Self {
            count: sorted.len(),
            min: *sorted.first()?,
            median: rank(50)?,
            p95: rank(95)?,
            max: *sorted.last()?,
        })
    }
}

impl Tally {
    /// Counts what happened at or after `since`.
    pub fn of<'a>(events: impl IntoIterator<Item = (Timestamp, &'a Event)>, since: Option<Timestamp>) -> Self {
        let mut tally = Self::default();
        let mut begun: Option<Timestamp> = None;
        for (at, event) in events.into_iter().filter(|(at, _)| since.is_none_or(|since| *at >= since)) {
            match event {
                Event::RotationRequested { .. } => {
                    tally.begun += 1;
                    begun = Some(at);
                }
                Event::RotationEnded { ending } => {
                    match ending {
                        Ending::Completed => {
                            tally.completed += 1;
                            tally.last_completed = Some(at);
                        }
                        Ending::RolledBack => tally.rolled_back += 1,
                    }
                    let lasted = begun.take().map(|begun| (at - begun).num_seconds().max(0).unsigned_abs());
                    tally.durations.extend(lasted);
                }
                Event::DeadProven { proof, .. } => {
                    tally.revoked += 1;
                    tally.seconds.extend(proof.effective_seconds);
                }
                Event::Tripped(_) => tally.incidents += 1,
                _ => {}
            }
        }
        tally
    }

    /// How the seconds to effective revocation are spread.
    pub fn spread(&self) -> Option<Spread> {
        Spread::of(&self.seconds)
    }

    /// Adds another workspace's figures.
    pub fn add(&mut self, other: &Self) {
        self.begun += other.begun;
        self.completed += other.completed;
        self.rolled_back += other.rolled_back;
        self.last_completed = self.last_completed.max(other.last_completed);
        self.revoked += other.revoked;
        self.incidents += other.incidents;
        self.seconds.extend(&other.seconds);
        self.durations.extend(&other.durations);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::KeyId;
    use crate::domain::rotation::DeathProof;

    fn at(second: i64) -> Timestamp {
        chrono::DateTime::from_timestamp(1_700_000_000 + second, 0).unwrap()
    }

    fn dead(effective_seconds: Option<u64>) -> Event {
        let proof = DeathProof { status: "inactive".into(), refusals: 3, sent_at: None, effective_seconds };
        Event::DeadProven { key: KeyId::new("apikey_1").unwrap(), proof }
    }

    #[test]
    fn figures_are_measured_ones_by_nearest_rank() {
        assert_eq!(Spread::of(&[]), None);
        assert_eq!(Spread::of(&[7]), Some(Spread { count: 1, min: 7, median: 7, p95: 7, max: 7 }));
        let hundred: Vec<u64> = (1..=100).rev().collect();
        assert_eq!(Spread::of(&hundred), Some(Spread { count: 100, min: 1, median: 50, p95: 95, max: 100 }));
    }

    #[test]
    fn a_key_that_somebody_else_stopped_counts_without_a_time() {
        let events = [dead(Some(4)), dead(None), Event::RotationEnded { ending: Ending::Completed }];
        let tally = Tally::of(events.iter().map(|e| (at(5), e)), None);
        assert_eq!((tally.revoked, tally.seconds.as_slice(), tally.last_completed), (2, [4].as_slice(), Some(at(5))));
        assert_eq!(Tally::of(events.iter().map(|e| (at(5), e)), Some(at(6))), Tally::default());
    }
}
