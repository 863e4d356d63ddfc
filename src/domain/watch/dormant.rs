//! Usage on a key that should be silent: a standby, a retired key, a canary, a key that has been idle for long.

use super::picture::{Picture, Wake};
use super::role::KeyRole;
use super::rule::Rule;
use super::verdict::{Figures, Finding, Level};
use crate::domain::ledger::WatchPolicy;
use crate::domain::money::UsdMicros;

/// A key of unknown purpose that wakes may be an owner's; it trips when a day costs more than this.
const TRIP_FROM: UsdMicros = UsdMicros::from_dollars(1);
/// A key that was observed for this many days and never used counts as dormant.
const NEVER_USED_DAYS: i64 = 14;
/// A key that was in use before may wake with an ordinary day: it trips beyond its busiest day, times this.
const TIMES_BUSIEST: f64 = 1.5;

/// Judges a key that woke within 24 hours; `None` when it has no reason to be silent.
pub fn judge(picture: &Picture<'_>, wake: Option<&Wake>, role: KeyRole, policy: &WatchPolicy) -> Option<Finding> {
    let used = picture.costs[picture.costs.len() - 1];
    let idle_days = wake.and_then(|w| w.idle_days);
    match role {
        KeyRole::Canary => {
            return Some(Finding::certain(Rule::Canary, Level::Trip, Figures::Awake { idle_days, used }));
        }
        KeyRole::Standby | KeyRole::Retired => {
            return Some(Finding::certain(Rule::Dormant, Level::Trip, Figures::Awake { idle_days, used }));
        }
        KeyRole::Active | KeyRole::Unmanaged => {}
    }
    let wake = wake?;
    let dormant_days = (policy.dormant_after.as_secs() / 86_400).try_into().unwrap_or(i64::MAX);
    let needed = match wake.idle_days {
        None if wake.observed_days >= NEVER_USED_DAYS => TRIP_FROM,
        Some(days) if days >= dormant_days => TRIP_FROM.max(wake.busiest_day.scale(TIMES_BUSIEST)),
        _ => return None,
    };
    let ratio = used.dollars() / needed.dollars();
    Some(Finding {
        rule: Rule::Dormant,
        level: if ratio >= 1.0 { Level::Trip } else { Level::Warn },
        at_most: Level::Trip,
        ratio,
        confidence: 0.9,
        figures: Figures::Awake { idle_days: wake.idle_days, used },
    })
}
