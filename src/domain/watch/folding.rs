//! From minutes to history: what is old enough not to be restated becomes quarters and days, the material of baselines.

use super::amount::Amount;
use super::detector::{ALWAYS, Detector, JUDGE_AGAIN};
use super::history::{
    DAY, Day, Foreign, KEPT_DAYS, Load, QUARTERS_A_DAY, Quarter, QuarterIndex, WIDTH_COUNT, WIDTHS, day_of, quarter_of,
    start_of,
};
use crate::domain::time::Minute;

/// A quarter is folded into the history once it ended a day before the minute that is judged: by then every quarter that
/// a baseline of that day may use is in.
const FOLD_AFTER: i64 = DAY;
/// Minutes without usage that end a run.
const RUN_GAP: i64 = 30;
/// A run is measured over at most this many minutes.
pub(super) const RUN_LIMIT: i64 = 180;
/// Before a key was observed for this long, earlier days cannot explain anything.
const EXPLAINABLE_AFTER: i64 = 14 * DAY;

impl Detector {
    /// Moves quarters that nobody will restate any more into the history.
    pub(super) fn fold(&mut self, now: Minute) {
        let end = quarter_of(now.plus(-FOLD_AFTER));
        if end <= self.folded {
            return;
        }
        let minutes: Vec<(Minute, Amount)> = self
            .recent
            .range(start_of(self.folded), start_of(end).plus(-1))
            .iter()
            .map(|m| (m.minute, m.total))
            .collect();
        for quarter in minutes.chunk_by(|a, b| quarter_of(a.0) == quarter_of(b.0)) {
            self.fold_quarter(quarter_of(quarter[0].0), quarter);
        }
        self.folded = end;
        self.recent.forget(start_of(end).plus(-JUDGE_AGAIN));
        self.marks.forget(day_of(now) - KEPT_DAYS);
    }

    fn fold_quarter(&mut self, index: QuarterIndex, minutes: &[(Minute, Amount)]) {
        let last = start_of(index + 1).plus(-1);
        let load = Load::from(self.recent.sum(start_of(index), last));
        let mut day = Day {
            index: index.div_euclid(QUARTERS_A_DAY),
            peaks: [Load::default(); WIDTH_COUNT],
            run: Load::default(),
            foreign: Foreign::default(),
            cost: minutes.iter().map(|m| m.1.usd.micros()).sum(),
            tokens: minutes.iter().map(|m| m.1.tokens).sum(),
        };
        for (minute, _) in minutes {
            // The last width is a day, longer than single minutes are kept.
            for (peak, width) in day.peaks.iter_mut().zip(WIDTHS).take(WIDTH_COUNT - 1) {
                *peak = peak.max(self.recent.window(*minute, width).into());
            }
            day.run = day.run.max(self.run_until(*minute));
        }
        day.peaks[WIDTH_COUNT - 1] = self.history.load(index - QUARTERS_A_DAY + 1, index - 1).plus(load);
        let explainable = start_of(index).since(self.observed_since) >= EXPLAINABLE_AFTER;
        let foreign = if explainable { self.foreign_quarter(index, ALWAYS, last) } else { Load::default() };
        self.history.push(Quarter { index, load, foreign }, day);
        let foreign = self.history.foreign(index);
        if let Some(today) = self.history.days.back_mut() {
            today.foreign.load = today.foreign.load.max(foreign.load);
            today.foreign.hours = today.foreign.hours.max(foreign.hours);
        }
    }

    /// The run that is going on at `at`, as far as it has come.
    fn run_until(&self, at: Minute) -> Load {
        let mut start = at;
        for minute in self.recent.range(at.plus(1 - RUN_LIMIT), at).iter().rev() {
            if start.since(minute.minute) > RUN_GAP {
                break;
            }
            start = minute.minute;
        }
        self.recent.sum(start, at).into()
    }
}
