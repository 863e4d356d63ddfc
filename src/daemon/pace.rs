use std::time::Duration;

use crate::domain::time::Timestamp;

/// Keeps cycles at their interval whatever a cycle takes, without ever catching up in a burst: a pause begins anew after a cycle that
/// took longer than the interval, and after a jump of the clock.
#[derive(Debug, Clone)]
pub struct Pace {
    interval: Duration,
    due: Timestamp,
}

/// The provider asks for no more than bursts above one poll a minute; this keeps even those apart.
const SHORTEST: Duration = Duration::from_secs(1);

impl Pace {
    /// A cycle is due now and every `interval` after it.
    pub fn new(interval: Duration, now: Timestamp) -> Self {
        Self { interval: interval.max(SHORTEST), due: now }
    }

    /// A cycle has ended at `now`: how long until the next.
    pub fn pause(&mut self, now: Timestamp) -> Duration {
        self.due += self.interval;
        match (self.due - now).to_std() {
            Ok(pause) if pause >= SHORTEST && pause <= self.interval => pause,
            _ => {
                self.due = now + self.interval;
                self.interval
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Minute;

    fn at(seconds: i64) -> Timestamp {
        Minute::from_epoch(30_000_000).start() + chrono::TimeDelta::seconds(seconds)
    }

    #[test]
    fn a_cycle_takes_its_time_from_the_pause() {
        let mut pace = Pace::new(Duration::from_secs(60), at(0));
        assert_eq!(pace.pause(at(7)), Duration::from_secs(53));
        assert_eq!(pace.pause(at(61)), Duration::from_secs(59));
    }

    #[test]
    fn nothing_is_caught_up_in_a_burst() {
        let mut pace = Pace::new(Duration::from_secs(60), at(0));
        assert_eq!(pace.pause(at(500)), Duration::from_secs(60));
        assert_eq!(pace.pause(at(562)), Duration::from_secs(58));
    }

    #[test]
    fn a_clock_that_jumps_back_does_not_stop_the_watch() {
        let mut pace = Pace::new(Duration::from_secs(60), at(0));
        assert_eq!(pace.pause(at(-86_400)), Duration::from_secs(60));
    }
}
