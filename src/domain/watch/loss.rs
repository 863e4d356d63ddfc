//! The loss that the owner accepts. Once something is abnormal, it bounds how long the other rules may hesitate.

use super::picture::Picture;
use super::rule::Rule;
use super::verdict::{Figures, Finding, Level};
use crate::domain::money::UsdMicros;

/// Judges the cost of what earlier days do not explain; `None` below the accepted loss.
pub fn judge(picture: &Picture<'_>, accepted: UsdMicros) -> Option<Finding> {
    let lost = picture.cost_of(picture.foreign.load.work);
    if lost < accepted {
        return None;
    }
    Some(Finding {
        rule: Rule::Loss,
        level: Level::Trip,
        at_most: Level::Trip,
        ratio: lost.dollars() / accepted.dollars().max(1e-6),
        confidence: 0.7,
        figures: Figures::Loss { lost, accepted },
    })
}
