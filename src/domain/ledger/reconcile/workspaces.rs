use chrono::TimeDelta;

use super::{Facts, Finding, Role, Topic};
use crate::domain::ids::WorkspaceName;
use crate::domain::key::{KeyScope, KeyStatus, ProviderWorkspace};
use crate::domain::ledger::Workspace;
use crate::domain::ledger::words::shown;
use crate::domain::notice::Severity;

/// After this long an owner should say again that they are the owner.
const CONFIRMED_FOR: TimeDelta = TimeDelta::days(180);

pub(super) fn compare(facts: &Facts<'_>) -> Vec<Finding> {
    let mut findings: Vec<Finding> = facts.ledger.workspaces.iter().flat_map(|w| of_ledger(facts, w)).collect();
    findings.extend(facts.workspaces.iter().filter_map(|w| of_provider(facts, w)));
    findings
}

fn of_ledger(facts: &Facts<'_>, workspace: &Workspace) -> Vec<Finding> {
    let name = &workspace.name;
    let finding = |topic, severity, message: String, remedy: String| {
        Some(Finding::of_workspace(topic, severity, name, message, remedy))
    };
    let place = match facts.workspaces.iter().find(|w| w.id == workspace.id) {
        // The provider lists its default workspace only since lately.
        None if workspace.is_default => None,
        None => finding(
            Topic::WorkspaceMissing,
            Severity::Warning,
            format!("the provider has no workspace {}", workspace.id),
            "correct `id` in the ledger, or remove the workspace; the Console shows the id in the workspace's address"
                .into(),
        ),
        Some(there) if there.archived_at.is_some() => finding(
            Topic::WorkspaceArchived,
            Severity::Warning,
            "it is archived at the provider: every key in it is dead for good".into(),
            "remove it from the ledger, or give it the id of its successor".into(),
        ),
        Some(there) if !workspace.is_default && slug_of(&there.name) != name.as_str() => finding(
            Topic::WorkspaceRenamed,
            Severity::Notice,
            format!("the provider calls it `{}`", shown(&there.name)),
            "make sure that `id` is the workspace you mean; if it is, nothing needs to be done".into(),
        ),
        Some(_) => None,
    };
    let has_keys = facts.keys.iter().any(|key| key.status == KeyStatus::Active && in_workspace(&key.scope, workspace));
    let owner = match (&workspace.owner, workspace.owner_confirmed) {
        (None, _) if has_keys => finding(
            Topic::OwnerMissing,
            Severity::Warning,
            "it has keys that can be used, and nobody answers for them".into(),
            format!("add `owner` to the workspace `{name}` in the ledger"),
        ),
        (Some(owner), Some(day)) if facts.now.date_naive() - day > CONFIRMED_FOR => finding(
            Topic::OwnerMissing,
            Severity::Notice,
            format!("`{}` last confirmed to be the owner on {day}", shown(owner)),
            "ask, then write today's date into `owner_confirmed`".into(),
        ),
        _ => None,
    };
    let over =
        workspace.models.exceptions.iter().filter(|e| e.until < facts.now.date_naive()).filter_map(|exception| {
            finding(
                Topic::ExceptionOver,
                Severity::Notice,
                format!("the exception for `{}` ended on {}", exception.model, exception.until),
                "remove the exception, or have it approved again with a later day".into(),
            )
        });
    let stock = facts.managed.iter().filter(|m| m.workspace == *name && m.role == Role::Standby).count();
    let wanted = workspace.rotation.standbys;
    // A workspace that guard has no key of is not enrolled yet; that is no lack of standbys.
    let enrolled = facts.managed.iter().any(|m| m.workspace == *name);
    let few = (enrolled && (stock as u64) < u64::from(wanted)).then(|| {
        finding(
            Topic::StandbysFew,
            Severity::Warning,
            format!("it has {stock} of {wanted} standbys: after a kill its jobs would stand still"),
            format!("create a key for it in the Console, then `guard key add -w {name}`"),
        )
    });
    place.into_iter().chain(owner).chain(over).chain(few.flatten()).collect()
}

fn of_provider(facts: &Facts<'_>, there: &ProviderWorkspace) -> Option<Finding> {
    if there.archived_at.is_some() || facts.ledger.workspace_by_id(&there.id).is_some() {
        return None;
    }
    let usable = facts
        .keys
        .iter()
        .filter(|key| key.status == KeyStatus::Active && key.scope == KeyScope::Workspace(there.id.clone()))
        .count();
    let (severity, keys) = match usable {
        0 => (Severity::Info, "no key in it can be used".to_owned()),
        1 => (Severity::Warning, "one key in it can be used".to_owned()),
        n => (Severity::Warning, format!("{n} keys in it can be used")),
    };
    Some(Finding {
        id: Topic::WorkspaceUnknown.id(),
        severity,
        workspace: None,
        key: None,
        subject: format!("{} ({})", there.id, shown(&there.name)),
        message: format!("the ledger does not know this workspace; {keys}"),
        remedy: format!(
            "add to the ledger: [[workspace]] name = \"{}\", id = \"{}\", environment = \"…\"",
            slug_of(&there.name),
            there.id
        ),
    })
}

/// Whether a key of that scope is the workspace's own.
pub(super) fn in_workspace(scope: &KeyScope, workspace: &Workspace) -> bool {
    matches!(scope, KeyScope::Workspace(id) if *id == workspace.id)
}

/// The workspace name that comes nearest to a provider's name: `Prod Publish` becomes `prod-publish`.
pub fn slug_of(name: &str) -> String {
    let mut slug = String::new();
    for c in name.chars() {
        match c.to_ascii_lowercase() {
            c if c.is_ascii_lowercase() || c.is_ascii_digit() || (matches!(c, '.' | '_') && !slug.is_empty()) => {
                slug.push(c)
            }
            _ if !slug.is_empty() && !slug.ends_with('-') => slug.push('-'),
            _ => {}
        }
        if slug.len() == 64 {
            break;
        }
    }
    let slug = slug.trim_end_matches('-');
    // What is left of a name without any Latin letter or digit is nothing.
    WorkspaceName::new(slug).map_or_else(|_| "workspace".to_owned(), String::from)
}
