//! Usage when no job ran: foreign at any size.

use super::picture::Picture;
use super::recent::Recent;
use super::rule::Rule;
use super::verdict::{Figures, Finding, Level};
use crate::domain::money::UsdMicros;
use crate::domain::time::Minute;

/// How far back foreign minutes are counted.
const LOOK_BACK: i64 = 60;

/// When jobs ran, slack included. Minutes inside are explained; minutes outside are foreign.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Alibi {
    /// First and last minute of each stretch, ascending, disjoint.
    stretches: Vec<(Minute, Minute)>,
}

impl Alibi {
    /// From first and last minutes in any order; overlaps are joined.
    pub fn new(mut stretches: Vec<(Minute, Minute)>) -> Self {
        stretches.retain(|(first, last)| first <= last);
        stretches.sort_unstable();
        let mut joined: Vec<(Minute, Minute)> = Vec::with_capacity(stretches.len());
        for (first, last) in stretches {
            match joined.last_mut() {
                Some(before) if first <= before.1.plus(1) => before.1 = before.1.max(last),
                _ => joined.push((first, last)),
            }
        }
        Self { stretches: joined }
    }

    /// The same with more stretches.
    pub fn with(&self, more: impl Iterator<Item = (Minute, Minute)>) -> Self {
        Self::new(self.stretches.iter().copied().chain(more).collect())
    }

    /// Whether a job ran in this minute.
    pub fn explains(&self, minute: Minute) -> bool {
        self.run_at(minute).is_some()
    }

    /// When the run began that goes on in this minute; of runs that overlap, the first.
    pub fn run_at(&self, minute: Minute) -> Option<Minute> {
        let after = self.stretches.partition_point(|s| s.0 <= minute);
        self.stretches[..after].last().filter(|run| minute <= run.1).map(|run| run.0)
    }
}

/// Judges the hour up to the picture's minute. A foreign minute counts once the feed has shown it for a minute: two
/// polls agree.
pub fn judge(picture: &Picture<'_>, recent: &Recent, alibi: &Alibi, registered: bool) -> Option<Finding> {
    let hour = recent.range(picture.from.max(picture.at.plus(-LOOK_BACK)), picture.at);
    let mut seen_twice = false;
    let (mut minutes, mut used) = (0, UsdMicros::ZERO);
    for minute in hour.iter().filter(|m| !alibi.explains(m.minute)) {
        minutes += 1;
        used += minute.total.usd;
        seen_twice |= minute.minute < picture.at;
    }
    if minutes == 0 {
        return None;
    }
    let level = match (registered, seen_twice) {
        (true, true) => Level::Trip,
        (true, false) => Level::Warn,
        (false, _) => Level::Notice,
    };
    Some(Finding {
        rule: Rule::Alibi,
        level,
        at_most: Level::Trip,
        ratio: if seen_twice { 2.0 } else { 0.9 },
        confidence: if registered { 0.98 } else { 0.5 },
        figures: Figures::OutsideRuns { minutes, used },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minute(at: i64) -> Minute {
        Minute::from_epoch(at)
    }

    #[test]
    fn stretches_join_and_include_their_ends() {
        let alibi = Alibi::new(vec![
            (minute(30), minute(40)),
            (minute(10), minute(20)),
            (minute(21), minute(25)),
            (minute(9), minute(8)),
        ]);
        for (at, explained) in
            [(9, false), (10, true), (20, true), (25, true), (26, false), (30, true), (40, true), (41, false)]
        {
            assert_eq!(alibi.explains(minute(at)), explained, "{at}");
        }
        assert_eq!(alibi.run_at(minute(25)), Some(minute(10)));
        assert_eq!(alibi.run_at(minute(35)), Some(minute(30)));
        assert!(!Alibi::default().explains(minute(0)));
    }
}
