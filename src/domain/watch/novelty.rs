//! What a principal has used, and since when: models, and the terms that it was billed on.

use std::sync::Arc;

use super::detector::Detector;
use super::history::{DAY, Load, QuarterIndex, WIDTH_COUNT, WIDTHS, quarter_of, start_of};
use super::picture::{NewModel, NewTerm};
use super::recent::ActiveMinute;
use crate::domain::money::UsdMicros;
use crate::domain::time::Minute;

/// The width in which models beside a new one are looked for.
const THREE_HOURS: usize = 3;
/// A model or a term is new for this long.
const IS_NEW: i64 = 3 * DAY;
/// Before a key was observed for this long, everything on it is new and nothing is remarkable.
const SETTLE: i64 = 3 * DAY;
/// What a model did in so many minutes after its first use may have been a probe. It is looked at for a day: older minutes may be
/// forgotten when time is judged anew, and a part of a first day would look like a probe.
const PROBED_AFTER: i64 = 6 * 60;
/// A use that was taken back leaves a thing unused: its first use lies in the future.
const NEVER: Minute = Minute::from_epoch(i64::MAX);

/// A model or a term that a principal used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FirstSeen {
    pub(super) name: Arc<str>,
    pub(super) first: Minute,
}

/// Where the name stands in the list; it is added when it is new. Of more than `limit` names the last one stands for the rest.
fn index_of(list: &mut Vec<FirstSeen>, name: &Arc<str>, minute: Minute, limit: usize) -> usize {
    match list.iter().position(|known| known.name == *name) {
        Some(index) => index,
        None if list.len() >= limit => list.len() - 1,
        None => {
            list.push(FirstSeen { name: name.clone(), first: minute });
            list.len() - 1
        }
    }
}

impl Detector {
    pub(super) fn model_index(&mut self, name: &Arc<str>, minute: Minute) -> u16 {
        let index = index_of(&mut self.models, name, minute, usize::from(u16::MAX));
        u16::try_from(index).unwrap_or(u16::MAX)
    }

    /// The terms as bits. The provider knows about a dozen of them.
    pub(super) fn term_bits(&mut self, names: &[Arc<str>], minute: Minute) -> u16 {
        names.iter().fold(0, |bits, name| bits | 1 << index_of(&mut self.terms, name, minute, 16))
    }

    /// The first use of a thing is what the data say, not what a poll once saw.
    pub(super) fn date_novelties(&mut self, changed: Minute) {
        let horizon = start_of(self.folded);
        let recent = &self.recent;
        let date = |list: &mut Vec<FirstSeen>, uses: &dyn Fn(&ActiveMinute, usize) -> bool| {
            for (index, thing) in list.iter_mut().enumerate() {
                if thing.first >= changed || thing.first >= horizon {
                    let first = recent.minutes().iter().find(|minute| uses(minute, index));
                    thing.first = first.map_or(NEVER, |minute| minute.minute);
                }
            }
        };
        date(&mut self.models, &|minute, index| minute.models.iter().any(|of| usize::from(of.model) == index));
        date(&mut self.terms, &|minute, index| minute.terms & (1 << index) != 0);
    }

    /// Nothing that was used so far is new any more.
    pub(super) fn settle_novelties(&mut self) {
        for thing in self.models.iter_mut().chain(&mut self.terms).filter(|thing| thing.first != NEVER) {
            thing.first = thing.first.min(self.observed_since);
        }
    }

    /// Whether a thing that was first used then is new at `at`.
    fn is_new(&self, first: Minute, at: Minute) -> bool {
        first >= self.observed_since.plus(SETTLE) && first <= at && at.since(first) < IS_NEW
    }

    /// The newest term, when it is young and stands beside or in the place of an older one of its kind: what the feed did not name
    /// before is not new.
    pub(super) fn new_term(&self, at: Minute) -> Option<NewTerm> {
        let kind = |term: &FirstSeen| term.name.split_once('`').map(|(kind, _)| kind.to_owned());
        let older = |term: &FirstSeen| self.terms.iter().any(|t| t.first < term.first && kind(t) == kind(term));
        let young = self.terms.iter().enumerate().filter(|(_, term)| self.is_new(term.first, at) && older(term));
        let (index, term) = young.max_by_key(|(_, term)| term.first)?;
        let from = at.plus(1 - DAY).max(self.evidence_from());
        let uses = self.recent.range(from, at).iter().filter(|minute| minute.terms & (1 << index) != 0);
        Some(NewTerm {
            name: term.name.to_string(),
            first: term.first,
            cost: uses.map(|minute| minute.total.usd).sum(),
        })
    }

    /// The newest model, when it is young.
    pub(super) fn new_model(&mut self, at: Minute) -> Option<NewModel> {
        let (index, model) =
            self.models.iter().enumerate().filter(|(_, m)| self.is_new(m.first, at)).max_by_key(|(_, m)| m.first)?;
        let (name, first) = (model.name.to_string(), model.first);
        let mut loads = [Load::default(); WIDTH_COUNT];
        let probe = (PROBED_AFTER..DAY).contains(&at.since(first)).then(|| {
            let models = self.recent.range(first, first.plus(PROBED_AFTER)).iter().flat_map(|minute| &minute.models);
            models.filter(|of| usize::from(of.model) == index).map(|of| of.amount.work).sum()
        });
        let mut cost = UsdMicros::ZERO;
        let mut by_quarter: Vec<(QuarterIndex, u64)> = Vec::new();
        let mut beside = 0;
        for minute in self.recent.range(at.plus(1 - DAY).max(first).max(self.evidence_from()), at) {
            let Some(of) = minute.models.iter().find(|of| usize::from(of.model) == index) else { continue };
            for (load, width) in loads.iter_mut().zip(WIDTHS) {
                if at.since(minute.minute) < width {
                    *load = load.plus(Load { work: of.amount.work, active: 1 });
                }
            }
            cost += of.amount.usd;
            beside += u64::from(minute.models.len() > 1 && at.since(minute.minute) < WIDTHS[THREE_HOURS]);
            let quarter = quarter_of(minute.minute);
            match by_quarter.last_mut() {
                Some(last) if last.0 == quarter => last.1 += of.amount.work,
                _ => by_quarter.push((quarter, of.amount.work)),
            }
        }
        let unexplained = by_quarter
            .into_iter()
            .map(|(q, work)| work.saturating_sub(self.expected(q).work.saturating_mul(3) / 2))
            .sum();
        Some(NewModel { name, first, loads, cost, unexplained, beside, probe })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ledger::{ModelPolicy, WatchPolicy};
    use crate::domain::usage::Billing;
    use crate::domain::watch::invariance::used;
    use crate::domain::watch::usage::{MinuteUsage, terms};
    use crate::domain::watch::{Figures, KeyRole, Level, Policy, Rule};

    /// A minute of an hourly job on these terms.
    fn on(minute: i64, tier: &str, geography: Option<&str>) -> MinuteUsage {
        let words = |word: &str| Some(word.to_owned());
        let billing =
            Billing { service_tier: words(tier), context_window: None, inference_geo: geography.and_then(words) };
        MinuteUsage { terms: terms(&billing).collect(), ..used(minute, "model-a", 1_000_000) }
    }

    /// What is said of new terms in the last hour of ten days, the detector being stored and read in between.
    fn said(last: MinuteUsage, taken_back: bool) -> Vec<(Level, String)> {
        let at = last.minute;
        let (watch, models) = (WatchPolicy::default(), ModelPolicy::default());
        let policy =
            Policy { watch: &watch, models: &models, acceptable_loss: None, role: KeyRole::Active, alibi: None };
        let mut detector = Detector::new(Minute::from_epoch(0));
        let past: Vec<MinuteUsage> = (0..10 * 24 - 1).map(|hour| on(hour * 60, "standard", None)).collect();
        let before = at.plus(-1);
        detector.ingest(Minute::from_epoch(0), before, &past);
        assert!(detector.judge(before, &policy).is_empty(), "the terms of every day are not new");
        if taken_back {
            detector.ingest(at, at, std::slice::from_ref(&last));
        }
        let stored = serde_json::to_string(&detector.state()).unwrap();
        let mut detector = Detector::from_state(&serde_json::from_str(&stored).unwrap()).unwrap();
        let last = if taken_back { on(at.epoch(), "standard", None) } else { last };
        detector.ingest(at, at, &[last]);
        let findings = detector.judge(at, &policy).into_iter().flat_map(|judgement| judgement.findings);
        findings
            .filter(|finding| finding.rule == Rule::FirstUse)
            .filter_map(|finding| match finding.figures {
                Figures::Term { term, .. } => Some((finding.level, term)),
                _ => None,
            })
            .collect()
    }

    const LAST: i64 = (10 * 24 - 1) * 60;

    #[test]
    fn a_tier_that_was_never_used_is_told_and_one_that_is_taken_back_is_not() {
        assert_eq!(said(on(LAST, "standard", None), false), []);
        let told = [(Level::Warn, "service tier `priority`".to_owned())];
        assert_eq!(said(on(LAST, "priority", None), false), told);
        assert_eq!(said(on(LAST, "priority", None), true), []);
    }

    #[test]
    fn what_a_person_accepts_is_not_new_any_more() {
        let (watch, models) = (WatchPolicy::default(), ModelPolicy::default());
        let policy =
            Policy { watch: &watch, models: &models, acceptable_loss: None, role: KeyRole::Active, alibi: None };
        let mut detector = Detector::new(Minute::from_epoch(0));
        let past: Vec<MinuteUsage> = (0..10 * 24).map(|hour| on(hour * 60, "standard", None)).collect();
        let novel = |minute: i64| MinuteUsage { ..used(minute, "model-b", 1_000) };
        detector.ingest(Minute::from_epoch(0), Minute::from_epoch(LAST + 59), &past);
        let says = |detector: &mut Detector, minute: i64| {
            let at = Minute::from_epoch(minute);
            detector.ingest(at, at, &[novel(minute)]);
            let findings = detector.judge(at, &policy).into_iter().flat_map(|judgement| judgement.findings);
            findings.filter(|finding| finding.rule == Rule::FirstUse).count()
        };
        assert_eq!(says(&mut detector, LAST + 60), 1);
        detector.accept();
        assert_eq!(says(&mut detector, LAST + 61), 0);
    }

    #[test]
    fn what_the_feed_begins_to_name_is_not_new() {
        assert_eq!(said(on(LAST, "standard", Some("us")), false), []);
    }
}
