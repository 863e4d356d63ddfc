//! The caps of a workspace, over all its principals: at the newest minute, at the end of the hour before, and for each minute that was
//! read again. Usage that the feed shows late counts for the minute, hour and day in which it happened.

use std::collections::BTreeMap;

use chrono::Datelike;
use serde::{Deserialize, Serialize};

use super::Judged;
use super::judge::response;
use crate::app::watched::ACT_WITHIN;
use crate::domain::ids::Principal;
use crate::domain::ledger::Workspace;
use crate::domain::money::UsdMicros;
use crate::domain::time::Minute;
use crate::domain::watch::ceiling::{self, Spent};
use crate::domain::watch::usage::MinuteUsage;
use crate::domain::watch::{Figures, Finding, Judgement, Level, Roles, Window, episode, fusion};

/// A cap that was passed is remembered for this long after a poll last found it so, in minutes: longer than any poll reads again.
const REMEMBERED: i64 = 7 * 60;

const HOUR: i64 = 60;
const DAY: i64 = 1440;

/// What each principal has spent, and as of when.
pub(super) type Sums = Vec<(Principal, Minute, Spent)>;

/// What a workspace with caps has spent, as one poll sees it.
#[derive(Debug)]
pub(super) struct Spending {
    /// As of the end of the hour before the newest minute.
    pub(super) ended: Sums,
    minutes: BTreeMap<Minute, Total>,
}

/// A minute of all principals, and who had most of it.
#[derive(Debug, Default)]
struct Total {
    usd: UsdMicros,
    tokens: u64,
    most_usd: Option<(UsdMicros, Principal)>,
    most_tokens: Option<(u64, Principal)>,
}

impl Spending {
    /// Before anybody is looked at: what was known of all as of the end of the hour before, while it is read again.
    pub(super) fn since(ended: Sums) -> Self {
        Self { ended, minutes: BTreeMap::new() }
    }

    /// Adds what a principal used in the minutes after `after`.
    pub(super) fn add(&mut self, principal: &Principal, usage: &[MinuteUsage], after: Option<Minute>) {
        for minute in usage.iter().filter(|m| after.is_none_or(|after| m.minute > after)) {
            let (usd, tokens) = minute.models.iter().fold((UsdMicros::ZERO, 0u64), |(usd, tokens), of| {
                (usd + of.amount.usd, tokens.saturating_add(of.amount.tokens))
            });
            let total = self.minutes.entry(minute.minute).or_default();
            total.usd += usd;
            total.tokens = total.tokens.saturating_add(tokens);
            if total.most_usd.as_ref().is_none_or(|(most, _)| usd > *most) {
                total.most_usd = Some((usd, principal.clone()));
            }
            if total.most_tokens.as_ref().is_none_or(|(most, _)| tokens > *most) {
                total.most_tokens = Some((tokens, principal.clone()));
            }
        }
    }
}

/// Which cap; a month that is on its way to its limit and one that has reached it are two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Cap {
    Usd(Window),
    Tokens(Window),
    Month(Level),
}

/// A cap that was found passed: one matter, however many polls find it so.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Passed {
    cap: Cap,
    /// The first minute of the window in which it was passed.
    window: Minute,
    /// The minute at which it was first found passed.
    since: Minute,
    /// The newest minute of the last poll that found it so.
    seen: Minute,
}

/// A finding and its minute, on whom, and whether it is new.
struct Found {
    finding: Finding,
    cap: Cap,
    window: Minute,
    at: Minute,
    principal: Principal,
    since: Minute,
    news: bool,
}

/// The verdicts on a workspace's caps, one for each principal that spent most of what passed one.
pub(super) fn judge(
    workspace: &Workspace,
    newest: &Sums,
    spending: &Spending,
    at: Minute,
    roles: &Roles,
    passed: &mut Vec<Passed>,
) -> Vec<Judged> {
    let mut found: Vec<Found> = Vec::new();
    let mut add = |mut findings: Vec<Finding>, when: Minute, whose: &dyn Fn(&Finding) -> Option<Principal>| {
        fusion::cap(&mut findings, |rule| rule.action(&workspace.watch.rules));
        for mut finding in findings {
            let Some((cap, principal)) = cap_of(&finding).zip(whose(&finding)) else { continue };
            if at.since(when) > ACT_WITHIN {
                finding.level = finding.level.min(Level::Warn);
            }
            let window = start_of(cap, when);
            // The newest minute is among the minutes, too.
            if found.iter().any(|f| f.cap == cap && f.window == window) {
                continue;
            }
            let known = passed.iter_mut().find(|p| p.cap == cap && p.window == window);
            let (news, since) = (known.is_none(), known.as_ref().map_or(when, |known| known.since));
            match known {
                Some(known) => known.seen = at,
                None => passed.push(Passed { cap, window, since, seen: at }),
            }
            found.push(Found { finding, cap, window, at: when, principal, since, news });
        }
    };

    let total = sum(newest, at);
    let mut findings = ceiling::judge(&workspace.ceilings, &total);
    findings.extend(workspace.monthly_limit.and_then(|limit| ceiling::judge_month(limit, &total, at)));
    add(findings, at, &|finding| most(newest, at, finding));
    if let Some(end) = spending.ended.first().map(|(_, end, _)| *end) {
        let findings = ceiling::judge(&workspace.ceilings, &sum(&spending.ended, end));
        add(findings, end, &|finding| most(&spending.ended, end, finding));
    }
    for (minute, total) in &spending.minutes {
        let mut spent = Spent::default();
        (spent.usd[0], spent.tokens[0]) = (total.usd, total.tokens);
        add(ceiling::judge(&workspace.ceilings, &spent), *minute, &|finding| match finding.figures {
            Figures::TokenCap { .. } => total.most_tokens.as_ref().map(|(_, principal)| principal.clone()),
            _ => total.most_usd.as_ref().map(|(_, principal)| principal.clone()),
        });
    }
    passed.retain(|passed| at.since(passed.seen) <= REMEMBERED);
    said(workspace, found, roles)
}

/// Everything found on one principal is one verdict.
fn said(workspace: &Workspace, found: Vec<Found>, roles: &Roles) -> Vec<Judged> {
    let mut by_principal: BTreeMap<Principal, Vec<Found>> = BTreeMap::new();
    for one in found {
        by_principal.entry(one.principal.clone()).or_default().push(one);
    }
    let mut judged = Vec::new();
    for (principal, mut found) in by_principal {
        // The gravest speaks; of equals what is new, then the newest.
        found.sort_by_key(|f| std::cmp::Reverse((f.finding.level, f.news, f.at)));
        let (news, at, since) = (found.iter().any(|f| f.news), found[0].at, found[0].since);
        let findings: Vec<Finding> = found.into_iter().map(|f| f.finding).collect();
        let episode = episode::Episode { level: findings[0].level, rule: findings[0].rule, since, last: at };
        let response = response(Some(workspace), &principal, roles);
        let verdict = episode::verdict(&principal, episode, &Judgement { at, findings }, response);
        judged.extend(verdict.map(|verdict| Judged { workspace: Some(workspace.name.clone()), verdict, news }));
    }
    judged
}

fn sum(sums: &Sums, at: Minute) -> Spent {
    sums.iter().map(|(_, as_of, spent)| spent.as_of(*as_of, at)).fold(Spent::default(), Spent::plus)
}

/// Who had most of the window that the finding is about.
fn most(sums: &Sums, at: Minute, finding: &Finding) -> Option<Principal> {
    let of = |(_, as_of, spent): &&(Principal, Minute, Spent)| {
        let spent = spent.as_of(*as_of, at);
        match finding.figures {
            Figures::UsdCap { window, .. } => spent.usd[index(window)].micros(),
            Figures::TokenCap { window, .. } => spent.tokens[index(window)],
            _ => spent.usd[index(Window::Month)].micros(),
        }
    };
    sums.iter().max_by_key(of).map(|(principal, ..)| principal.clone())
}

fn cap_of(finding: &Finding) -> Option<Cap> {
    match finding.figures {
        Figures::UsdCap { window, .. } => Some(Cap::Usd(window)),
        Figures::TokenCap { window, .. } => Some(Cap::Tokens(window)),
        Figures::Projection { .. } => Some(Cap::Month(finding.level)),
        _ => None,
    }
}

/// Where `Spent` has the window.
const fn index(window: Window) -> usize {
    match window {
        Window::Minute => 0,
        Window::Hour => 1,
        Window::Day => 2,
        Window::Month => 3,
    }
}

/// The first minute of the cap's window around `at`.
fn start_of(cap: Cap, at: Minute) -> Minute {
    let aligned = |width: i64| Minute::from_epoch(at.epoch().div_euclid(width) * width);
    match cap {
        Cap::Usd(Window::Minute) | Cap::Tokens(Window::Minute) => at,
        Cap::Usd(Window::Hour) | Cap::Tokens(Window::Hour) => aligned(HOUR),
        Cap::Usd(Window::Day) | Cap::Tokens(Window::Day) => aligned(DAY),
        Cap::Usd(Window::Month) | Cap::Tokens(Window::Month) | Cap::Month(_) => {
            aligned(DAY).plus(-DAY * i64::from(at.start().day0()))
        }
    }
}
