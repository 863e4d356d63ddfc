//! The crash seam of the real binary.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::ports::{FaultPoint, Faults};

/// Ends the process, as `kill -9` would, the n-th time that a place is reached. For tests of the real binary: whoever can set
/// guard's environment can end it anyway.
pub struct AbortAt {
    point: String,
    left: AtomicU32,
}

impl AbortAt {
    /// From `place` or `place:n`; `None` when `n` is not a number from 1 on.
    pub fn parse(text: &str) -> Option<Self> {
        let (point, count) = match text.rsplit_once(':') {
            Some((point, count)) => (point, count.parse().ok().filter(|n| *n > 0)?),
            None => (text, 1),
        };
        Some(Self { point: point.to_owned(), left: AtomicU32::new(count) })
    }
}

impl Faults for AbortAt {
    fn reach(&self, point: FaultPoint) {
        if point.0 == self.point && self.left.fetch_sub(1, Ordering::Relaxed) == 1 {
            std::process::abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_places_are_passed() {
        let faults = AbortAt::parse("driver.effect.before:2").unwrap();
        faults.reach(FaultPoint("driver.effect.after"));
        faults.reach(FaultPoint("driver.effect.before"));
        assert_eq!(faults.left.load(Ordering::Relaxed), 1);
        assert!(AbortAt::parse("x:0").is_none() && AbortAt::parse("x:many").is_none());
    }
}
