//! The HTTP side: the provider's endpoints below `/v1`, the sandbox's own below `/sandbox`.

mod admin;
mod answer;
mod call;
mod control;
mod inference;
mod page;
mod report;
mod stream;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::Response;
use http_body_util::channel::Channel;

use self::answer::{ApiError, EVENTS, JSON, answer, ordered};
use self::call::{Call, Facts};
use self::page::Bend;
use super::catalog;
use super::fault::Effect;
use super::log::{Line, Plane};
use super::world::{Shared, World};
use crate::domain::money::UsdMicros;
use crate::domain::time::Timestamp;
use crate::domain::usage::Tokens;

/// The largest request that is read.
const MAX_REQUEST: usize = 32 * 1024 * 1024;

/// Every route.
pub fn router(shared: Arc<Shared>) -> Router {
    Router::new().nest("/sandbox", control::router()).fallback(api).with_state(shared)
}

/// What became of a call.
struct Outcome {
    /// A JSON document, or the events of a stream.
    result: Result<String, ApiError>,
    facts: Facts,
    request_id: String,
    organization: String,
}

/// Answers whatever the provider would answer, faults included.
async fn api(State(shared): State<Arc<Shared>>, request: Request) -> Response<Body> {
    let busy = shared.clock.busy();
    let (head, body) = request.into_parts();
    let (body, too_large) = match axum::body::to_bytes(body, MAX_REQUEST).await {
        Ok(bytes) => (bytes.to_vec(), false),
        Err(_) => (Vec::new(), true),
    };
    let call = Call::new(head.method.to_string(), &head.uri, head.headers, body);
    let effect = shared.world().faults.take(&call.method, &call.path);
    // Time must be able to pass while an answer is held back.
    let _busy = match &effect {
        Some(Effect::Delay { seconds }) => {
            drop(busy);
            shared.clock.sleep(None, Duration::from_secs(*seconds)).await;
            shared.clock.busy()
        }
        Some(Effect::Hang) => {
            drop(busy);
            return std::future::pending().await;
        }
        _ => busy,
    };
    let answered = {
        let now = shared.clock.now();
        let mut world = shared.world();
        let outcome = outcome(&mut world, &shared, &call, now, effect.as_ref(), too_large);
        let withheld = matches!(effect, Some(Effect::Reset | Effect::LostAnswer));
        write_down(&mut world, &call, now, &outcome, effect.as_ref(), withheld);
        outcome
    };
    let response = respond(answered);
    match effect {
        Some(Effect::Reset | Effect::LostAnswer) => broken(response, Cut::Head).await,
        Some(Effect::Truncate) => broken(response, Cut::Body).await,
        Some(Effect::Garbage) => {
            let mut response = response;
            *response.body_mut() = Body::from("<html>not what you asked for</html>");
            response
        }
        _ => response,
    }
}

fn outcome(
    world: &mut World,
    shared: &Shared,
    call: &Call,
    now: Timestamp,
    effect: Option<&Effect>,
    too_large: bool,
) -> Outcome {
    let mut facts = Facts::default();
    let bend = match effect {
        Some(Effect::StaleRead) => Bend::StaleRead,
        Some(Effect::NoEffect) => Bend::NoEffect,
        Some(Effect::PageLoop) => Bend::PageLoop,
        _ => Bend::None,
    };
    let result = match effect {
        _ if too_large => Err(ApiError::new(413, "The request is too large.")),
        Some(Effect::Reset) => Err(ApiError::new(500, "withheld")),
        effect => match effect.and_then(ordered) {
            Some(error) => {
                if let ("POST", Some(id)) =
                    (call.method.as_str(), call.path.strip_prefix("/v1/organizations/api_keys/"))
                {
                    facts = admin::asked(call, id);
                }
                Err(error)
            }
            None => dispatch(world, shared, call, now, bend, &mut facts),
        },
    };
    let request_id = world.organization.fresh_text("req_");
    Outcome { result, facts, request_id, organization: world.organization.id.clone() }
}

fn dispatch(
    world: &mut World,
    shared: &Shared,
    call: &Call,
    now: Timestamp,
    bend: Bend,
    facts: &mut Facts,
) -> Result<String, ApiError> {
    let behaviour = &shared.behaviour;
    let segments: Vec<&str> = call.path.split('/').skip(1).collect();
    match segments.as_slice() {
        ["v1", "organizations", rest @ ..] => {
            admin::check_credential(&world.organization, call, now)?;
            call.check_version()?;
            let value = match (call.method.as_str(), rest) {
                ("GET", ["usage_report", "messages"]) => return report::usage(world, call, now, bend),
                ("GET", ["me"]) => Ok(admin::me(&world.organization)),
                ("GET", ["api_keys"]) => admin::list_keys(world, call, now, bend),
                ("GET", ["api_keys", id]) => admin::get_key(world, id, now, bend, facts),
                ("POST", ["api_keys", id]) => admin::update_key(world, behaviour, call, id, now, bend, facts),
                ("GET", ["workspaces"]) => admin::list_workspaces(world, call, bend),
                ("GET", ["workspaces", id]) => admin::get_workspace(world, id),
                ("POST", ["workspaces", id, "archive"]) => admin::archive_workspace(world, behaviour, id, now, facts),
                ("GET", ["cost_report"]) => report::cost(world, call, now, bend),
                _ => Err(ApiError::not_found()),
            };
            value.map(|value| value.to_string())
        }
        ["v1", rest @ ..] => {
            let caller = inference::authenticate(world, call, now, facts)?;
            call.check_version()?;
            let value = match (call.method.as_str(), rest) {
                ("GET", ["models"]) => inference::models(call, bend),
                ("POST", ["messages", "count_tokens"]) => inference::count_tokens(call),
                ("POST", ["messages"]) => {
                    let message = inference::messages(world, behaviour, call, &caller, now, facts)?;
                    return Ok(if facts.streams { stream::events(&message) } else { message.to_string() });
                }
                _ => Err(ApiError::not_found()),
            };
            value.map(|value| value.to_string())
        }
        _ => Err(ApiError::not_found()),
    }
}

fn respond(outcome: Outcome) -> Response<Body> {
    let mut headers = vec![("request-id", outcome.request_id.clone())];
    let unknown = outcome.result.as_ref().is_err_and(|error| error.status == 401);
    if !unknown {
        headers.push(("anthropic-organization-id", outcome.organization.clone()));
        headers.extend(outcome.facts.resolved.iter().map(|id| (inference::WORKSPACE, id.to_string())));
    }
    match outcome.result {
        Ok(body) => answer(200, if outcome.facts.streams { EVENTS } else { JSON }, &headers, body),
        Err(error) => {
            headers.extend(error.headers.iter().cloned());
            answer(error.status, JSON, &headers, error.body(&outcome.request_id).to_string())
        }
    }
}

/// Where an answer breaks off.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cut {
    /// Before its first byte.
    Head,
    /// In the middle of its body.
    Body,
}

/// An answer that breaks off.
async fn broken(response: Response<Body>, cut: Cut) -> Response<Body> {
    let (mut head, body) = response.into_parts();
    let whole = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    // The length of the whole is promised, so that nobody takes the half for it.
    head.headers.insert("content-length", whole.len().into());
    let (mut sender, channel) = Channel::<Bytes, std::io::Error>::new(1);
    tokio::spawn(async move {
        if cut == Cut::Body {
            // A receiver that is gone needs no second half.
            let _ = sender.send_data(whole.slice(..whole.len() / 2)).await;
            // The half must have left before the connection breaks.
            tokio::task::yield_now().await;
        }
        sender.abort(std::io::Error::other("a fault on demand"));
    });
    Response::from_parts(head, Body::new(channel))
}

fn write_down(
    world: &mut World,
    call: &Call,
    now: Timestamp,
    outcome: &Outcome,
    effect: Option<&Effect>,
    withheld: bool,
) {
    let Facts { key, workspace, model, tokens, note, .. } = outcome.facts.clone();
    let accepted = outcome.result.is_ok();
    let tokens = if accepted { tokens } else { Tokens::default() };
    let fault = effect.and_then(|effect| serde_json::to_string(effect).ok()).map(|fault| format!("fault {fault}"));
    let notes: Vec<String> = note.into_iter().chain(fault).collect();
    let status = match &outcome.result {
        _ if withheld => 0,
        Ok(_) => 200,
        Err(error) => error.status,
    };
    world.log.add(Line {
        seq: 0,
        at: now,
        plane: if call.path.starts_with("/v1/organizations") { Plane::Admin } else { Plane::Inference },
        method: call.method.clone(),
        path: call.path.clone(),
        status,
        request_id: outcome.request_id.clone(),
        actor: call.header("x-sandbox-actor").map(str::to_owned),
        key,
        workspace,
        cost_usd: model.as_deref().map_or(UsdMicros::ZERO, |model| catalog::cost(model, &tokens)),
        model,
        tokens,
        note: (!notes.is_empty()).then(|| notes.join("; ")),
    });
}
