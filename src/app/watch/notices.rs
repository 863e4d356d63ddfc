//! What people hear of verdicts that no key of guard's would answer: one notice for one event, also when it concerns many keys.

use crate::app::App;
use crate::app::poll::{Judged, PollReport};
use crate::domain::ids::WorkspaceName;
use crate::domain::notice::{Notice, Severity};
use crate::domain::time::rfc3339;
use crate::domain::watch::episode::Group;
use crate::domain::watch::{Level, Verdict, severity};

/// At most so many principals are named in a notice.
const NAMED: usize = 8;

/// The group of its poll that a verdict belongs to.
pub(super) fn group_of<'r>(report: &'r PollReport, verdict: &Verdict) -> Option<&'r Group> {
    let belongs = |group: &&Group| group.rule == verdict.rule && group.principals.contains(&verdict.principal);
    report.groups.iter().find(belongs)
}

/// What it means that many are concerned at once.
pub(super) fn common_cause(group: &Group) -> String {
    format!(
        "rule {} speaks for {} keys at once: look for a common cause first (an outage that ended, a deployment, a leaked store of keys)",
        group.rule,
        group.principals.len()
    )
}

/// Tells people of what is news among these verdicts.
pub(super) fn tell(app: &App, report: &PollReport, verdicts: &[&Judged]) {
    let news: Vec<&Judged> = verdicts.iter().copied().filter(|j| j.news && j.verdict.level > Level::Notice).collect();
    for group in &report.groups {
        let together: Vec<&Judged> = news
            .iter()
            .copied()
            .filter(|j| j.verdict.rule == group.rule && group.principals.contains(&j.verdict.principal))
            .collect();
        if let Some(first) = together.first() {
            queue(app, of_group(app, group, first, &together));
        }
    }
    for judged in news {
        if group_of(report, &judged.verdict).is_none() {
            queue(app, of_one(app, judged.workspace.as_ref(), &judged.verdict));
        }
    }
}

/// Tells people of models that have no price: what is estimated of them is more than they cost.
pub(super) fn tell_unpriced(app: &App, models: &[String]) {
    for model in models {
        let name = model.escape_debug();
        queue(
            app,
            Notice {
                dedup: format!("usage.unpriced/{name}"),
                event: "usage.unpriced".to_owned(),
                severity: Severity::Notice,
                at: app.clock.now(),
                workspace: None,
                key: None,
                incident: None,
                summary: format!(
                    "model `{name}` is not in guard's price table of {}: its usage counts at the highest rates",
                    app.prices.as_of
                ),
                detail: "Estimates and ceilings see more than it costs until a guard that knows its price is installed; the provider's bill \
                         is not touched by that."
                    .to_owned(),
                evidence_head: None,
            },
        );
    }
}

fn of_one(app: &App, workspace: Option<&WorkspaceName>, verdict: &Verdict) -> Notice {
    let at = app.clock.now();
    let whose = workspace.map_or("no workspace of the ledger", WorkspaceName::as_str);
    Notice {
        dedup: format!(
            "verdict/{}/{}/{}/{}",
            verdict.principal,
            verdict.rule.as_str(),
            verdict.level.as_str(),
            rfc3339(at)
        ),
        event: format!("usage.{}", verdict.level.as_str()),
        severity: verdict.severity,
        at,
        workspace: workspace.cloned(),
        key: verdict.principal.key().cloned(),
        incident: None,
        summary: format!("{whose}: {}", verdict.sentence),
        detail: match (verdict.level, workspace) {
            (Level::Trip, None) => {
                "The ledger does not know this workspace; `guard ledger diff` lists what is unknown".to_owned()
            }
            (_, Some(name)) => {
                format!(
                    "If it is legitimate: `guard baseline accept -w {name} --reason TEXT`. `guard baseline show -w {name}` shows it."
                )
            }
            _ => String::new(),
        },
        evidence_head: None,
    }
}

/// One for all of them; the gravest speaks.
fn of_group(app: &App, group: &Group, first: &Judged, together: &[&Judged]) -> Notice {
    let at = app.clock.now();
    let level = together.iter().map(|j| j.verdict.level).max().unwrap_or_default();
    let workspace = first.workspace.as_ref().filter(|w| together.iter().all(|j| j.workspace.as_ref() == Some(*w)));
    let mut names: Vec<String> = together.iter().take(NAMED).map(|j| j.verdict.principal.to_string()).collect();
    if together.len() > NAMED {
        names.push(format!("{} more", together.len() - NAMED));
    }
    Notice {
        dedup: format!("verdicts/{}/{}/{}", group.rule, level.as_str(), rfc3339(at)),
        event: format!("usage.{}", level.as_str()),
        severity: severity(level),
        at,
        workspace: workspace.cloned(),
        key: None,
        incident: None,
        summary: format!("{} keys at once: {}", group.principals.len(), first.verdict.sentence),
        detail: format!("{}. New or graver: {}", common_cause(group), names.join(", ")),
        evidence_head: None,
    }
}

pub(super) fn queue(app: &App, notice: Notice) {
    if let Err(error) = app.outbox.enqueue(&[notice]) {
        tracing::error!(%error, "a notice could not be queued");
    }
}
