use std::sync::Arc;

use super::{Injection, Seed, runs, slice};
use crate::domain::time::Minute;
use crate::domain::watch::dataset::TokenRow;

/// Changes that an owner makes and that must not stop the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum BenignKind {
    /// Every run 1.5 to 2 times as large from now on.
    Step,
    /// A run is missed and done right after the next one.
    CatchUp,
    /// A run is missed and done one to six hours later.
    OddCatchUp,
    /// Everything an hour earlier or later from now on.
    ClockChange,
    /// Two to five days of silence.
    Absence,
    /// A run is repeated by hand at an odd time.
    Rerun,
    /// The same work on a dearer model from now on.
    Migration,
    /// Six hours of outage, then the backlog in one go.
    Backlog,
}

impl BenignKind {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Step,
        Self::CatchUp,
        Self::OddCatchUp,
        Self::ClockChange,
        Self::Absence,
        Self::Rerun,
        Self::Migration,
        Self::Backlog,
    ];

    /// The name in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Step => "h_step",
            Self::CatchUp => "i_catchup",
            Self::OddCatchUp => "i2_catchup",
            Self::ClockChange => "j_dst",
            Self::Absence => "l_absence",
            Self::Rerun => "n_rerun",
            Self::Migration => "o_migrate",
            Self::Backlog => "p_backlog",
        }
    }
}

/// A harmless change from `at` on, up to `end`; `None` when the usage has no run to change.
pub fn benign(
    kind: BenignKind,
    rows: &[TokenRow],
    at: Minute,
    end: Minute,
    dearer: &Arc<str>,
    seed: &mut Seed,
) -> Option<Injection> {
    let rest = slice(rows, at, end);
    let first = rest.first()?;
    let mut overlay = Vec::new();
    let mut to = end;
    match kind {
        BenignKind::Step => {
            let more = seed.between(0.5, 1.0);
            overlay.extend(rest.iter().map(|row| TokenRow {
                input: (row.input as f64 * more) as i64,
                output: (row.output as f64 * more) as i64,
                ..row.clone()
            }));
        }
        BenignKind::CatchUp | BenignKind::OddCatchUp => {
            let mut coming = runs(rest);
            let missed = coming.next()?;
            let last = missed.last()?;
            let shift = if kind == BenignKind::CatchUp {
                let next = coming.next()?;
                next.last()?.minute.since(missed[0].minute) + 1
            } else {
                last.minute.since(first.minute) + seed.pick(60, 360)
            };
            overlay.extend(missed.iter().map(negated));
            overlay.extend(missed.iter().map(|row| moved(row, shift)));
            to = last.minute.plus(shift + 2 * 1440);
        }
        BenignKind::ClockChange => {
            let shift = if seed.unit() < 0.5 { -60 } else { 60 };
            overlay.extend(rest.iter().map(negated));
            overlay.extend(rest.iter().map(|row| moved(row, shift)));
        }
        BenignKind::Absence => {
            to = at.plus(seed.pick(2, 6) * 1440);
            overlay.extend(slice(rows, at, to).iter().map(negated));
            to = to.plus(5 * 1440);
        }
        BenignKind::Rerun => {
            let run = runs(rest).next()?;
            let shift = run.last()?.minute.since(first.minute) + seed.pick(60, 360);
            overlay.extend(run.iter().map(|row| moved(row, shift)));
            to = first.minute.plus(shift + 2 * 1440);
        }
        BenignKind::Migration => {
            overlay.extend(rest.iter().map(negated));
            overlay.extend(rest.iter().map(|row| TokenRow { model: dearer.clone(), ..row.clone() }));
        }
        BenignKind::Backlog => {
            let outage = slice(rows, at, at.plus(360));
            outage.first()?;
            overlay.extend(outage.iter().map(negated));
            // As fast as ten minutes of work a minute, from the end of the outage on.
            let backlog = outage.iter().enumerate();
            overlay.extend(backlog.map(|(i, row)| TokenRow { minute: at.plus(360 + i as i64 / 4), ..row.clone() }));
            to = at.plus(2 * 1440);
        }
    }
    overlay.sort_by_key(|row| row.minute);
    Some(Injection { overlay, from: at, to: Minute::from_epoch(to.epoch().min(end.epoch())) })
}

fn negated(row: &TokenRow) -> TokenRow {
    TokenRow { input: -row.input, output: -row.output, ..row.clone() }
}

fn moved(row: &TokenRow, minutes: i64) -> TokenRow {
    TokenRow { minute: row.minute.plus(minutes), ..row.clone() }
}
