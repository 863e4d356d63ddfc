//! One principal under watch: what it remembers, and how usage is taken in and judged.

use super::amount::Amount;
use super::baseline::{self, Baseline, Marks};
use super::ceiling::Spent;
use super::folding::RUN_LIMIT;
use super::fusion;
use super::history::{
    DAY, DayIndex, Foreign, History, Load, QUARTERS_A_DAY, QuarterIndex, WIDTHS, day_of, quarter_of, start_of,
    sum_foreign,
};
use super::novelty::FirstSeen;
use super::picture::{Picture, Run, Wake};
use super::policy::Policy;
use super::recent::{ActiveMinute, ModelAmount, Recent};
use super::usage::MinuteUsage;
use super::verdict::{Finding, Level};
use crate::domain::money::UsdMicros;
use crate::domain::time::Minute;

/// How far back data that change are judged anew. Later restatements still replace what is known of their minutes.
pub(super) const JUDGE_AGAIN: i64 = 6 * 60;
/// No single amount counts for more, so that sums cannot overflow: 2⁴⁸ micro-dollars are 281 million dollars a minute.
const MOST_A_MINUTE: u64 = 1 << 48;
/// Before any minute.
pub(super) const ALWAYS: Minute = Minute::from_epoch(i64::MIN);

/// What is remembered of one principal. A value: equal usage gives equal verdicts, however it was cut into polls.
#[derive(Debug, Clone)]
pub struct Detector {
    pub(super) observed_since: Minute,
    pub(super) models: Vec<FirstSeen>,
    pub(super) terms: Vec<FirstSeen>,
    pub(super) recent: Recent,
    pub(super) history: History,
    pub(super) marks: Marks,
    /// First quarter that is not in the history yet.
    pub(super) folded: QuarterIndex,
    /// Newest minute that was judged.
    pub(super) judged: Option<Minute>,
    /// Newest minute that a person has seen and let go: evidence begins after it.
    pub(super) seen: Option<Minute>,
    cache: Cache,
}

/// What can be computed again at any time.
#[derive(Debug, Clone, Default)]
struct Cache {
    baseline: Option<(DayIndex, Baseline)>,
    /// Expected load of quarters, ascending.
    expected: Vec<(QuarterIndex, Load)>,
    /// What was foreign in quarters that are over, ascending, contiguous in judged time.
    foreign: Vec<(QuarterIndex, Load)>,
}

/// What the rules say about usage up to a minute.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// The minute.
    pub at: Minute,
    /// Everything that is at least a notice after policy's caps, the gravest first.
    pub findings: Vec<Finding>,
}

impl Judgement {
    /// What the gravest finding asks for.
    pub fn level(&self) -> Level {
        self.findings.first().map_or(Level::Ok, |finding| finding.level)
    }
}

impl Detector {
    /// A principal that is observed from `since` on, whether it is in use or not.
    pub fn new(since: Minute) -> Self {
        Self {
            observed_since: since,
            models: Vec::new(),
            terms: Vec::new(),
            recent: Recent::default(),
            history: History::default(),
            marks: Marks::default(),
            folded: quarter_of(since),
            judged: None,
            seen: None,
            cache: Cache::default(),
        }
    }

    /// Since when it is observed.
    pub fn observed_since(&self) -> Minute {
        self.observed_since
    }

    /// The minutes that are still known one by one.
    pub fn recent(&self) -> &Recent {
        &self.recent
    }

    /// The minutes that a stored detector needs; forgetting is lazy, storing is not.
    pub(super) fn kept_minutes(&self) -> &[ActiveMinute] {
        let minutes = self.recent.minutes();
        &minutes[minutes.partition_point(|m| m.minute < start_of(self.folded).plus(-JUDGE_AGAIN))..]
    }

    /// Takes in everything that the feed shows of `from..=to`, replacing what was known. `minutes` ascend and lie in the
    /// range. Minutes that are in the history already stay as they are. What was judged before on other data is judged anew.
    pub fn ingest(&mut self, from: Minute, to: Minute, minutes: &[MinuteUsage]) {
        let from = from.max(start_of(self.folded));
        let minutes: Vec<ActiveMinute> =
            minutes.iter().filter(|m| m.minute >= from).filter_map(|minute| self.active_minute(minute)).collect();
        let Some(changed) = self.recent.replace(from, to, minutes) else { return };
        self.date_novelties(changed);
        if let Some(judged) = self.judged.filter(|judged| changed <= *judged) {
            let again = changed.max(judged.plus(-JUDGE_AGAIN));
            self.judged = Some(again.plus(-1));
            self.marks.take_back(again);
            self.cache = Cache::default();
        }
    }

    fn active_minute(&mut self, usage: &MinuteUsage) -> Option<ActiveMinute> {
        let mut models = Vec::with_capacity(usage.models.len());
        let mut total = Amount::default();
        for of in &usage.models {
            let amount = Amount {
                work: of.amount.work.min(MOST_A_MINUTE),
                tokens: of.amount.tokens.min(MOST_A_MINUTE),
                usd: of.amount.usd.min(UsdMicros::from_micros(MOST_A_MINUTE)),
            };
            if amount == Amount::default() {
                continue;
            }
            total += amount;
            models.push(ModelAmount { model: self.model_index(&of.model, usage.minute), amount });
        }
        if models.is_empty() {
            return None;
        }
        let terms = self.term_bits(&usage.terms, usage.minute);
        Some(ActiveMinute { minute: usage.minute, models, total, terms })
    }

    /// Judges every minute up to and including `at` that was not judged on these data yet, oldest first, and returns what is
    /// remarkable. Minutes without usage cost nothing.
    pub fn judge(&mut self, at: Minute, policy: &Policy<'_>) -> Vec<Judgement> {
        let start = self.judged.map_or(ALWAYS, |judged| judged.plus(1));
        if start > at {
            // The clock was ahead: what it called judged has not happened yet.
            self.judged = self.judged.map(|judged| judged.min(at));
            return Vec::new();
        }
        let mut remarkable = Vec::new();
        // A minute with usage is judged when it is seen, and once more a minute later: some evidence must be seen twice.
        let mut due: Vec<Minute> = Vec::new();
        for minute in self.recent.range(start.plus(-1), at) {
            for when in [minute.minute, minute.minute.plus(1)] {
                if when >= start && when <= at && due.last().is_none_or(|last| *last < when) {
                    due.push(when);
                }
            }
        }
        for minute in due {
            self.fold(minute);
            let findings = self.evaluate(minute, policy);
            let worst = findings.iter().filter(|f| f.rule.is_statistical()).map(|f| f.level).max();
            if let Some(worst) = worst.filter(|worst| *worst >= Level::Warn) {
                self.marks.set(minute, worst == Level::Trip);
            }
            if !findings.is_empty() {
                remarkable.push(Judgement { at: minute, findings });
            }
        }
        self.judged = Some(at);
        remarkable
    }

    /// A person says that everything so far was legitimate: all of it teaches, and no model or term so far is new any more.
    pub fn accept(&mut self) {
        self.settle_novelties();
        if let Some(judged) = self.judged {
            self.marks.accept(day_of(judged));
        }
        self.cache = Cache::default();
    }

    /// A person has seen what happened up to `until` and let the key go on: it is no evidence any more, and what was judged from
    /// `again` on is judged anew without it. Days that tripped go on to teach nothing: that is for [`Detector::accept`].
    pub fn release(&mut self, until: Minute, again: Minute) {
        self.seen = self.seen.max(Some(until));
        self.judged = self.judged.map(|judged| judged.min(again.plus(-1)));
        self.cache = Cache::default();
    }

    /// The first minute that is evidence.
    pub(super) fn evidence_from(&self) -> Minute {
        self.seen.map_or(ALWAYS, |seen| seen.plus(1))
    }

    fn evaluate(&mut self, at: Minute, policy: &Policy<'_>) -> Vec<Finding> {
        let foreign = self.foreign(at);
        let new_model = self.new_model(at);
        let today = day_of(at);
        let baseline = match self.cache.baseline.take() {
            Some((day, baseline)) if day == today => baseline,
            _ => Baseline::for_day(&self.history, &self.marks, today),
        };
        let from = self.evidence_from();
        let windows = WIDTHS.map(|width| self.recent.sum(from.max(at.plus(1 - width)), at));
        let picture = Picture {
            at,
            from,
            observed_days: at.since(self.observed_since) / DAY,
            loads: windows.map(Load::from),
            costs: windows.map(|sum| sum.amount.usd),
            foreign,
            new_model,
            new_term: self.new_term(at),
            run: self.recorded_run(at, policy),
            baseline: &baseline,
        };
        let name = |index: u16| self.models.get(usize::from(index)).map_or("", |model| model.name.as_ref());
        let findings = fusion::findings(&picture, self.wake(at).as_ref(), &self.recent, policy, name);
        self.cache.baseline = Some((today, baseline));
        findings
    }

    /// What was spent in the calendar windows that contain `at`.
    pub fn spent(&self, at: Minute) -> Spent {
        Spent::of(&self.recent, &self.history, start_of(self.folded), at)
    }

    fn recorded_run(&self, at: Minute, policy: &Policy<'_>) -> Option<Run> {
        let began = policy.alibi.filter(|_| policy.watch.runs_registered)?.run_at(at)?;
        let sum = self.recent.sum(began.max(at.plus(1 - RUN_LIMIT)).max(self.evidence_from()), at);
        Some(Run { load: sum.into(), cost: sum.amount.usd })
    }

    fn wake(&self, at: Minute) -> Option<Wake> {
        let first = self.recent.range(at.plus(1 - DAY), at).first()?.minute;
        let minutes = self.recent.minutes();
        let before = minutes[..minutes.partition_point(|m| m.minute < first)].last().map(|m| m.minute);
        let before = before.or_else(|| {
            let quarter = self.history.quarters(i64::MIN, quarter_of(first) - 1).next_back()?;
            Some(start_of(quarter.index + 1).plus(-1))
        });
        let busiest = self.history.days().map(|day| day.cost).max().unwrap_or(0);
        Some(Wake {
            first,
            idle_days: before.map(|before| first.since(before) / DAY),
            observed_days: first.since(self.observed_since) / DAY,
            busiest_day: UsdMicros::from_micros(busiest),
        })
    }

    /// The baseline that minutes of this day are judged by.
    pub fn baseline(&self, day: DayIndex) -> Baseline {
        Baseline::for_day(&self.history, &self.marks, day)
    }

    pub(super) fn expected(&mut self, quarter: QuarterIndex) -> Load {
        let place = self.cache.expected.binary_search_by_key(&quarter, |known| known.0);
        match place {
            Ok(at) => self.cache.expected[at].1,
            Err(at) => {
                let load = baseline::expected(&self.history, &self.marks, quarter);
                self.cache.expected.insert(at, (quarter, load));
                if self.cache.expected.len() > 256 {
                    self.cache.expected.drain(..128);
                }
                load
            }
        }
    }

    /// What of the quarter, as far as it lies in `from..=until`, earlier days do not explain.
    pub(super) fn foreign_quarter(&mut self, quarter: QuarterIndex, from: Minute, until: Minute) -> Load {
        let end = start_of(quarter + 1).plus(-1).min(until);
        let load = Load::from(self.recent.sum(start_of(quarter).max(from), end));
        if load.active == 0 {
            return Load::default();
        }
        load.beyond(self.expected(quarter).times(2))
    }

    /// What earlier days do not explain within the 24 hours up to `at`.
    fn foreign(&mut self, at: Minute) -> Foreign {
        let now = quarter_of(at);
        let oldest = now - QUARTERS_A_DAY + 1;
        let from = self.evidence_from();
        let next = self.cache.foreign.last().map_or(oldest, |last| last.0 + 1).max(oldest);
        if self.cache.foreign.last().is_some_and(|last| last.0 >= now) {
            self.cache.foreign.clear();
            return self.foreign(at);
        }
        self.cache.foreign.retain(|known| known.0 >= oldest);
        for quarter in next..now {
            let load = self.foreign_quarter(quarter, from, at);
            self.cache.foreign.push((quarter, load));
        }
        let newest = (now, self.foreign_quarter(now, from, at));
        sum_foreign(self.cache.foreign.iter().copied().chain([newest]))
    }
}
