use std::collections::BTreeMap;

use chrono::Datelike;
use serde::Serialize;

use super::{Past, Stage};
use crate::app::watched::{Look, Watched, has_caps, priced};
use crate::domain::ids::Principal;
use crate::domain::time::{Minute, Timestamp};
use crate::domain::watch::ceiling::{self, Spent};
use crate::domain::watch::usage::MinuteUsage;
use crate::domain::watch::{
    Figures, Finding, KeyRole, Level, Policy, Response, Roles, Rule, Verdict, Window, fusion, sentence,
};

/// What people would have heard.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OwnVerdict {
    /// The poll that would have said it.
    pub polled_at: Timestamp,
    /// The newest minute that it rests on.
    pub judged_at: Timestamp,
    /// The first minute of what was abnormal.
    pub since: Timestamp,
    /// Whom it is about; nobody where it is about the whole workspace.
    pub principal: Option<Principal>,
    /// What it asks for.
    pub level: Level,
    /// The rule.
    pub rule: Rule,
    /// Why.
    pub sentence: String,
}

/// Everything that would have been news, oldest first.
pub(super) fn replay(stage: &Stage<'_>, roles: &Roles) -> Vec<OwnVerdict> {
    let mut verdicts: Vec<OwnVerdict> = stage.pasts.iter().flat_map(|past| of_principal(stage, past, roles)).collect();
    verdicts.extend(caps(stage));
    verdicts.sort_by(|a, b| a.polled_at.cmp(&b.polled_at).then_with(|| a.principal.cmp(&b.principal)));
    verdicts
}

/// The same steps as a poll a minute: a minute is judged when it shows up, and once more a minute later.
fn of_principal(stage: &Stage<'_>, past: &Past, roles: &Roles) -> Vec<OwnVerdict> {
    let Stage { app, workspace, .. } = stage;
    let alibi = stage.explained.as_ref().map(|explained| explained.of(&past.rows));
    // A key that is retired now was in use then; what a standby or a canary was for has not changed.
    let role = match past.principal.key().map(|key| roles.of(key, Some(&workspace.name))).unwrap_or_default() {
        KeyRole::Retired => KeyRole::Active,
        role => role,
    };
    let policy = Policy {
        watch: &workspace.watch,
        models: &workspace.models,
        acceptable_loss: workspace.acceptable_loss,
        role,
        alibi: alibi.as_ref(),
    };
    let known = past.principal.key().is_some() && role != KeyRole::Unmanaged;
    let mut watched = Watched::new(Some(workspace.name.clone()), stage.from);
    let Ok(mut detector) = watched.open() else { return Vec::new() };
    let usage = priced(&past.rows, |row| app.prices.cost(row).amount);
    let mut news = Vec::new();
    let mut poll = |at: Minute, usage: &[MinuteUsage]| {
        let look = Look {
            read: (at, at),
            policy: &policy,
            known,
            history_until: None,
            released: None,
            response: Response::Observes,
        };
        if let Some((verdict, true)) = watched.take_in(&mut detector, &past.principal, usage, &look)
            && verdict.level >= Level::Warn
        {
            news.push(own(stage, &verdict));
        }
    };
    for (i, minute) in usage.iter().enumerate() {
        poll(minute.minute, std::slice::from_ref(minute));
        let silent = minute.minute.plus(1);
        if usage.get(i + 1).is_none_or(|next| next.minute > silent) && silent <= stage.newest {
            poll(silent, &[]);
        }
    }
    news
}

fn own(stage: &Stage<'_>, verdict: &Verdict) -> OwnVerdict {
    OwnVerdict {
        polled_at: verdict.at.plus(stage.lag).start(),
        judged_at: verdict.at.start(),
        since: verdict.since.start(),
        principal: Some(verdict.principal.clone()),
        level: verdict.level,
        rule: verdict.rule,
        sentence: verdict.sentence.clone(),
    }
}

/// When the workspace's caps would have been passed, each once in its window.
fn caps(stage: &Stage<'_>) -> Vec<OwnVerdict> {
    let workspace = stage.workspace;
    if !has_caps(workspace) {
        return Vec::new();
    }
    let mut minutes: BTreeMap<Minute, (_, u64)> = BTreeMap::new();
    for row in stage.pasts.iter().flat_map(|past| &past.rows) {
        let sum = minutes.entry(row.minute).or_default();
        sum.0 += stage.app.prices.cost(row).amount;
        sum.1 = sum.1.saturating_add(row.tokens.total());
    }
    let mut total = Spent::default();
    let mut before = stage.from;
    let mut said: BTreeMap<&str, Window> = BTreeMap::new();
    let mut verdicts = Vec::new();
    for (minute, (usd, tokens)) in minutes {
        if (before.start().year(), before.start().month()) != (minute.start().year(), minute.start().month()) {
            said.clear();
        }
        for (name, width) in [("minute", 1), ("hour", 60), ("day", 1440)] {
            if before.epoch().div_euclid(width) != minute.epoch().div_euclid(width) {
                said.remove(name);
            }
        }
        total = total.as_of(before, minute);
        let now = Spent { usd: [usd; 4], tokens: [tokens; 4], ..Spent::default() };
        total = total.plus(now);
        before = minute;
        let mut findings = ceiling::judge(&workspace.ceilings, &total);
        fusion::cap(&mut findings, |rule| rule.action(&workspace.watch.rules));
        for finding in findings.iter().filter(|finding| finding.level >= Level::Warn) {
            let Some(window) = window(finding) else { continue };
            if said.insert(name(window), window).is_none() {
                verdicts.push(OwnVerdict {
                    polled_at: minute.plus(stage.lag).start(),
                    judged_at: minute.start(),
                    since: minute.start(),
                    principal: None,
                    level: finding.level,
                    rule: finding.rule,
                    sentence: sentence(finding, minute, minute, Response::Observes),
                });
            }
        }
    }
    verdicts
}

fn window(finding: &Finding) -> Option<Window> {
    match finding.figures {
        Figures::UsdCap { window, .. } | Figures::TokenCap { window, .. } => Some(window),
        _ => None,
    }
}

const fn name(window: Window) -> &'static str {
    match window {
        Window::Minute => "minute",
        Window::Hour => "hour",
        Window::Day => "day",
        Window::Month => "month",
    }
}
