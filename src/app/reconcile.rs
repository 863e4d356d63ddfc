//! Reconciliation: gathers what the provider, the consumers and guard's own records say, and has it compared with the
//! ledger.

use std::collections::BTreeMap;

use super::{App, AppError, custody};
use crate::domain::ids::Principal;
use crate::domain::key::{ApiKey, KeyStatus};
use crate::domain::ledger::reconcile::{Facts, Finding, Held, Holding, Managed, Role, reconcile};
use crate::domain::rotation::Role as InCustody;
use crate::ports::Reading;

/// Compares the ledger with the world. Reads only; the worst finding comes first.
///
/// # Errors
/// When the provider, the store or the vault does not answer: half a comparison would look like a clean one.
pub async fn findings(app: &App, managed: &[Managed]) -> Result<Vec<Finding>, AppError> {
    let keys = app.keys.keys().await?;
    let workspaces = app.keys.workspaces().await?;
    let mut last_used = BTreeMap::new();
    for key in &keys {
        if let Some(minute) = app.usage.last_used(&Principal::Key(key.id.clone()))? {
            last_used.insert(key.id.clone(), minute);
        }
    }
    let holdings = holdings(app, &keys).await;
    Ok(reconcile(&Facts {
        ledger: &app.ledger,
        keys: &keys,
        workspaces: &workspaces,
        managed,
        last_used: &last_used,
        holdings: &holdings,
        now: app.clock.now(),
    }))
}

/// The keys that guard answers for.
///
/// # Errors
/// When a journal cannot be read.
pub fn managed(app: &App) -> Result<Vec<Managed>, AppError> {
    let mut managed = Vec::new();
    for workspace in &app.ledger.workspaces {
        for (key, role) in custody::load(app, &workspace.name)?.roles() {
            let role = match role {
                InCustody::Active => Role::Active,
                InCustody::Incoming | InCustody::Outgoing => Role::InRotation,
                InCustody::Standby => Role::Standby,
                // Bait is left alone, whatever its state.
                InCustody::Canary => continue,
                InCustody::Spent
                | InCustody::Doomed
                | InCustody::Retired
                | InCustody::Archived
                | InCustody::Tripped => Role::Dead,
            };
            managed.push(Managed { key: key.clone(), workspace: workspace.name.clone(), role });
        }
    }
    Ok(managed)
}

/// What every consumer holds, told by the provider's hints. A consumer that cannot be read is a finding, not an error.
async fn holdings(app: &App, keys: &[ApiKey]) -> Vec<Holding> {
    let mut holdings = Vec::new();
    for workspace in &app.ledger.workspaces {
        for settings in &workspace.consumers {
            let held = match (app.consumers)(&workspace.name, settings).read().await {
                Ok(Reading::Holds(secret)) => {
                    let fits = |key: &&ApiKey| key.partial_key_hint.as_deref().is_some_and(|hint| secret.fits(hint));
                    let candidates: Vec<&ApiKey> = keys.iter().filter(fits).collect();
                    // A hint is short: of several candidates the one that can be used is meant, if it is only one.
                    let active: Vec<&ApiKey> =
                        candidates.iter().copied().filter(|k| k.status == KeyStatus::Active).collect();
                    match (candidates.as_slice(), active.as_slice()) {
                        ([key], _) | (_, [key]) => Held::Key(key.id.clone()),
                        ([], _) => Held::Unknown,
                        _ => continue,
                    }
                }
                Ok(Reading::Empty) => Held::Nothing,
                // Nothing can be known of it.
                Ok(Reading::WriteOnly) => continue,
                Err(error) => Held::Unreadable(error.to_string()),
            };
            holdings.push(Holding { workspace: workspace.name.clone(), consumer: settings.name.clone(), held });
        }
    }
    holdings
}
