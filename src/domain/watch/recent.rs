//! The newest day of one principal, minute by minute, with running totals so that any window is two look-ups.

use super::amount::Amount;
use crate::domain::time::Minute;

/// What one model did in a minute. `model` is an index into the detector's table of models.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ModelAmount {
    /// Which model.
    pub model: u16,
    /// How much.
    pub amount: Amount,
}

/// A minute with usage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActiveMinute {
    /// When.
    pub minute: Minute,
    /// By model; never empty.
    pub models: Vec<ModelAmount>,
    /// All models together.
    pub total: Amount,
    /// The terms that it was billed on, a bit each: indices into the detector's table of terms.
    pub terms: u16,
}

/// A sum over a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sum {
    /// How much.
    pub amount: Amount,
    /// Minutes with usage.
    pub active: u32,
}

/// Minutes with usage, oldest first. Minutes without usage are not kept.
#[derive(Debug, Clone, Default)]
pub struct Recent {
    minutes: Vec<ActiveMinute>,
    /// `running[i]` is the total of the minutes before `i`; one longer than `minutes`.
    running: Vec<Amount>,
}

impl PartialEq for Recent {
    fn eq(&self, other: &Self) -> bool {
        self.minutes == other.minutes
    }
}

impl Recent {
    /// From minutes in ascending order.
    pub fn new(minutes: Vec<ActiveMinute>) -> Self {
        let mut recent = Self { minutes, running: Vec::new() };
        recent.add_up(0);
        recent
    }

    /// All minutes with usage.
    pub fn minutes(&self) -> &[ActiveMinute] {
        &self.minutes
    }

    /// Minutes with usage in `from..=to`.
    pub fn range(&self, from: Minute, to: Minute) -> &[ActiveMinute] {
        let (start, end) = self.bounds(from, to);
        &self.minutes[start..end]
    }

    /// The sum over `from..=to`.
    pub fn sum(&self, from: Minute, to: Minute) -> Sum {
        let (start, end) = self.bounds(from, to);
        if start >= end {
            return Sum::default();
        }
        let active = u32::try_from(end - start).unwrap_or(u32::MAX);
        Sum { amount: self.running[end] - self.running[start], active }
    }

    /// The sum over the `width` minutes that end with `to`.
    pub fn window(&self, to: Minute, width: i64) -> Sum {
        self.sum(to.plus(1 - width), to)
    }

    /// Replaces everything known of `from..=to` by `minutes` (ascending, inside the range) and returns the first minute whose
    /// content changed.
    pub fn replace(&mut self, from: Minute, to: Minute, minutes: Vec<ActiveMinute>) -> Option<Minute> {
        let (start, end) = self.bounds(from, to);
        let known = &self.minutes[start..end];
        let same = known.iter().zip(&minutes).take_while(|(a, b)| a == b).count();
        let changed = match (known.get(same), minutes.get(same)) {
            (None, None) => return None,
            (Some(one), None) | (None, Some(one)) => one.minute,
            (Some(a), Some(b)) => a.minute.min(b.minute),
        };
        self.minutes.splice(start + same..end, minutes.into_iter().skip(same));
        self.add_up(start + same);
        Some(changed)
    }

    /// Forgets minutes before `before`. Lazy: a short tail of old minutes may stay.
    pub fn forget(&mut self, before: Minute) {
        let old = self.minutes.partition_point(|m| m.minute < before);
        if old > 256 || old == self.minutes.len() {
            self.minutes.drain(..old);
            self.add_up(0);
        }
    }

    fn bounds(&self, from: Minute, to: Minute) -> (usize, usize) {
        // Windows end at or near the newest minute nearly always.
        let end = match self.minutes.last() {
            Some(last) if last.minute <= to => self.minutes.len(),
            _ => self.minutes.partition_point(|m| m.minute <= to),
        };
        (self.minutes.partition_point(|m| m.minute < from).min(end), end)
    }

    fn add_up(&mut self, from: usize) {
        self.running.truncate(from + 1);
        if self.running.is_empty() {
            self.running.push(Amount::default());
        }
        let from = from.min(self.running.len() - 1);
        let mut total = self.running[from];
        for minute in &self.minutes[from..] {
            total += minute.total;
            self.running.push(total);
        }
    }
}
