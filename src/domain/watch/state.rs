//! A detector as JSON: small, versioned, and the same whichever way the usage came in.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use serde::{Deserialize, Serialize};

use super::amount::Amount;
use super::baseline::Marks;
use super::detector::Detector;
use super::history::{Day, Foreign, History, Load, Quarter, WIDTH_COUNT};
use super::novelty::FirstSeen;
use super::recent::{ActiveMinute, ModelAmount, Recent};
use crate::domain::money::UsdMicros;
use crate::domain::time::Minute;

/// The form that this version writes and reads.
const VERSION: u32 = 1;

/// Why a stored detector was not read. It can be rebuilt from stored usage.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// Another version of guard wrote it.
    #[error("the detector has form {found}, this guard reads {VERSION}")]
    Version {
        /// The form found.
        found: u32,
    },
    /// It is damaged.
    #[error("the detector's {part} is damaged")]
    Damaged {
        /// Which part.
        part: &'static str,
    },
}

/// What is stored. Series of numbers are packed (variable-length integers in base64): a key that is always busy takes
/// about 50 KB, one with a daily job about 3 KB.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DetectorState {
    version: u32,
    observed_since: Minute,
    judged: Option<Minute>,
    folded: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seen: Option<Minute>,
    models: Vec<(String, Minute)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    terms: Vec<(String, Minute)>,
    marks: Marks,
    recent: String,
    /// The terms of those minutes.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    recent_terms: String,
    quarters: String,
    days: String,
}

impl Detector {
    /// The form to store.
    pub fn state(&self) -> DetectorState {
        DetectorState {
            version: VERSION,
            observed_since: self.observed_since,
            judged: self.judged,
            folded: self.folded,
            seen: self.seen,
            models: named(&self.models),
            terms: named(&self.terms),
            marks: self.marks.clone(),
            recent: pack_minutes(self.kept_minutes()),
            recent_terms: pack_terms(self.kept_minutes()),
            quarters: pack_quarters(&self.history),
            days: pack_days(&self.history),
        }
    }

    /// From the stored form.
    ///
    /// # Errors
    /// [`StateError`] when another version wrote it or it is damaged.
    pub fn from_state(state: &DetectorState) -> Result<Self, StateError> {
        if state.version != VERSION {
            return Err(StateError::Version { found: state.version });
        }
        let damaged = |part| StateError::Damaged { part };
        let mut detector = Self::new(state.observed_since);
        detector.judged = state.judged;
        detector.folded = state.folded;
        detector.seen = state.seen;
        detector.models = first_seen(&state.models);
        detector.terms = first_seen(&state.terms);
        detector.marks = state.marks.clone();
        let mut minutes = unpack_minutes(&state.recent).ok_or(damaged("list of minutes"))?;
        unpack_terms(&state.recent_terms, &mut minutes).ok_or(damaged("list of terms"))?;
        detector.recent = Recent::new(minutes);
        detector.history.quarters = unpack_quarters(&state.quarters).ok_or(damaged("list of quarters"))?.into();
        detector.history.days = unpack_days(&state.days).ok_or(damaged("list of days"))?.into();
        Ok(detector)
    }
}

/// Numbers, least significant seven bits first.
#[derive(Default)]
struct Packer(Vec<u8>);

impl Packer {
    fn number(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    /// The difference of ascending positions.
    fn step(&mut self, last: &mut i64, position: i64) {
        self.number(u64::try_from(position - *last).unwrap_or(0));
        *last = position;
    }

    fn load(&mut self, load: Load) {
        self.number(load.work);
        self.number(load.active);
    }

    fn text(self) -> String {
        BASE64.encode(self.0)
    }
}

struct Unpacker {
    bytes: std::vec::IntoIter<u8>,
}

impl Unpacker {
    fn new(text: &str) -> Option<Self> {
        Some(Self { bytes: BASE64.decode(text).ok()?.into_iter() })
    }

    fn is_done(&self) -> bool {
        self.bytes.len() == 0
    }

    fn number(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.bytes.next()?;
            value |= u64::from(byte & 0x7f).checked_shl(shift)?;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    fn step(&mut self, last: &mut i64) -> Option<i64> {
        *last = last.checked_add(i64::try_from(self.number()?).ok()?)?;
        Some(*last)
    }

    fn load(&mut self) -> Option<Load> {
        Some(Load { work: self.number()?, active: self.number()? })
    }
}

fn pack_minutes(minutes: &[ActiveMinute]) -> String {
    let (mut packer, mut last) = (Packer::default(), 0);
    for minute in minutes {
        packer.step(&mut last, minute.minute.epoch());
        packer.number(minute.models.len() as u64);
        for of in &minute.models {
            packer.number(u64::from(of.model));
            packer.number(of.amount.work);
            packer.number(of.amount.usd.micros());
            packer.number(of.amount.tokens);
        }
    }
    packer.text()
}

fn unpack_minutes(text: &str) -> Option<Vec<ActiveMinute>> {
    let (mut unpacker, mut last) = (Unpacker::new(text)?, 0);
    let mut minutes = Vec::new();
    while !unpacker.is_done() {
        let minute = Minute::from_epoch(unpacker.step(&mut last)?);
        let mut models = Vec::new();
        for _ in 0..unpacker.number()? {
            let model = u16::try_from(unpacker.number()?).ok()?;
            let work = unpacker.number()?;
            let usd = UsdMicros::from_micros(unpacker.number()?);
            models.push(ModelAmount { model, amount: Amount { work, usd, tokens: unpacker.number()? } });
        }
        let total = models.iter().fold(Amount::default(), |sum, of| sum + of.amount);
        minutes.push(ActiveMinute { minute, models, total, terms: 0 });
    }
    Some(minutes)
}

/// How many minutes in a row have the same terms, and which.
fn pack_terms(minutes: &[ActiveMinute]) -> String {
    let mut packer = Packer::default();
    for same in minutes.chunk_by(|a, b| a.terms == b.terms).filter(|_| minutes.iter().any(|m| m.terms != 0)) {
        packer.number(same.len() as u64);
        packer.number(u64::from(same[0].terms));
    }
    packer.text()
}

fn unpack_terms(text: &str, minutes: &mut [ActiveMinute]) -> Option<()> {
    let mut unpacker = Unpacker::new(text)?;
    let mut rest = minutes.iter_mut();
    while !unpacker.is_done() {
        let (count, terms) = (usize::try_from(unpacker.number()?).ok()?, u16::try_from(unpacker.number()?).ok()?);
        rest.by_ref().take(count).for_each(|minute| minute.terms = terms);
    }
    Some(())
}

fn named(list: &[FirstSeen]) -> Vec<(String, Minute)> {
    list.iter().map(|thing| (thing.name.to_string(), thing.first)).collect()
}

fn first_seen(list: &[(String, Minute)]) -> Vec<FirstSeen> {
    list.iter().map(|(name, first)| FirstSeen { name: Arc::from(name.as_str()), first: *first }).collect()
}

fn pack_quarters(history: &History) -> String {
    let (mut packer, mut last) = (Packer::default(), 0);
    for quarter in &history.quarters {
        packer.step(&mut last, quarter.index);
        packer.load(quarter.load);
        packer.load(quarter.foreign);
    }
    packer.text()
}

fn unpack_quarters(text: &str) -> Option<Vec<Quarter>> {
    let (mut unpacker, mut last) = (Unpacker::new(text)?, 0);
    let mut quarters = Vec::new();
    while !unpacker.is_done() {
        let index = unpacker.step(&mut last)?;
        quarters.push(Quarter { index, load: unpacker.load()?, foreign: unpacker.load()? });
    }
    Some(quarters)
}

fn pack_days(history: &History) -> String {
    let (mut packer, mut last) = (Packer::default(), 0);
    for day in &history.days {
        packer.step(&mut last, day.index);
        day.peaks.into_iter().chain([day.run, day.foreign.load]).for_each(|load| packer.load(load));
        packer.number(u64::from(day.foreign.hours));
        packer.number(day.cost);
        packer.number(day.tokens);
    }
    packer.text()
}

fn unpack_days(text: &str) -> Option<Vec<Day>> {
    let (mut unpacker, mut last) = (Unpacker::new(text)?, 0);
    let mut days = Vec::new();
    while !unpacker.is_done() {
        let index = unpacker.step(&mut last)?;
        let mut peaks = [Load::default(); WIDTH_COUNT];
        for peak in &mut peaks {
            *peak = unpacker.load()?;
        }
        let run = unpacker.load()?;
        let foreign = Foreign { load: unpacker.load()?, hours: u32::try_from(unpacker.number()?).ok()? };
        days.push(Day { index, peaks, run, foreign, cost: unpacker.number()?, tokens: unpacker.number()? });
    }
    Some(days)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_survive(values in proptest::collection::vec(any::<u64>(), 0..20)) {
            let mut packer = Packer::default();
            values.iter().for_each(|value| packer.number(*value));
            let mut unpacker = Unpacker::new(&packer.text()).unwrap();
            for value in values {
                prop_assert_eq!(unpacker.number(), Some(value));
            }
            prop_assert!(unpacker.is_done());
        }

        #[test]
        fn damage_is_an_error_and_never_a_panic(text in "[A-Za-z0-9+/]{0,60}") {
            let mut state = Detector::new(Minute::from_epoch(0)).state();
            state.recent = text.clone();
            state.recent_terms = text.clone();
            state.quarters = text.clone();
            state.days = text;
            let _ = Detector::from_state(&state);
        }
    }

    #[test]
    fn a_newer_form_is_refused() {
        let mut state = Detector::new(Minute::from_epoch(0)).state();
        state.version = 2;
        assert_eq!(Detector::from_state(&state).unwrap_err(), StateError::Version { found: 2 });
    }
}
