//! Signed checkpoints of the evidence chain: made after every trip and once a day, sent to people, verified by the public key alone.

use chrono::TimeDelta;
use serde_json::json;
use zeroize::Zeroizing;

use super::{App, AppError};
use crate::domain::evidence::{CHECKPOINT, CheckpointKey, Head, PublicKey};
use crate::domain::notice::{Notice, Severity};
use crate::domain::time::{Timestamp, rfc3339};
use crate::ports::{EvidenceDraft, SecretName, StoreError, VaultError, WatchState};

/// Where the public half is, for whoever verifies on this machine without the vault.
const STATE: &str = "evidence/public-key";
/// When the last checkpoint was made.
const LAST: &str = "evidence/checkpoint";
/// New records wait at most so long for one.
const DAILY: TimeDelta = TimeDelta::hours(24);

/// The vault's entry of the signing key.
fn entry() -> SecretName {
    SecretName::Named("evidence".to_owned())
}

/// The key that signs, if one was made.
///
/// # Errors
/// The vault's; [`AppError::Vault`] also when its entry is something else.
pub fn signing_key(app: &App) -> Result<Option<CheckpointKey>, AppError> {
    let Some(secret) = app.vault.get(&entry())? else { return Ok(None) };
    let unreadable = |why: &str| VaultError::Unreadable { name: entry(), why: why.to_owned() };
    Ok(Some(CheckpointKey::kept(&secret).map_err(unreadable)?))
}

/// Makes the signing key from `seed` unless there is one, and keeps its public half where everybody finds it.
///
/// # Errors
/// The vault's and the store's.
pub fn make_key(app: &App, seed: &Zeroizing<[u8; 32]>) -> Result<(PublicKey, bool), AppError> {
    let (key, is_new) = match signing_key(app)? {
        Some(key) => (key, false),
        None => {
            let (key, secret) = CheckpointKey::new(seed).map_err(|why| AppError::Bug(why.to_owned()))?;
            app.vault.put(&entry(), &secret)?;
            (key, true)
        }
    };
    let public = key.public();
    app.watch_state.save_states(&[(STATE.to_owned(), json!(public.to_string()))])?;
    Ok((public, is_new))
}

/// The public half, without the vault.
///
/// # Errors
/// The store's.
pub fn public_key(state: &dyn WatchState) -> Result<Option<PublicKey>, StoreError> {
    let stored = state.load_state(STATE)?;
    Ok(stored.as_ref().and_then(|value| value.as_str()).and_then(|text| text.parse().ok()))
}

/// Vouches for everything that is on record, if anything is new since the last checkpoint. `None`: nothing is, or there is no key.
///
/// # Errors
/// The vault's and the store's.
pub fn make(app: &App) -> Result<Option<Head>, AppError> {
    // The vault may be slow, or ask somebody: it is opened only when there is a key in it.
    if public_key(app.watch_state.as_ref())?.is_none() {
        return Ok(None);
    }
    let Some(key) = signing_key(app)? else { return Ok(None) };
    let now = app.clock.now();
    let last = last(app)?.map(|(_, seq)| seq);
    let draft = |head: &Head| {
        let draft = || EvidenceDraft {
            actor: app.actor.clone(),
            kind: CHECKPOINT.to_owned(),
            subject: "evidence".to_owned(),
            detail: key.sign(head),
        };
        (last != Some(head.seq)).then(draft)
    };
    let Some(head) = app.evidence.append_about_head(now, &draft)? else { return Ok(None) };
    let state = json!({ "at": rfc3339(now), "seq": head.seq });
    app.watch_state.save_states(&[(LAST.to_owned(), state)])?;
    app.outbox.enqueue(&[notice(&head, &key.public(), now)])?;
    Ok(Some(head))
}

/// Makes one when the last is a day old and something is new. What goes wrong is logged; `guard doctor` tells of it, too.
pub(super) fn make_daily(app: &App) {
    let now = app.clock.now();
    let due = last(app).is_ok_and(|last| last.is_none_or(|(at, _)| now - at >= DAILY));
    if due && let Err(error) = make(app) {
        tracing::warn!(%error, "the evidence was not signed");
    }
}

/// When the last one was made, and its number.
///
/// # Errors
/// The store's.
pub fn last(app: &App) -> Result<Option<(Timestamp, u64)>, StoreError> {
    let Some(state) = app.watch_state.load_state(LAST)? else { return Ok(None) };
    let at = state["at"].as_str().and_then(|text| chrono::DateTime::parse_from_rfc3339(text).ok());
    Ok(at.map(|at| at.to_utc()).zip(state["seq"].as_u64()))
}

/// The head leaves the host with it: whoever cuts or rewrites the log later cannot reach what people have received.
fn notice(head: &Head, key: &PublicKey, at: Timestamp) -> Notice {
    Notice {
        dedup: format!("evidence/checkpoint/{}", head.seq),
        event: CHECKPOINT.to_owned(),
        severity: Severity::Info,
        at,
        workspace: None,
        key: None,
        incident: None,
        summary: format!("the evidence is signed up to record {}", head.seq - 1),
        detail: format!(
            "Keep this head: `guard evidence verify --head {head}` finds every change of what came before it. Signed by key {}.",
            key.fingerprint()
        ),
        evidence_head: Some(head.to_string()),
    }
}
