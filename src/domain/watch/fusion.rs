//! From what the rules find to what guard says.

use super::picture::{Picture, Wake};
use super::policy::Policy;
use super::recent::Recent;
use super::rule::Rule;
use super::verdict::{Finding, Level};
use super::{alibi, ceiling, dormant, drift, first_use, loss, model, run_size, spike};
use crate::domain::ledger::RuleAction;

/// Everything that rules say about the picture and that policy lets through, the gravest first.
pub fn findings<'n>(
    picture: &Picture<'_>,
    wake: Option<&Wake>,
    recent: &Recent,
    policy: &Policy<'_>,
    model_name: impl Fn(u16) -> &'n str,
) -> Vec<Finding> {
    let watch = policy.watch;
    let day = picture.costs[picture.costs.len() - 1];
    // Run records explain the odd hours of a key that works in runs; of one that is always on they explain nothing.
    let runs_explain = watch.runs_registered && policy.alibi.is_some() && picture.baseline.works_in_runs();
    let statistics = day >= watch.floor;
    let mut findings: Vec<Finding> = [
        dormant::judge(picture, wake, policy.role, watch),
        model::judge(picture, recent, policy.models, model_name),
        policy.alibi.and_then(|runs| alibi::judge(picture, recent, runs, watch.runs_registered)),
        watch.cold_start_budget.and_then(|budget| ceiling::judge_cold_start(picture, budget)),
        first_use::judge(picture),
        first_use::judge_term(picture),
        statistics.then(|| spike::judge(picture)).flatten(),
        (statistics && !runs_explain).then(|| drift::judge(picture)).flatten(),
        statistics.then(|| run_size::judge(picture)).flatten(),
    ]
    .into_iter()
    .flatten()
    .collect();
    if findings.iter().any(|f| f.level >= Level::Warn) {
        findings.extend(policy.acceptable_loss.and_then(|accepted| loss::judge(picture, accepted)));
    }
    cap(&mut findings, |rule| rule.action(&watch.rules));
    findings
}

/// Applies policy's caps, drops what is left of nothing, and puts the gravest first.
pub fn cap(findings: &mut Vec<Finding>, action: impl Fn(Rule) -> RuleAction) {
    for finding in findings.iter_mut() {
        finding.at_most = finding.at_most.capped(action(finding.rule));
        finding.level = finding.level.min(finding.at_most);
    }
    findings.retain(|finding| finding.level > Level::Ok);
    findings.sort_by(|a, b| b.level.cmp(&a.level).then(b.ratio.total_cmp(&a.ratio)));
}
