//! When to try again: exponential, capped, spread, and within one budget of time.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(500);
const MOST: Duration = Duration::from_secs(8);
/// Attempts in all; the budget of time usually ends first.
const ATTEMPTS: u32 = 8;

/// The state of one logical request.
#[derive(Debug)]
pub(super) struct Attempts {
    made: u32,
    left: Duration,
}

impl Attempts {
    /// A request that may take `budget` in all, pauses included.
    pub fn within(budget: Duration) -> Self {
        Self { made: 0, left: budget }
    }

    /// What is left of the budget.
    pub fn left(&self) -> Duration {
        self.left
    }

    /// Accounts for an attempt that took `elapsed`.
    pub fn spent(&mut self, elapsed: Duration) {
        self.made += 1;
        self.left = self.left.saturating_sub(elapsed);
    }

    /// The pause before the next attempt, already taken off the budget, or `None` when there is no next one. `asked` is what
    /// the provider asked for; it is never undercut. `jitter` is in `0.0..1.0`.
    pub fn next(&mut self, asked: Option<Duration>, jitter: f64) -> Option<Duration> {
        if self.made >= ATTEMPTS {
            return None;
        }
        let full = FIRST.saturating_mul(1 << self.made.saturating_sub(1).min(16)).min(MOST);
        // Half of the pause is fixed, half is spread.
        let own = full.div_f64(2.0) + full.mul_f64(jitter.clamp(0.0, 1.0) / 2.0);
        let pause = asked.unwrap_or_default().max(own);
        // A pause that leaves no time for the attempt after it is not worth waiting for.
        self.left = self.left.checked_sub(pause).filter(|left| !left.is_zero())?;
        Some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_cap_and_end() {
        let mut attempts = Attempts::within(Duration::from_secs(3600));
        let mut pauses = Vec::new();
        loop {
            attempts.spent(Duration::ZERO);
            match attempts.next(None, 1.0) {
                Some(pause) => pauses.push(pause.as_millis()),
                None => break,
            }
        }
        assert_eq!(pauses, [500, 1000, 2000, 4000, 8000, 8000, 8000]);
    }

    #[test]
    fn the_budget_ends_before_the_attempts() {
        let mut attempts = Attempts::within(Duration::from_secs(2));
        attempts.spent(Duration::from_millis(1_200));
        assert_eq!(attempts.next(None, 0.0), Some(Duration::from_millis(250)));
        attempts.spent(Duration::from_millis(100));
        assert_eq!(attempts.next(None, 0.0), None, "450 ms are left, the pause alone is 500 ms");
    }

    #[test]
    fn what_the_provider_asks_for_is_never_undercut() {
        let mut attempts = Attempts::within(Duration::from_secs(30));
        attempts.spent(Duration::ZERO);
        assert_eq!(attempts.next(Some(Duration::from_secs(7)), 0.3), Some(Duration::from_secs(7)));
        assert_eq!(attempts.left(), Duration::from_secs(23));
        assert_eq!(attempts.next(Some(Duration::from_secs(60)), 0.3), None);
    }
}
