use std::collections::BTreeMap;

use serde::Serialize;

use super::{Kind, Stage};
use crate::app::watched::priced;
use crate::domain::ledger::TripMode;
use crate::domain::money::UsdMicros;

/// Days that a clean replay must have before guard proposes to be armed.
const LEAST_DAYS: i64 = 14;
/// A proposed ceiling is this many times the most so far.
const TIMES_MOST: f64 = 3.0;
/// A ceiling below a dollar would only trip over small change.
pub(super) const LEAST_CEILING: f64 = 1.0;
/// Fewer minutes with usage prove nothing about runs.
const LEAST_MINUTES: usize = 20;

/// A setting's new value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Value {
    /// Text; money is text, too.
    Text(String),
    /// Yes or no.
    Flag(bool),
    /// Several texts.
    List(Vec<String>),
}

/// As TOML writes it.
impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Flag(flag) => write!(f, "{flag}"),
            Self::List(texts) => write!(f, "{texts:?}"),
        }
    }
}

/// A setting of the workspace that might change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Suggestion {
    /// Where below the workspace: `["trip", "mode"]`.
    pub path: Vec<&'static str>,
    /// To what.
    pub value: Value,
    /// Why.
    pub why: String,
}

/// What the owner might change, and what speaks against more.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Proposal {
    /// Changes to the ledger.
    pub suggestions: Vec<Suggestion>,
    /// Why guard does not propose more.
    pub reservations: Vec<String>,
}

/// Proposes settings from what the replay showed.
pub(super) fn propose(stage: &Stage<'_>, trips: usize, kinds: &[Kind], standby: bool) -> Proposal {
    let mut proposal = Proposal::default();
    arm(stage, trips, standby, &mut proposal);
    let workspace = stage.workspace;
    let worst = kinds.iter().filter(|kind| kind.kind != "all" && kind.tripped >= 0.5);
    let worst = worst.filter_map(|kind| Some((kind.loss_usd_median?, &kind.kind))).max_by(|a, b| a.0.total_cmp(&b.0));
    if let (None, Some((loss, kind))) = (workspace.acceptable_loss, worst) {
        proposal.add(
            &["acceptable_loss"],
            Value::Text(round_up(loss.max(1.0))),
            format!("the median theft of the dearest kind that trips ({kind}) costs ${loss:.2} until it does"),
        );
    }
    ceilings(stage, &mut proposal);
    runs(stage, &mut proposal);
    proposal
}

impl Proposal {
    fn add(&mut self, path: &[&'static str], value: Value, why: String) {
        self.suggestions.push(Suggestion { path: path.to_vec(), value, why });
    }
}

fn arm(stage: &Stage<'_>, trips: usize, standby: bool, proposal: &mut Proposal) {
    let first = stage.pasts.iter().filter_map(|past| past.rows.first()).map(|row| row.minute).min();
    let days = first.map_or(0, |first| stage.newest.since(first) / 1440);
    let wanted = if standby { TripMode::Kill } else { TripMode::Gate };
    if stage.workspace.trip.mode >= wanted && trips == 0 {
        return;
    }
    if trips > 0 {
        proposal.reservations.push(format!(
            "{trips} verdicts of this past would have tripped: if they were thefts, good; if not, accept them (`guard baseline accept`) or \
             turn their rule down before arming"
        ));
    } else if days < LEAST_DAYS {
        proposal.reservations.push(format!(
            "{days} days of usage are too few to arm on; {LEAST_DAYS} without a false trip are asked for"
        ));
    } else {
        let (mode, why) = match wanted {
            TripMode::Kill => ("kill", format!("no trip in {days} days of your own usage, and a standby waits")),
            _ => (
                "gate",
                format!("no trip in {days} days of your own usage; `kill` once a standby waits (`guard key add`)"),
            ),
        };
        proposal.add(&["trip", "mode"], Value::Text(mode.to_owned()), why);
    }
}

fn ceilings(stage: &Stage<'_>, proposal: &mut Proposal) {
    let set = &stage.workspace.ceilings.usd;
    for (name, width, known) in [("hour", 60, set.hour), ("day", 1440, set.day)] {
        let mut sums: BTreeMap<i64, UsdMicros> = BTreeMap::new();
        for row in stage.pasts.iter().flat_map(|past| &past.rows) {
            *sums.entry(row.minute.epoch().div_euclid(width)).or_default() += stage.app.prices.cost(row).amount;
        }
        let most = sums.into_values().max().unwrap_or_default();
        if known.is_none() && most > UsdMicros::ZERO {
            let why = format!("no {name} cost more than {most}");
            proposal.add(
                &["ceilings", "usd", name],
                Value::Text(round_up((most.dollars() * TIMES_MOST).max(LEAST_CEILING))),
                why,
            );
        }
    }
}

/// Where every minute with usage lies in a run that was expected or recorded, usage outside runs may count as foreign.
fn runs(stage: &Stage<'_>, proposal: &mut Proposal) {
    let Some(explained) = stage.explained.as_ref().filter(|_| !stage.workspace.watch.runs_registered) else { return };
    let (mut minutes, mut outside) = (0, 0);
    for past in &stage.pasts {
        let alibi = explained.of(&past.rows);
        for minute in priced(&past.rows, |_| UsdMicros::ZERO) {
            minutes += 1;
            outside += usize::from(!alibi.explains(minute.minute));
        }
    }
    if minutes >= LEAST_MINUTES && outside == 0 {
        let why = format!("all {minutes} minutes with usage lie in recorded runs or schedules");
        proposal.add(&["watch", "runs_registered"], Value::Flag(true), why);
    } else if outside > 0 {
        proposal.reservations.push(format!(
            "{outside} of {minutes} minutes with usage lie outside recorded runs, so that `watch.runs_registered` stays off"
        ));
    }
}

/// The next of 1, 2, 5, 10, … times a power of ten, in dollars.
pub(super) fn round_up(dollars: f64) -> String {
    let dollars = dollars.max(0.01);
    let power = 10f64.powf(dollars.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().find(|step| step * power >= dollars * 0.999_999).unwrap_or(10.0);
    format!("{:.2}", step * power)
}

#[cfg(test)]
mod tests {
    use super::round_up;

    #[test]
    fn money_is_rounded_up_to_a_figure_that_people_choose() {
        for (dollars, text) in
            [(0.0, "0.01"), (0.3, "0.50"), (1.0, "1.00"), (1.01, "2.00"), (37.2, "50.00"), (61.0, "100.00")]
        {
            assert_eq!(round_up(dollars), text);
        }
    }
}
