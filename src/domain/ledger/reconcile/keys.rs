use std::collections::BTreeMap;

use chrono::TimeDelta;

use super::workspaces::in_workspace;
use super::{Facts, Finding, Held, Managed, Role, Topic};
use crate::domain::ids::{KeyId, WorkspaceName};
use crate::domain::key::{ApiKey, KeyOwner, KeyScope, KeyStatus, short_hint};
use crate::domain::ledger::words::shown;
use crate::domain::ledger::{RotationPolicy, Workspace};
use crate::domain::notice::Severity;
use crate::domain::time::{humane, rfc3339};

/// Expiry is remarked so long ahead; within the shorter time it is urgent.
const EXPIRES_SOON: TimeDelta = TimeDelta::days(14);
const EXPIRES_NOW: TimeDelta = TimeDelta::days(2);
/// A key that is younger may simply be waiting for its first job.
const YOUNG: TimeDelta = TimeDelta::days(7);

pub(super) fn compare(facts: &Facts<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for key in facts.keys {
        let home = facts.ledger.workspaces.iter().find(|w| in_workspace(&key.scope, w));
        match facts.managed.iter().find(|m| m.key == key.id) {
            Some(managed) => findings.extend(managed_key(facts, key, managed)),
            None => findings.extend(foreign_key(facts, key, home)),
        }
        findings.extend(any_key(facts, key, home));
    }
    findings.extend(facts.managed.iter().filter_map(|managed| missing_key(facts, managed)));
    findings.extend(shared_keys(facts));
    findings.extend(consumers(facts));
    findings
}

/// What can be said of a key whoever answers for it.
fn any_key(facts: &Facts<'_>, key: &ApiKey, home: Option<&Workspace>) -> Vec<Finding> {
    if key.status != KeyStatus::Active {
        return Vec::new();
    }
    let finding =
        |topic, severity, message, remedy| about(topic, severity, key, home.map(|w| &w.name), message, remedy);
    let mut findings = Vec::new();
    if key.scope == KeyScope::Organization {
        findings.push(finding(
            Topic::KeyWithoutScope,
            Severity::Warning,
            "it is good for every workspace: a leak of it cannot be contained".to_owned(),
            "replace it by a key of one workspace in the Console, then disable it".to_owned(),
        ));
    }
    if let KeyOwner::User(user) = &key.owner {
        findings.push(finding(
            Topic::KeyOfPerson,
            Severity::Notice,
            format!("it belongs to the person {}: it dies with the membership", shown(user)),
            "replace it by a workspace key in the Console".to_owned(),
        ));
    }
    if let Some(expires) = key.expires_at.filter(|at| *at - facts.now <= EXPIRES_SOON) {
        let left = expires - facts.now;
        let severity = if left <= EXPIRES_NOW { Severity::Critical } else { Severity::Warning };
        let remedy = match home {
            Some(workspace) => format!("guard rotate -w {}", workspace.name),
            None => "create a successor in the Console and hand it to whoever uses the key".to_owned(),
        };
        findings.push(finding(
            Topic::KeyExpiring,
            severity,
            format!("it expires at {}, in {}", rfc3339(expires), humane(left)),
            remedy,
        ));
    }
    findings
}

fn managed_key(facts: &Facts<'_>, key: &ApiKey, managed: &Managed) -> Vec<Finding> {
    let name = &managed.workspace;
    let Some(workspace) = facts.ledger.workspace(name) else { return Vec::new() };
    let finding =
        |topic, severity, message: String, remedy: String| about(topic, severity, key, Some(name), message, remedy);
    let trip = format!("guard trip -w {name} --key {} --reason \"switched on by somebody else\"", key.id);
    let mut findings = Vec::new();
    if key.scope != KeyScope::Unknown && !in_workspace(&key.scope, workspace) {
        findings.push(finding(
            Topic::KeyMisplaced,
            Severity::Critical,
            format!("guard uses it for {name}, but it is not a key of {}", workspace.id),
            format!("correct `id` in the ledger, or `guard key forget -w {name} {}` and add the right key", key.id),
        ));
    }
    let on = key.status == KeyStatus::Active;
    match managed.role {
        Role::Active if key.status.is_off() => findings.push(finding(
            Topic::ActiveKeyOff,
            Severity::Critical,
            format!("consumers are meant to hold it, but it is {} at the provider", key.status.as_str()),
            format!("guard rotate -w {name}"),
        )),
        Role::Active if on => {
            findings.extend(age(facts, key, name, &workspace.rotation));
            let idle = TimeDelta::from_std(workspace.watch.dormant_after).unwrap_or(TimeDelta::MAX);
            let remedy = "if the workload is gone, disable the key in the Console and remove the workspace".to_owned();
            findings.extend(unused(facts, key, Some(name), idle, Severity::Notice, &remedy));
        }
        Role::Standby if on => findings.push(finding(
            Topic::StandbyOn,
            Severity::Warning,
            "it is a standby, but it can be used: whoever has stolen it can spend".to_owned(),
            format!("disable it in the Console; if nobody of you switched it on: {trip}"),
        )),
        Role::Dead if on => findings.push(finding(
            Topic::DeadKeyOn,
            Severity::Critical,
            "it was retired or killed, and can be used again: somebody switched it on".to_owned(),
            trip,
        )),
        _ => {}
    }
    findings
}

fn foreign_key(facts: &Facts<'_>, key: &ApiKey, home: Option<&Workspace>) -> Vec<Finding> {
    let name = home.map(|w| &w.name);
    match key.status {
        KeyStatus::Archived | KeyStatus::Expired => return Vec::new(),
        KeyStatus::Active => {}
        KeyStatus::Inactive | KeyStatus::Unknown(_) => {
            return vec![about(
                Topic::KeyUnknown,
                Severity::Info,
                key,
                name,
                format!("guard does not know it; it is {}", shown(key.status.as_str())),
                "if nobody needs it any more, delete it in the Console".to_owned(),
            )];
        }
    }
    let remedy = match name {
        Some(name) => format!(
            "if it is the key of {name}: `guard key add -w {name}`; if nobody knows it: disable it in the Console"
        ),
        None => "find out who uses it, then add its workspace to the ledger, or disable it in the Console".to_owned(),
    };
    let unknown = about(
        Topic::KeyUnknown,
        Severity::Warning,
        key,
        name,
        format!("guard does not know it, and it can be used; {}", maker(key)),
        remedy,
    );
    let idle =
        home.map_or(TimeDelta::days(30), |w| TimeDelta::from_std(w.watch.dormant_after).unwrap_or(TimeDelta::MAX));
    let disable = "disable it in the Console".to_owned();
    std::iter::once(unknown).chain(unused(facts, key, name, idle, Severity::Warning, &disable)).collect()
}

fn maker(key: &ApiKey) -> String {
    let made = key.created_at.date_naive();
    match &key.created_by {
        Some(who) => format!("made by {} on {made}", shown(who)),
        None => format!("made on {made}; by whom is not recorded"),
    }
}

fn age(facts: &Facts<'_>, key: &ApiKey, name: &WorkspaceName, policy: &RotationPolicy) -> Option<Finding> {
    let (age, interval) = (facts.now - key.created_at, TimeDelta::from_std(policy.interval).unwrap_or(TimeDelta::MAX));
    (age > interval).then(|| {
        about(
            Topic::KeyOld,
            Severity::Warning,
            key,
            Some(name),
            format!("it is {} old; the ledger wants a new one every {}", humane(age), humane(interval)),
            format!("guard rotate -w {name}"),
        )
    })
}

fn unused(
    facts: &Facts<'_>,
    key: &ApiKey,
    name: Option<&WorkspaceName>,
    idle: TimeDelta,
    severity: Severity,
    remedy: &str,
) -> Option<Finding> {
    if facts.last_used.is_empty() || facts.now - key.created_at < YOUNG {
        return None;
    }
    match facts.last_used.get(&key.id).map(|minute| facts.now - minute.start()) {
        None => Some(about(
            Topic::KeyNeverUsed,
            severity,
            key,
            name,
            "guard has never recorded any use of it".to_owned(),
            remedy.to_owned(),
        )),
        Some(since) if since > idle => Some(about(
            Topic::KeyIdle,
            severity,
            key,
            name,
            format!("it was last used {} ago", humane(since)),
            remedy.to_owned(),
        )),
        Some(_) => None,
    }
}

fn missing_key(facts: &Facts<'_>, managed: &Managed) -> Option<Finding> {
    // A dead key that has gone altogether is as dead as can be.
    if managed.role == Role::Dead || facts.keys.iter().any(|key| key.id == managed.key) {
        return None;
    }
    let name = &managed.workspace;
    Some(Finding {
        key: Some(managed.key.clone()),
        subject: managed.key.to_string(),
        ..Finding::of_workspace(
            Topic::KeyMisplaced,
            Severity::Critical,
            name,
            format!("guard uses it for {name}, but the provider does not have it"),
            format!(
                "check that the admin key belongs to the right organization (`guard doctor`), then `guard rotate -w {name}`"
            ),
        )
    })
}

/// Several consumers of one workspace share its key on purpose; consumers of several workspaces must not.
fn shared_keys(facts: &Facts<'_>) -> Vec<Finding> {
    let mut holders: BTreeMap<&KeyId, Vec<&WorkspaceName>> = BTreeMap::new();
    for holding in facts.holdings {
        if let Held::Key(key) = &holding.held {
            let names = holders.entry(key).or_default();
            if !names.contains(&&holding.workspace) {
                names.push(&holding.workspace);
            }
        }
    }
    let shared = holders.into_iter().filter(|(_, names)| names.len() > 1);
    shared
        .filter_map(|(id, names)| {
            let key = facts.keys.iter().find(|key| key.id == *id)?;
            let names = names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ");
            Some(about(
                Topic::KeyShared,
                Severity::Warning,
                key,
                None,
                format!("consumers of several workspaces hold it ({names}): a leak of one stops them all"),
                "give each workspace a key of its own: create it in the Console, then `guard rotate` for each"
                    .to_owned(),
            ))
        })
        .collect()
}

fn consumers(facts: &Facts<'_>) -> Vec<Finding> {
    let differs = facts.holdings.iter().filter_map(|holding| {
        let name = &holding.workspace;
        let wanted = facts.managed.iter().find(|m| m.workspace == *name && m.role == Role::Active)?;
        let in_rotation = |key: &KeyId| facts.managed.iter().any(|m| m.key == *key && m.role == Role::InRotation);
        let message = match &holding.held {
            Held::Key(key) if *key == wanted.key || in_rotation(key) => return None,
            Held::Key(key) => format!("it holds {key} instead of {}", wanted.key),
            Held::Unknown => format!("it holds a secret that is no key of the provider, instead of {}", wanted.key),
            Held::Nothing => format!("it holds no key, but should hold {}", wanted.key),
            Held::Unreadable(why) => format!("what it holds could not be read: {}", shown(why)),
        };
        let finding =
            Finding::of_workspace(Topic::ConsumerDiffers, Severity::Warning, name, message, "guard tick".to_owned());
        Some(Finding { subject: format!("{name}: consumer {}", holding.consumer), ..finding })
    });
    differs.collect()
}

fn about(
    topic: Topic,
    severity: Severity,
    key: &ApiKey,
    workspace: Option<&WorkspaceName>,
    message: String,
    remedy: String,
) -> Finding {
    Finding {
        id: topic.id(),
        severity,
        workspace: workspace.cloned(),
        key: Some(key.id.clone()),
        subject: format!("{} ({}, {})", key.id, shown(&key.name), short_hint(key.partial_key_hint.as_deref())),
        message,
        remedy,
    }
}
