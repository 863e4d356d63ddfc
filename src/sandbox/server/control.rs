//! `/sandbox/…`: what a person in the Console, a test or a drill does to the world. Served on loopback only, like everything.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::clock::{Pace, ParticipantId};
use super::super::fault::{Effect, Fault};
use super::super::log::{Line, Plane};
use super::super::org::{NewKey, Refusal, hint_of};
use super::super::usage::Spent;
use super::super::world::Shared;
use crate::domain::ids::{KeyId, WorkspaceId};
use crate::domain::key::KeyStatus;
use crate::domain::time::{Minute, Timestamp};
use crate::domain::usage::{Billing, Tokens};

type Answer = Result<Json<Value>, (StatusCode, Json<Value>)>;
type World = State<Arc<Shared>>;

pub fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/", get(summary))
        .route("/workspaces", post(add_workspace))
        .route("/keys", post(mint))
        .route("/keys/{id}", post(edit))
        .route("/faults", post(add_fault).get(faults).delete(clear_faults))
        .route("/usage", post(seed))
        .route("/usage/restate", post(restate))
        .route("/log", get(log))
        .route("/inbox", post(inbox))
        .route("/clock", get(clock))
        .route("/clock/join", post(join))
        .route("/clock/sleep", post(sleep))
        .route("/clock/leave", post(leave))
}

fn refused(status: StatusCode, why: impl std::fmt::Display) -> (StatusCode, Json<Value>) {
    (status, Json(json!({ "error": why.to_string() })))
}

fn refusal(refusal: Refusal) -> (StatusCode, Json<Value>) {
    let status = if refusal == Refusal::NotFound { StatusCode::NOT_FOUND } else { StatusCode::BAD_REQUEST };
    refused(status, refusal)
}

async fn summary(State(shared): World) -> Json<Value> {
    let now = shared.clock.now();
    let world = shared.world();
    let keys = world.organization.keys.iter().map(|key| {
        json!({
            "id": key.id, "name": key.name, "workspace_id": key.workspace, "status": key.status(now).as_str(),
            "works": key.works(now), "partial_key_hint": hint_of(key),
        })
    });
    let workspaces =
        world.organization.workspaces.iter().map(
            |w| json!({ "id": w.id, "name": w.name, "archived": w.archived_at.is_some(), "default": w.is_default }),
        );
    Json(json!({
        "now": now,
        "organization": { "id": world.organization.id, "name": world.organization.name },
        "workspaces": workspaces.collect::<Vec<_>>(),
        "keys": keys.collect::<Vec<_>>(),
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AddWorkspace {
    name: String,
}

async fn add_workspace(State(shared): World, Json(AddWorkspace { name }): Json<AddWorkspace>) -> Json<Value> {
    let now = shared.clock.now();
    let mut world = shared.world();
    let id = world.organization.add_workspace(&name, now);
    world.note(now, Plane::Console, format!("workspace {id} made"));
    Json(json!({ "id": id, "name": name }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MintKey {
    #[serde(default)]
    workspace: Option<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    status: Option<KeyStatus>,
    #[serde(default)]
    expires_at: Option<Timestamp>,
}

async fn mint(State(shared): World, Json(order): Json<MintKey>) -> Answer {
    let now = shared.clock.now();
    let mut world = shared.world();
    let new = NewKey {
        workspace: order.workspace,
        name: order.name.unwrap_or_else(|| "made-in-the-sandbox".to_owned()),
        status: order.status.unwrap_or(KeyStatus::Active),
        expires_at: order.expires_at,
    };
    let minted = world.organization.mint_key(&new, now).map_err(refusal)?;
    world.note(now, Plane::Console, format!("key {} made, {}", minted.id, new.status.as_str()));
    Ok(Json(json!(minted)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EditKey {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    status: Option<KeyStatus>,
}

async fn edit(State(shared): World, Path(id): Path<String>, Json(order): Json<EditKey>) -> Answer {
    let now = shared.clock.now();
    let delay = shared.behaviour.revoke_delay;
    let mut world = shared.world();
    let key = world.organization.edit_key(&id, order.name, order.status, now, delay).map_err(refusal)?;
    let (id, status) = (key.id.clone(), key.status(now));
    world.note(now, Plane::Console, format!("key {id} edited, now {}", status.as_str()));
    Ok(Json(json!({ "id": id, "status": status.as_str() })))
}

async fn add_fault(State(shared): World, Json(fault): Json<Fault>) -> Answer {
    if matches!(fault.effect, Effect::Status { status, .. } if !(400..=599).contains(&status)) {
        return Err(refused(StatusCode::BAD_REQUEST, "a status fault answers with 400 to 599"));
    }
    let mut world = shared.world();
    world.faults.add(fault);
    Ok(Json(json!({ "pending": world.faults.pending() })))
}

async fn faults(State(shared): World) -> Json<Value> {
    Json(json!({ "pending": shared.world().faults.pending() }))
}

async fn clear_faults(State(shared): World) -> Json<Value> {
    shared.world().faults.clear();
    Json(json!({ "pending": [] }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Seed {
    at: Timestamp,
    #[serde(default)]
    key: Option<KeyId>,
    #[serde(default)]
    workspace: Option<WorkspaceId>,
    #[serde(default)]
    service_account: Option<String>,
    model: String,
    #[serde(default)]
    billing: Billing,
    tokens: Tokens,
    /// From when on the report shows it; the usual lag when missing.
    #[serde(default)]
    visible_from: Option<Timestamp>,
}

async fn seed(State(shared): World, Json(seeds): Json<Vec<Seed>>) -> Json<Value> {
    let mut world = shared.world();
    let count = seeds.len();
    for Seed { at, key, workspace, service_account, model, billing, tokens, visible_from } in seeds {
        let spent = Spent { key, workspace, service_account, model, billing, tokens };
        match visible_from {
            Some(visible_from) => world.usage.add(Minute::containing(at), spent, visible_from),
            None => world.spend(&shared.behaviour, at, spent),
        }
    }
    Json(json!({ "seeded": count }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Restate {
    minute: Timestamp,
    key: KeyId,
    model: String,
    tokens: Tokens,
    /// From when on; now when missing.
    #[serde(default)]
    at: Option<Timestamp>,
}

async fn restate(State(shared): World, Json(order): Json<Restate>) -> Answer {
    let at = order.at.unwrap_or_else(|| shared.clock.now());
    let minute = Minute::containing(order.minute);
    if shared.world().usage.restate(minute, &order.key, &order.model, order.tokens, at) {
        Ok(Json(json!({ "restated_from": at })))
    } else {
        Err(refused(StatusCode::NOT_FOUND, "this key used nothing of this model in that minute"))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LogQuery {
    #[serde(default)]
    after: u64,
    #[serde(default = "all")]
    limit: usize,
}

fn all() -> usize {
    10_000
}

async fn log(State(shared): World, Query(LogQuery { after, limit }): Query<LogQuery>) -> Json<Value> {
    let world = shared.world();
    Json(json!({ "lines": world.log.after(after, limit) }))
}

/// What guard's webhook sends; other fields are not looked at.
#[derive(Deserialize)]
struct Message {
    event: String,
    severity: String,
    summary: String,
    #[serde(default)]
    key: Option<KeyId>,
}

/// Somebody's inbox: what guard tells people goes to the log, at the time at which it arrived.
async fn inbox(State(shared): World, Json(message): Json<Message>) -> Json<Value> {
    let now = shared.clock.now();
    let Message { event, severity, summary, key } = message;
    let note = format!("{severity} {event}: {summary}");
    shared.world().log.add(Line { key, note: Some(note), ..Line::plain(now, Plane::People) });
    Json(json!({ "received": now }))
}

async fn clock(State(shared): World) -> Json<Value> {
    let times = match shared.clock.pace() {
        Pace::Virtual => None,
        Pace::Times(times) => Some(times),
    };
    Json(json!({ "now": shared.clock.now(), "times": times, "participants": shared.clock.participants() }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Join {
    name: String,
}

async fn join(State(shared): World, Json(Join { name }): Json<Join>) -> Json<Value> {
    let id = shared.clock.join(&name, true);
    Json(json!({ "id": id, "now": shared.clock.now() }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sleep {
    /// Missing: sleeps without taking part.
    #[serde(default)]
    id: Option<u64>,
    seconds: f64,
}

async fn sleep(State(shared): World, Json(Sleep { id, seconds }): Json<Sleep>) -> Answer {
    let duration = Duration::try_from_secs_f64(seconds).map_err(|error| refused(StatusCode::BAD_REQUEST, error))?;
    let id = id.map(ParticipantId::from_number);
    if id.is_some_and(|id| !shared.clock.knows(id)) {
        return Err(refused(StatusCode::NOT_FOUND, "no such participant; join again"));
    }
    shared.clock.sleep(id, duration).await;
    Ok(Json(json!({ "now": shared.clock.now() })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Leave {
    id: u64,
}

async fn leave(State(shared): World, Json(Leave { id }): Json<Leave>) -> Json<Value> {
    shared.clock.leave(ParticipantId::from_number(id));
    Json(json!({ "now": shared.clock.now() }))
}
