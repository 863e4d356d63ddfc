//! The allow-list of models. What is not on it is foreign, whoever uses it.

use super::picture::Picture;
use super::recent::Recent;
use super::rule::Rule;
use super::verdict::{Figures, Finding, Level};
use crate::domain::ledger::ModelPolicy;
use crate::domain::money::UsdMicros;
use crate::domain::time::Minute;

/// How far back usage is looked at.
const LOOK_BACK: i64 = 60;

/// Judges the hour up to the picture's minute; `name` says what a model's index means.
pub fn judge<'n>(
    picture: &Picture<'_>,
    recent: &Recent,
    allowed: &ModelPolicy,
    name: impl Fn(u16) -> &'n str,
) -> Option<Finding> {
    if allowed.allow.is_empty() {
        return None;
    }
    let mut found: Option<(u16, Minute)> = None;
    let mut used = UsdMicros::ZERO;
    for minute in recent.range(picture.from.max(picture.at.plus(-LOOK_BACK)), picture.at) {
        for of in &minute.models {
            if !allowed.allows(name(of.model), minute.minute.start().date_naive()) {
                found.get_or_insert((of.model, minute.minute));
                used += of.amount.usd;
            }
        }
    }
    let (model, first) = found?;
    let figures = Figures::Model { model: name(model).to_owned(), first, used, share_of_most_day: 0.0 };
    Some(Finding::certain(Rule::Model, Level::Trip, figures))
}
