//! What the watchdog holds to be usual for a workspace's keys, and a person's word that it was legitimate.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::{App, AppError, custody, drive, poll};
use crate::domain::ids::{KeyId, Principal, WorkspaceName};
use crate::domain::incident::{Band, Charge, UsageSeries};
use crate::domain::ledger::Workspace;
use crate::domain::money::UsdMicros;
use crate::domain::time::{Minute, Timestamp};
use crate::domain::usage::UsageRow;
use crate::domain::watch::outlook::Outlook;
use crate::ports::EvidenceDraft;

/// One principal of a workspace.
#[derive(Debug, Clone, PartialEq)]
pub struct Usual {
    /// Who.
    pub principal: Principal,
    /// Since when it is watched.
    pub since: Minute,
    /// Up to which minute it was judged.
    pub outlook: Outlook,
    /// Its statistics only warn, because its own past would have tripped them.
    pub unproven: bool,
    /// When a person last accepted its past.
    pub accepted: Option<Timestamp>,
}

/// A workspace's usage against its baseline.
#[derive(Debug, Clone, PartialEq)]
pub struct BaselineView {
    /// Those who had usage in the time shown, and those in custody that were ever judged.
    pub principals: Vec<Usual>,
    /// All of them together.
    pub usage: UsageSeries,
}

/// The workspace's usage of the last `hours` that the feed has shown, against what was expected; of one key, or of all.
///
/// # Errors
/// The store's; [`AppError::Refused`] for a workspace that is not in the ledger.
pub fn show(app: &App, name: &WorkspaceName, key: Option<&KeyId>, hours: u32) -> Result<BaselineView, AppError> {
    let workspace = drive::find(app, name)?;
    let wanted = |principal: &Principal| key.is_none_or(|key| principal.key() == Some(key));
    let usage = Usage::last(app, hours)?;
    usage.of(app, workspace, ever_seen(app, workspace)?.into_iter().filter(|p| wanted(p)).collect(), wanted)
}

/// Everybody with usage in the workspace within a baseline's reach, and everybody in custody.
fn ever_seen(app: &App, workspace: &Workspace) -> Result<BTreeSet<Principal>, AppError> {
    let until = Minute::containing(app.clock.now()).plus(1);
    let rows = app.usage.usage(None, until.plus(-31 * 1440), until)?;
    let own = rows.iter().filter(|row| belongs(row, workspace));
    let mut principals: BTreeSet<Principal> = own.map(|row| row.principal.clone()).collect();
    principals.extend(in_custody(app, &workspace.name)?);
    Ok(principals)
}

/// Everybody's stored usage of the last hours, read once.
pub struct Usage {
    from: Minute,
    until: Minute,
    rows: Vec<UsageRow>,
}

impl Usage {
    /// Reads it, up to what the feed has shown.
    ///
    /// # Errors
    /// The store's.
    pub fn last(app: &App, hours: u32) -> Result<Self, AppError> {
        let until = poll::newest_complete(app, app.clock.now()).plus(1);
        let from = until.plus(-60 * i64::from(hours));
        Ok(Self { from, until, rows: app.usage.usage(None, from, until)? })
    }

    /// One workspace's, against its baselines: of these principals, and of whoever else had usage and is wanted.
    ///
    /// # Errors
    /// The store's.
    pub fn of(
        &self,
        app: &App,
        workspace: &Workspace,
        mut principals: BTreeSet<Principal>,
        wanted: impl Fn(&Principal) -> bool,
    ) -> Result<BaselineView, AppError> {
        let (from, until) = (self.from, self.until);
        let rows = || self.rows.iter().filter(|row| belongs(row, workspace) && wanted(&row.principal));
        principals.extend(rows().map(|row| row.principal.clone()));
        let mut bands: BTreeMap<Minute, Band> = BTreeMap::new();
        let mut usual = Vec::new();
        for principal in principals {
            let Some(watched) = poll::state_of(app, &principal)? else { continue };
            let detector = watched.open()?;
            for expected in detector.expected_cost(from, until) {
                let none = Band { from: expected.from, median: UsdMicros::ZERO, upper: UsdMicros::ZERO };
                let band = bands.entry(expected.from).or_insert(none);
                (band.median, band.upper) = (band.median + expected.median, band.upper + expected.upper);
            }
            usual.push(Usual {
                principal,
                since: detector.observed_since(),
                outlook: detector.outlook(until.plus(-1)),
                unproven: watched.is_unproven(),
                accepted: watched.accepted_at(),
            });
        }
        let charges = charges(app, rows());
        // Bands that know nothing would make everything look unexpected.
        let known = usual.iter().any(|one| one.outlook.days > 0);
        let bands = if known { bands.into_values().collect() } else { Vec::new() };
        Ok(BaselineView { principals: usual, usage: UsageSeries { from, until, charges, bands, hidden: Vec::new() } })
    }
}

/// A person says that everything the workspace's keys (or one of them) have used so far is legitimate: all of it teaches, and so much
/// is no news for two days. It goes on record before it takes effect. Returns whom it concerns.
///
/// # Errors
/// The store's; [`AppError::Refused`] for a workspace that is not in the ledger, or a key that was never judged.
pub fn accept(app: &App, name: &WorkspaceName, key: Option<&KeyId>, reason: &str) -> Result<Vec<Principal>, AppError> {
    let workspace = drive::find(app, name)?;
    let now = app.clock.now();
    let mut principals = ever_seen(app, workspace)?;
    principals.extend(key.cloned().map(Principal::Key));
    principals.retain(|principal| key.is_none_or(|key| principal.key() == Some(key)));
    let mut judged = Vec::new();
    for principal in principals {
        if poll::state_of(app, &principal)?.is_some_and(|watched| watched.workspace.as_ref() == Some(name)) {
            judged.push(principal);
        }
    }
    if judged.is_empty() {
        let what = key.map_or_else(|| format!("no key of `{name}`"), |key| format!("{key} of `{name}`"));
        return Err(AppError::Refused {
            what: format!("{what} has a baseline yet; there is nothing to accept"),
            remedy: format!("`guard baseline show -w {name}` lists what is watched; `guard watch --once` reads usage"),
        });
    }
    let drafts: Vec<EvidenceDraft> = judged
        .iter()
        .map(|principal| EvidenceDraft {
            actor: app.actor.clone(),
            kind: "baseline.accepted".to_owned(),
            subject: principal.to_string(),
            detail: json!({ "workspace": name, "reason": reason }),
        })
        .collect();
    app.evidence.append_evidence(now, &drafts)?;
    poll::accept(app, &judged, now)?;
    Ok(judged)
}

/// Whether the feed's line is the workspace's.
pub(super) fn belongs(row: &UsageRow, workspace: &Workspace) -> bool {
    row.workspace.as_ref().map_or(workspace.is_default, |id| *id == workspace.id)
}

fn in_custody(app: &App, name: &WorkspaceName) -> Result<Vec<Principal>, AppError> {
    Ok(custody::load(app, name)?.keys().keys().cloned().map(Principal::Key).collect())
}

/// What rows (oldest first) cost, by minute and model.
fn charges<'r>(app: &App, rows: impl Iterator<Item = &'r UsageRow>) -> Vec<Charge> {
    let mut charges: BTreeMap<(Minute, &str), Charge> = BTreeMap::new();
    for row in rows {
        let charge = charges.entry((row.minute, row.model.as_str())).or_insert_with(|| Charge {
            minute: row.minute,
            model: row.model.clone(),
            cost: UsdMicros::ZERO,
            tokens: 0,
        });
        charge.cost += app.prices.cost(row).amount;
        charge.tokens = charge.tokens.saturating_add(row.tokens.total());
    }
    charges.into_values().collect()
}
