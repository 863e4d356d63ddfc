//! `/v1/organizations/…`: the organization, its keys and its workspaces.

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::org::{Key, Organization, Workspace, hint_of};
use super::super::world::{Behaviour, World};
use super::answer::ApiError;
use super::call::{Call, Facts};
use super::page::{Bend, id_page};
use crate::domain::ids::KeyId;
use crate::domain::key::KeyStatus;
use crate::domain::time::{Timestamp, rfc3339};

/// Fails unless the call carries the organization's admin credential.
pub fn check_credential(organization: &Organization, call: &Call, now: Timestamp) -> Result<(), ApiError> {
    match call.credential() {
        Some(text) if organization.is_admin(text) => Ok(()),
        Some(text) if organization.authenticate(text, now).is_some() => {
            Err(ApiError::new(403, "Your API key does not have permission to use the specified resource."))
        }
        _ => Err(ApiError::unauthorized()),
    }
}

pub fn me(organization: &Organization) -> Value {
    json!({ "id": organization.id, "type": "organization", "name": organization.name })
}

pub fn list_keys(world: &World, call: &Call, now: Timestamp, bend: Bend) -> Result<Value, ApiError> {
    call.only(&["limit", "after_id", "before_id", "status", "workspace_id", "created_by_user_id"])?;
    let (status, workspace, creator) =
        (call.one("status")?, call.one("workspace_id")?, call.one("created_by_user_id")?);
    if status.is_some_and(|word| !["active", "inactive", "archived", "expired"].contains(&word)) {
        return Err(ApiError::invalid("status: unknown value"));
    }
    let organization = &world.organization;
    let found = organization.keys.iter().filter(|key| {
        status.is_none_or(|word| shown_status(key, now, bend).as_str() == word)
            && workspace.is_none_or(|id| key.workspace.as_ref().is_some_and(|w| w.as_str() == id))
            && creator.is_none_or(|id| organization.user == id)
    });
    id_page(
        call,
        &found.collect::<Vec<_>>(),
        |key| key.id.as_str(),
        |key| key_object(organization, key, now, bend),
        bend,
    )
}

pub fn get_key(world: &World, id: &str, now: Timestamp, bend: Bend, facts: &mut Facts) -> Result<Value, ApiError> {
    let key = world.organization.key(id).ok_or_else(ApiError::not_found)?;
    facts.key = Some(key.id.clone());
    facts.workspace.clone_from(&key.workspace);
    Ok(key_object(&world.organization, key, now, bend))
}

#[derive(Debug, Deserialize)]
struct Update {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    status: Option<String>,
}

/// What an order about a key asks for, for the log of one that is not carried out.
pub fn asked(call: &Call, id: &str) -> Facts {
    let update = serde_json::from_slice::<Update>(&call.body).ok();
    let note = update.and_then(|update| update.status).map(|word| format!("status {word}"));
    Facts { key: KeyId::new(id).ok(), note, ..Facts::default() }
}

pub fn update_key(
    world: &mut World,
    behaviour: &Behaviour,
    call: &Call,
    id: &str,
    now: Timestamp,
    bend: Bend,
    facts: &mut Facts,
) -> Result<Value, ApiError> {
    call.only(&[])?;
    let Update { name, status } =
        serde_json::from_slice(&call.body).map_err(|_| ApiError::invalid("the body is not a valid update"))?;
    if name.is_none() && status.is_none() {
        return Err(ApiError::invalid("nothing to change"));
    }
    facts.note = status.as_ref().map(|word| format!("status {word}"));
    let status = match status.as_deref() {
        None => None,
        Some("active") => Some(KeyStatus::Active),
        Some("inactive") => Some(KeyStatus::Inactive),
        Some("archived") => Some(KeyStatus::Archived),
        Some(_) => return Err(ApiError::invalid("status: must be active, inactive or archived")),
    };
    if bend == Bend::NoEffect {
        let mut confirmed = get_key(world, id, now, Bend::None, facts)?;
        if let Some(status) = status {
            confirmed["status"] = json!(status.as_str());
        }
        return Ok(confirmed);
    }
    let key = world.organization.edit_key(id, name, status, now, behaviour.revoke_delay)?;
    facts.key = Some(key.id.clone());
    facts.workspace.clone_from(&key.workspace);
    let key = key.clone();
    Ok(key_object(&world.organization, &key, now, Bend::None))
}

pub fn list_workspaces(world: &World, call: &Call, bend: Bend) -> Result<Value, ApiError> {
    call.only(&["limit", "after_id", "before_id", "include_archived", "include_default"])?;
    let (archived, default) = (call.flag("include_archived")?, call.flag("include_default")?);
    let found = world
        .organization
        .workspaces
        .iter()
        .filter(|w| (archived || w.archived_at.is_none()) && (default || !w.is_default));
    id_page(call, &found.collect::<Vec<_>>(), |workspace| workspace.id.as_str(), |w| workspace_object(w), bend)
}

pub fn get_workspace(world: &World, id: &str) -> Result<Value, ApiError> {
    world.organization.workspace(id).map(workspace_object).ok_or_else(ApiError::not_found)
}

pub fn archive_workspace(
    world: &mut World,
    behaviour: &Behaviour,
    id: &str,
    now: Timestamp,
    facts: &mut Facts,
) -> Result<Value, ApiError> {
    let workspace = world.organization.archive_workspace(id, now, behaviour.revoke_delay)?;
    facts.workspace = Some(workspace.id.clone());
    Ok(workspace_object(&workspace))
}

fn shown_status(key: &Key, now: Timestamp, bend: Bend) -> KeyStatus {
    if bend == Bend::StaleRead { key.stale_status(now) } else { key.status(now) }
}

fn key_object(organization: &Organization, key: &Key, now: Timestamp, bend: Bend) -> Value {
    let default = organization.workspaces.iter().find(|w| w.is_default).map(|w| &w.id);
    let (scope, principal) = match &key.workspace {
        Some(id) => (json!({ "type": "workspace", "workspace_id": id }), Value::Null),
        None => (json!({ "type": "organization" }), json!({ "type": "user_actor", "user_id": organization.user })),
    };
    json!({
        "id": key.id,
        "type": "api_key",
        "name": key.name,
        "status": shown_status(key, now, bend).as_str(),
        "created_at": rfc3339(key.created_at),
        "created_by": { "id": organization.user, "type": "user" },
        "expires_at": key.expires_at.map(rfc3339),
        "partial_key_hint": hint_of(key),
        "principal": principal,
        "scope": scope,
        "workspace_id": key.workspace.as_ref().filter(|id| Some(*id) != default),
    })
}

fn workspace_object(workspace: &Workspace) -> Value {
    json!({
        "id": workspace.id,
        "type": "workspace",
        "name": workspace.name,
        "created_at": rfc3339(workspace.created_at),
        "archived_at": workspace.archived_at.map(rfc3339),
        "display_color": "#6C5BB9",
        "compartment_id": "cmpt_01Sandbox",
        "external_key_id": null,
        "tags": {},
        "data_residency": {
            "workspace_geo": "us", "default_inference_geo": "global", "allowed_inference_geos": "unrestricted",
        },
    })
}
