//! `/v1/messages`, `/v1/messages/count_tokens` and `/v1/models`: what a workload's key is good for.

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::catalog::{self, MODELS};
use super::super::usage::Spent;
use super::super::world::{Behaviour, World};
use super::answer::ApiError;
use super::call::{Call, Facts};
use super::page::{Bend, id_page};
use crate::domain::ids::{KeyId, WorkspaceId};
use crate::domain::time::Timestamp;
use crate::domain::usage::{Billing, Tokens};

/// Names the workspace that a request acts in.
pub const WORKSPACE: &str = "anthropic-workspace-id";
/// States how many input tokens a message has, so that a test spends millions without sending them. No real provider knows it.
const INPUT_TOKENS: &str = "x-sandbox-input-tokens";
/// Every answer.
const SAYING: &str = "This is the sandbox; it spends, but it does not think.";
/// Its length in tokens.
const SAID: u64 = (SAYING.len() as u64).div_ceil(4);

/// The key of a call and the workspace it acts in.
pub struct Caller {
    key: KeyId,
    workspace: WorkspaceId,
    is_default: bool,
}

/// Fails unless the call carries a key that works and names the workspace it needs.
pub fn authenticate(world: &World, call: &Call, now: Timestamp, facts: &mut Facts) -> Result<Caller, ApiError> {
    let organization = &world.organization;
    let secret = call.credential().unwrap_or_default();
    // Dead keys are in the log by name, too.
    if let Some(key) = organization.keys.iter().find(|key| key.secret == secret) {
        facts.key = Some(key.id.clone());
        facts.workspace.clone_from(&key.workspace);
    }
    let key = organization.authenticate(secret, now).ok_or_else(ApiError::unauthorized)?;
    let asked = call.header(WORKSPACE);
    if asked.is_some_and(|id| WorkspaceId::new(id).is_err()) {
        return Err(ApiError::invalid(format!("{WORKSPACE}: malformed")));
    }
    let workspace = match (&key.workspace, asked) {
        (Some(own), None) => own.as_str(),
        (Some(own), Some(asked)) if own.as_str() == asked => asked,
        (None, Some(asked)) => asked,
        (Some(_), Some(_)) => return Err(ApiError::not_found()),
        (None, None) => {
            return Err(ApiError::invalid(format!("{WORKSPACE} is required with a key without a workspace")));
        }
    };
    let found =
        organization.workspace(workspace).filter(|w| w.archived_at.is_none()).ok_or_else(ApiError::not_found)?;
    facts.workspace = Some(found.id.clone());
    facts.resolved = Some(found.id.clone());
    Ok(Caller { key: key.id.clone(), workspace: found.id.clone(), is_default: found.is_default })
}

pub fn models(call: &Call, bend: Bend) -> Result<Value, ApiError> {
    call.only(&["limit", "after_id", "before_id"])?;
    let object = |model: &catalog::Model| {
        json!({
            "id": model.id, "type": "model", "display_name": model.display_name,
            "created_at": format!("{}T00:00:00Z", model.released),
            "max_input_tokens": 1_000_000, "max_tokens": 128_000, "capabilities": null,
        })
    };
    id_page(call, &MODELS, |model| model.id, object, bend)
}

#[derive(Debug, Deserialize)]
struct Message {
    model: String,
    #[serde(default)]
    max_tokens: Option<u64>,
    messages: Vec<Value>,
    #[serde(default)]
    system: Value,
    #[serde(default)]
    stream: bool,
    #[serde(default)]
    inference_geo: Option<String>,
}

fn read(call: &Call) -> Result<(Message, u64), ApiError> {
    // SDKs say in the query, too, that they use beta features.
    call.only(&["beta"])?;
    let mut message: Message = serde_json::from_slice(&call.body)
        .map_err(|error| ApiError::invalid(format!("the body is not a message request: {error}")))?;
    if message.messages.is_empty() {
        return Err(ApiError::invalid("messages: at least one message is required"));
    }
    match catalog::find(&message.model) {
        // What is used is reported under the model's own id.
        Some(model) => model.id.clone_into(&mut message.model),
        None => return Err(ApiError::new(404, format!("model: {}", message.model.escape_debug()))),
    }
    let stated = call.header(INPUT_TOKENS).map(str::parse).transpose();
    let stated = stated.map_err(|_| ApiError::invalid(format!("{INPUT_TOKENS}: must be a number")))?;
    let characters = message.messages.iter().map(characters).sum::<usize>() + characters(&message.system);
    let input = stated.unwrap_or_else(|| (characters as u64).div_ceil(4).max(1));
    Ok((message, input))
}

/// All text in a value, whatever its shape.
fn characters(value: &Value) -> usize {
    match value {
        Value::String(text) => text.chars().count(),
        Value::Array(values) => values.iter().map(characters).sum(),
        Value::Object(members) => members.values().map(characters).sum(),
        _ => 0,
    }
}

pub fn count_tokens(call: &Call) -> Result<Value, ApiError> {
    let (_, input) = read(call)?;
    Ok(json!({ "input_tokens": input }))
}

/// Spends: the input is a quarter of the text's characters (or what the header states), the output is `max_tokens`, or what is
/// really said when it streams.
pub fn messages(
    world: &mut World,
    behaviour: &Behaviour,
    call: &Call,
    caller: &Caller,
    now: Timestamp,
    facts: &mut Facts,
) -> Result<Value, ApiError> {
    let (message, input) = read(call)?;
    let Some(output) = message.max_tokens.filter(|n| *n > 0) else {
        return Err(ApiError::invalid("max_tokens: must be at least 1"));
    };
    // What streams says its piece and ends its turn: agents go on asking when an answer was cut off.
    let (output, stop_reason) = if message.stream { (output.min(SAID), "end_turn") } else { (output, "max_tokens") };
    let tokens = Tokens { uncached_input: input, output, ..Tokens::default() };
    let billing = Billing {
        service_tier: Some("standard".to_owned()),
        context_window: Some(if input > 200_000 { "200k-1M" } else { "0-200k" }.to_owned()),
        inference_geo: Some(message.inference_geo.unwrap_or_else(|| "global".to_owned())),
    };
    facts.model = Some(message.model.clone());
    facts.streams = message.stream;
    facts.tokens = tokens;
    let spent = Spent {
        key: Some(caller.key.clone()),
        workspace: Some(caller.workspace.clone()).filter(|_| !caller.is_default),
        service_account: None,
        model: message.model.clone(),
        billing,
        tokens,
    };
    world.spend(behaviour, now, spent);
    Ok(json!({
        "id": world.organization.fresh_text("msg_"),
        "type": "message",
        "role": "assistant",
        "model": message.model,
        "content": [{ "type": "text", "text": SAYING }],
        "stop_reason": stop_reason,
        "stop_sequence": null,
        "usage": {
            "input_tokens": input,
            "output_tokens": output,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "cache_creation": { "ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0 },
            "service_tier": "standard",
        },
    }))
}
