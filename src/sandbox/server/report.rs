//! `/v1/organizations/usage_report/messages` and `/v1/organizations/cost_report`.

use std::collections::BTreeMap;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::super::catalog;
use super::super::usage::Spent;
use super::super::world::World;
use super::answer::ApiError;
use super::call::Call;
use super::page::Bend;
use crate::domain::ids::{KeyId, WorkspaceId};
use crate::domain::time::{Minute, Timestamp, rfc3339};
use crate::domain::usage::Tokens;

/// In alphabetical order; [`result`] takes a group apart in this order.
const DIMENSIONS: [&str; 9] = [
    "account_id",
    "api_key_id",
    "context_window",
    "inference_geo",
    "model",
    "service_account_id",
    "service_tier",
    "speed",
    "workspace_id",
];
/// Query parameters that filter, and the dimension that each filters by.
const FILTERS: [(&str, &str); 9] = [
    ("account_ids[]", "account_id"),
    ("api_key_ids[]", "api_key_id"),
    ("context_window[]", "context_window"),
    ("inference_geos[]", "inference_geo"),
    ("models[]", "model"),
    ("service_account_ids[]", "service_account_id"),
    ("service_tiers[]", "service_tier"),
    ("speeds[]", "speed"),
    ("workspace_ids[]", "workspace_id"),
];
const SPEED_BETA: &str = "fast-mode-2026-02-01";

/// A page of buckets: which ones, and whether there are more.
struct Slice {
    from: Minute,
    until: Minute,
    width: i64,
    next: Option<String>,
}

/// Works out the buckets of this page. `most` is the largest `limit` and `usual` the one without it.
fn slice(call: &Call, now: Timestamp, width: i64, usual: usize, most: usize, bend: Bend) -> Result<Slice, ApiError> {
    let snap = |at: Timestamp| Minute::from_epoch(Minute::containing(at).epoch().div_euclid(width) * width);
    let limit = call.limit(usual, most)?;
    let start = call.instant("starting_at")?.ok_or_else(|| ApiError::invalid("starting_at: required"))?;
    let end = call.instant("ending_at")?;
    if end.is_some_and(|end| end <= start) {
        return Err(ApiError::invalid("ending_at: must be after starting_at"));
    }
    // The bucket that is running now is shown as far as it goes; later ones do not exist yet.
    let open = snap(now).plus(width);
    let end = end.map_or(open, |end| snap(end).min(open));
    let mut from = snap(start);
    if let Some(token) = call.one("page")?.filter(|_| bend != Bend::PageLoop) {
        let next = read_token(token, call).filter(|next| *next >= from && (next.since(from) % width) == 0);
        from = next.ok_or_else(|| ApiError::invalid("page: not a page of this query"))?;
    }
    let until = end.min(from.plus(width * i64::try_from(limit).unwrap_or(1))).max(from);
    let more = until < end;
    let next = match (bend, more) {
        (Bend::PageLoop, _) => Some(token(from, call)),
        (_, true) => Some(token(until, call)),
        (_, false) => None,
    };
    Ok(Slice { from, until, width, next })
}

/// An opaque cursor: the next bucket, and a mark of the query it belongs to.
fn token(next: Minute, call: &Call) -> String {
    let text = format!("{}:{}", next.epoch(), mark(call));
    format!("page_{}", BASE64_URL_SAFE_NO_PAD.encode(text))
}

fn read_token(token: &str, call: &Call) -> Option<Minute> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(token.strip_prefix("page_")?).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (next, found) = text.split_once(':')?;
    (found == mark(call)).then(|| next.parse().ok().map(Minute::from_epoch))?
}

/// Changes when any parameter but the page does.
fn mark(call: &Call) -> String {
    let mut hash = Sha256::new();
    for (name, value) in call.query.iter().filter(|(name, _)| name != "page") {
        hash.update(format!("{name}={value}\n"));
    }
    hex::encode(&hash.finalize()[..6])
}

fn dimension<'s>(spent: &'s Spent, name: &str) -> Option<&'s str> {
    match name {
        "api_key_id" => spent.key.as_ref().map(KeyId::as_str),
        "workspace_id" => spent.workspace.as_ref().map(WorkspaceId::as_str),
        "model" => Some(&spent.model),
        "service_account_id" => spent.service_account.as_deref(),
        "service_tier" => spent.billing.service_tier.as_deref(),
        "context_window" => spent.billing.context_window.as_deref(),
        "inference_geo" => spent.billing.inference_geo.as_deref(),
        "speed" => Some("standard"),
        _ => None,
    }
}

/// A group: its value in each of [`DIMENSIONS`], null where it was not asked for.
type Group<'s> = [Option<&'s str>; DIMENSIONS.len()];

/// The page as text: with thousands of keys it is large, and a tree of values would be many times larger.
pub fn usage(world: &World, call: &Call, now: Timestamp, bend: Bend) -> Result<String, ApiError> {
    let mut known = vec!["starting_at", "ending_at", "bucket_width", "limit", "page", "group_by[]"];
    known.extend(FILTERS.iter().map(|(name, _)| *name));
    call.only(&known)?;
    let (width, usual, most) = match call.one("bucket_width")? {
        None | Some("1d") => (24 * 60, 7, 31),
        Some("1h") => (60, 24, 168),
        Some("1m") => (1, 60, 1440),
        Some(_) => return Err(ApiError::invalid("bucket_width: must be 1m, 1h or 1d")),
    };
    let group_by: Vec<&str> = call.many("group_by[]").collect();
    if let Some(unknown) = group_by.iter().find(|name| !DIMENSIONS.contains(name)) {
        return Err(ApiError::invalid(format!("group_by: unknown value {unknown}")));
    }
    let by_speed = group_by.contains(&"speed") || call.many("speeds[]").next().is_some();
    if by_speed && !call.header("anthropic-beta").is_some_and(|names| names.split(',').any(|n| n.trim() == SPEED_BETA))
    {
        return Err(ApiError::invalid(format!("speed: needs the beta header {SPEED_BETA}")));
    }
    let filters: Vec<(&str, Vec<&str>)> = FILTERS
        .iter()
        .map(|(name, by)| (*by, call.many(name).collect()))
        .filter(|(_, v): &(_, Vec<_>)| !v.is_empty())
        .collect();
    let Slice { from, until, width, next } = slice(call, now, width, usual, most, bend)?;

    let mut buckets: BTreeMap<Minute, BTreeMap<Group<'_>, Tokens>> = BTreeMap::new();
    for (minute, spent) in world.usage.visible(from, until, now) {
        let wanted =
            filters.iter().all(|(by, values)| dimension(spent, by).is_some_and(|value| values.contains(&value)));
        if wanted {
            let bucket = Minute::from_epoch(minute.epoch().div_euclid(width) * width);
            let group = DIMENSIONS.map(|name| dimension(spent, name).filter(|_| group_by.contains(&name)));
            *buckets.entry(bucket).or_default().entry(group).or_default() += spent.tokens;
        }
    }
    let data = every(from, until, width).map(|bucket| Bucket {
        starting_at: rfc3339(bucket.start()),
        ending_at: rfc3339(bucket.plus(width).start()),
        results: buckets.remove(&bucket).unwrap_or_default().iter().map(result).collect(),
    });
    let page = Page { data: data.collect(), has_more: next.is_some(), next_page: next };
    serde_json::to_string(&page).map_err(|error| ApiError::new(500, error.to_string()))
}

#[derive(Serialize)]
struct Page<'s> {
    data: Vec<Bucket<'s>>,
    has_more: bool,
    next_page: Option<String>,
}

#[derive(Serialize)]
struct Bucket<'s> {
    starting_at: String,
    ending_at: String,
    results: Vec<Usage<'s>>,
}

#[derive(Serialize)]
struct Usage<'s> {
    account_id: Option<&'s str>,
    api_key_id: Option<&'s str>,
    workspace_id: Option<&'s str>,
    service_account_id: Option<&'s str>,
    model: Option<&'s str>,
    service_tier: Option<&'s str>,
    context_window: Option<&'s str>,
    inference_geo: Option<&'s str>,
    /// A member only where the beta is on.
    #[serde(skip_serializing_if = "Option::is_none")]
    speed: Option<&'s str>,
    uncached_input_tokens: u64,
    cache_creation: CacheCreation,
    cache_read_input_tokens: u64,
    output_tokens: u64,
    server_tool_use: ServerToolUse,
}

#[derive(Serialize)]
struct CacheCreation {
    ephemeral_5m_input_tokens: u64,
    ephemeral_1h_input_tokens: u64,
}

#[derive(Serialize)]
struct ServerToolUse {
    web_search_requests: u64,
}

fn every(from: Minute, until: Minute, width: i64) -> impl Iterator<Item = Minute> {
    std::iter::successors(Some(from), move |at| Some(at.plus(width))).take_while(move |at| *at < until)
}

fn result<'s>((group, tokens): (&Group<'s>, &Tokens)) -> Usage<'s> {
    let [account_id, api_key_id, context_window, inference_geo, model, service_account_id, rest @ ..] = *group;
    let [service_tier, speed, workspace_id] = rest;
    Usage {
        account_id,
        api_key_id,
        workspace_id,
        service_account_id,
        model,
        service_tier,
        context_window,
        inference_geo,
        speed,
        uncached_input_tokens: tokens.uncached_input,
        cache_creation: CacheCreation {
            ephemeral_5m_input_tokens: tokens.cache_write_5m,
            ephemeral_1h_input_tokens: tokens.cache_write_1h,
        },
        cache_read_input_tokens: tokens.cache_read,
        output_tokens: tokens.output,
        server_tool_use: ServerToolUse { web_search_requests: tokens.web_searches },
    }
}

/// Cost a day, in cents, with one line a workspace when grouped by it. Descriptions are not told apart here.
pub fn cost(world: &World, call: &Call, now: Timestamp, bend: Bend) -> Result<Value, ApiError> {
    call.only(&["starting_at", "ending_at", "bucket_width", "limit", "page", "group_by[]"])?;
    if call.one("bucket_width")?.is_some_and(|width| width != "1d") {
        return Err(ApiError::invalid("bucket_width: must be 1d"));
    }
    let group_by: Vec<&str> = call.many("group_by[]").collect();
    if let Some(unknown) = group_by.iter().find(|name| !["workspace_id", "description"].contains(name)) {
        return Err(ApiError::invalid(format!("group_by: unknown value {unknown}")));
    }
    let day = TimeDelta::days(1).num_minutes();
    let Slice { from, until, width, next } = slice(call, now, day, 7, 31, bend)?;
    /// Micro-dollars by workspace and model, as far as they are asked for.
    type Lines<'s> = BTreeMap<(Option<&'s str>, Option<&'s str>), u64>;
    let mut days: BTreeMap<Minute, Lines<'_>> = BTreeMap::new();
    for (minute, spent) in world.usage.visible(from, until, now) {
        let bucket = Minute::from_epoch(minute.epoch().div_euclid(width) * width);
        let workspace = dimension(spent, "workspace_id").filter(|_| group_by.contains(&"workspace_id"));
        let model = Some(spent.model.as_str()).filter(|_| group_by.contains(&"description"));
        *days.entry(bucket).or_default().entry((workspace, model)).or_default() +=
            catalog::cost(&spent.model, &spent.tokens).micros();
    }
    let data = every(from, until, width).map(|bucket| {
        let lines = days.remove(&bucket).unwrap_or_default().into_iter().map(|((workspace, model), micros)| {
            json!({
                // A cent is 10,000 micro-dollars.
                "amount": format!("{}.{:04}", micros / 10_000, micros % 10_000),
                "currency": "USD",
                "cost_type": model.as_ref().map(|_| "tokens"),
                "token_type": null,
                "description": model.as_ref().map(|model| format!("{model} usage")),
                "model": model,
                "service_tier": null,
                "context_window": null,
                "inference_geo": null,
                "workspace_id": workspace,
            })
        });
        json!({
            "starting_at": rfc3339(bucket.start()), "ending_at": rfc3339(bucket.plus(width).start()),
            "results": lines.collect::<Vec<_>>(),
        })
    });
    Ok(json!({ "data": data.collect::<Vec<_>>(), "has_more": next.is_some(), "next_page": next }))
}
