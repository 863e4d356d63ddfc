//! Reading lists and reports to their end, however they are cut, and stopping where there is no end.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use guard::domain::ids::Principal;
use guard::domain::time::{Minute, rfc3339};
use guard::domain::usage::UsageRow;
use guard::ports::{KeyAdmin, ProviderError, UsageFeed};
use proptest::prelude::*;
use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use super::organization::{Pauses, client, noon, secret};

fn from() -> Minute {
    Minute::containing(noon())
}

/// A result of the usage report for one key.
fn result(key: &str, output: i64) -> Value {
    json!({
        "account_id": null, "api_key_id": key, "workspace_id": "wrkspc_1", "service_account_id": null,
        "model": "claude-opus-5", "service_tier": "standard", "context_window": "0-200k", "inference_geo": "global",
        "uncached_input_tokens": 1, "cache_read_input_tokens": 0, "output_tokens": output,
        "cache_creation": {"ephemeral_1h_input_tokens": 0, "ephemeral_5m_input_tokens": 0},
        "server_tool_use": {"web_search_requests": 0},
    })
}

fn bucket(offset: i64, results: &[Value]) -> Value {
    let minute = from().plus(offset);
    json!({"starting_at": rfc3339(minute.start()), "ending_at": rfc3339(minute.end()), "results": results})
}

fn page(buckets: &[Value], next: Option<&str>) -> Value {
    json!({"data": buckets, "has_more": next.is_some(), "next_page": next})
}

/// A server that gives these pages of the usage report in turn.
async fn serving(pages: Vec<Value>) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any())
        .respond_with(move |request: &Request| {
            let asked = request.url.query_pairs().find(|(name, _)| name == "page").map(|(_, page)| page.into_owned());
            let at = asked.map_or(0, |page| page.parse::<usize>().unwrap());
            ResponseTemplate::new(200).set_body_json(&pages[at])
        })
        .mount(&server)
        .await;
    server
}

async fn usage(server: &MockServer, minutes: i64) -> Result<Vec<UsageRow>, ProviderError> {
    let client = client(&server.uri(), secret("sk-ant-admin01-abcdefghijklmnop"), Arc::new(Pauses::default()));
    client.usage(from(), from().plus(minutes)).await.map(|window| window.rows)
}

/// Cuts `buckets` into pages at `cuts`, each numbered by its position.
fn pages(buckets: &[Value], cuts: &[bool]) -> Vec<Value> {
    let mut groups: Vec<Vec<Value>> = vec![Vec::new()];
    for (bucket, cut) in buckets.iter().zip(cuts) {
        groups.last_mut().unwrap().push(bucket.clone());
        if *cut {
            groups.push(Vec::new());
        }
    }
    let last = groups.len() - 1;
    let next = |at: usize| (at < last).then(|| (at + 1).to_string());
    groups.iter().enumerate().map(|(at, group)| page(group, next(at).as_deref())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_cut_into_pages_gives_the_same_rows(
        counts in prop::collection::vec((0_i64..4, 0_i64..1_000), 1..30),
        cuts in prop::collection::vec(prop::bool::ANY, 30),
    ) {
        let results = |(keys, output): (i64, i64)| (0..keys).map(|n| result(&format!("apikey_{n}"), output + n)).collect::<Vec<_>>();
        let buckets: Vec<Value> = (0_i64..).zip(&counts).map(|(at, minute)| bucket(at, &results(*minute))).collect();
        let minutes = counts.len() as i64;
        let (whole, cut) = tokio::runtime::Runtime::new().unwrap().block_on(async {
            let whole = usage(&serving(pages(&buckets, &[false; 30])).await, minutes).await.unwrap();
            let cut = usage(&serving(pages(&buckets, &cuts)).await, minutes).await.unwrap();
            (whole, cut)
        });
        let expected: i64 = counts.iter().map(|(keys, _)| *keys).sum();
        prop_assert_eq!(whole.len() as i64, expected);
        prop_assert_eq!(whole, cut);
    }
}

#[tokio::test]
async fn a_page_that_comes_twice_counts_once_and_the_later_bucket_wins() {
    let (early, late) = (bucket(0, &[result("apikey_1", 5)]), bucket(0, &[result("apikey_1", 7)]));
    let alone = |bucket: &Value, next| page(std::slice::from_ref(bucket), next);
    let same = serving(vec![alone(&early, Some("1")), alone(&early, None)]).await;
    let rows = usage(&same, 2).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.tokens.output).collect::<Vec<_>>(), [5]);
    let restated = serving(vec![page(&[early.clone(), bucket(1, &[])], Some("1")), page(&[late], None)]).await;
    let rows = usage(&restated, 2).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.tokens.output).collect::<Vec<_>>(), [7]);
    let emptied = serving(vec![alone(&early, Some("1")), alone(&bucket(0, &[]), None)]).await;
    assert_eq!(usage(&emptied, 2).await.unwrap(), []);
    let contradiction = serving(vec![page(&[early.clone(), early], None)]).await;
    assert!(matches!(usage(&contradiction, 2).await, Err(ProviderError::Malformed(_))));
}

#[tokio::test]
async fn results_that_differ_only_in_what_is_not_asked_for_add_up() {
    let mut fast = result("apikey_1", 3);
    fast["speed"] = json!("fast");
    let server = serving(vec![page(&[bucket(0, &[result("apikey_1", 5), fast, result("apikey_2", 1)])], None)]).await;
    let rows = usage(&server, 1).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.tokens.output).collect::<Vec<_>>(), [8, 1]);
}

#[tokio::test]
async fn usage_belongs_to_a_key_a_service_account_or_nobody() {
    let with = |changes: Value| {
        let mut line = result("apikey_1", 1);
        line.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        line
    };
    let server = serving(vec![page(
        &[bucket(
            0,
            &[
                with(json!({})),
                with(json!({"api_key_id": null, "service_account_id": "svac_1"})),
                with(json!({"api_key_id": null})),
                with(json!({"api_key_id": null, "workspace_id": null, "model": null, "service_tier": "of tomorrow"})),
            ],
        )],
        None,
    )])
    .await;
    let shown: Vec<String> = usage(&server, 1).await.unwrap().iter().map(|row| row.principal.to_string()).collect();
    assert_eq!(shown, ["apikey_1", "service account svac_1", "no key in the default workspace", "no key in wrkspc_1"]);
    let rows = usage(&server, 1).await.unwrap();
    let nobody = rows.iter().find(|row| row.principal == Principal::Unattributed(None)).unwrap();
    assert_eq!((nobody.model.as_str(), nobody.billing.service_tier.as_deref()), ("unknown", Some("of tomorrow")));
}

#[tokio::test]
async fn absurd_usage_is_refused() {
    let count = |value: Value| {
        let mut line = result("apikey_1", 1);
        line["uncached_input_tokens"] = value;
        bucket(0, &[line])
    };
    let mut hour = bucket(0, &[]);
    hour["ending_at"] = json!("2026-11-21T13:00:00Z");
    let mut crooked = bucket(0, &[]);
    crooked["starting_at"] = json!("2026-11-21T12:00:30Z");
    let mut stranger = result("apikey_1", 1);
    stranger["api_key_id"] = json!("not-a-key");
    for wrong in [
        count(json!(-1)),
        count(json!(1_000_000_000_000_001_i64)),
        count(json!(1.5)),
        count(json!("7")),
        count(json!(18_446_744_073_709_551_615_u64)),
        bucket(-1, &[]),
        bucket(2, &[]),
        bucket(0, &[stranger]),
        hour,
        crooked,
    ] {
        let server = serving(vec![page(std::slice::from_ref(&wrong), None)]).await;
        let outcome = usage(&server, 2).await;
        assert!(matches!(outcome, Err(ProviderError::Malformed(_))), "{wrong} gives {outcome:?}");
    }
    let most = serving(vec![page(&[count(json!(1_000_000_000_000_000_i64))], None)]).await;
    assert_eq!(usage(&most, 2).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_long_time_is_read_in_days() {
    let server = serving(vec![page(&[], None)]).await;
    assert_eq!(usage(&server, 3_000).await.unwrap(), []);
    let asked: Vec<String> = server
        .received_requests()
        .await
        .unwrap()
        .iter()
        .map(|request| {
            let value = |name| request.url.query_pairs().find(|(n, _)| n == name).unwrap().1.into_owned();
            format!("{} {} {}", value("starting_at"), value("ending_at"), value("limit"))
        })
        .collect();
    assert_eq!(
        asked,
        [
            "2026-11-21T12:00:00Z 2026-11-22T12:00:00Z 1440",
            "2026-11-22T12:00:00Z 2026-11-23T12:00:00Z 1440",
            "2026-11-23T12:00:00Z 2026-11-23T14:00:00Z 120",
        ]
    );
    assert_eq!(usage(&server, 0).await.unwrap(), []);
    assert_eq!(usage(&server, -5).await.unwrap(), []);
    assert_eq!(server.received_requests().await.unwrap().len(), 3, "nothing to read, nothing asked");
}

#[tokio::test]
async fn pages_that_are_too_large_are_asked_for_in_smaller_ones() {
    let server = MockServer::start().await;
    Mock::given(any())
        .respond_with(|request: &Request| {
            let value = |name: &str| request.url.query_pairs().find(|(n, _)| n == name).map(|(_, v)| v.into_owned());
            let limit: i64 = value("limit").unwrap().parse().unwrap();
            let begin: i64 = value("page").map_or(0, |page| page.parse().unwrap());
            let end = (begin + limit).min(12);
            let buckets: Vec<Value> = (begin..end).map(|at| bucket(at, &[result("apikey_1", at + 1)])).collect();
            let next = (end < 12).then(|| end.to_string());
            // A mebibyte of white space a bucket.
            let padding = " ".repeat(1024 * 1024 * buckets.len());
            ResponseTemplate::new(200).set_body_string(format!("{padding}{}", page(&buckets, next.as_deref())))
        })
        .mount(&server)
        .await;
    let rows = usage(&server, 12).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.tokens.output).collect::<Vec<_>>(), (1..=12).collect::<Vec<_>>());

    let hopeless = MockServer::start().await;
    let huge = ResponseTemplate::new(200).set_body_string(" ".repeat(9 * 1024 * 1024));
    Mock::given(any()).respond_with(huge).mount(&hopeless).await;
    assert!(matches!(usage(&hopeless, 12).await, Err(ProviderError::Malformed(_))));
    assert!(hopeless.received_requests().await.unwrap().len() <= 4);
}

#[tokio::test]
async fn lists_without_an_end_are_left() {
    let key = |n: u32| {
        json!({
            "id": format!("apikey_{n}"), "type": "api_key", "name": "n", "status": "active",
            "created_at": "2026-10-02T08:00:00Z", "scope": {"type": "organization"},
        })
    };
    type Cursor = fn(u32) -> Value;
    let endless = |cursor: Cursor| {
        let asked = AtomicU32::new(0);
        move |_: &Request| {
            let n = asked.fetch_add(1, Ordering::Relaxed);
            let next = cursor(n);
            let body = json!({
                "data": [key(n)], "has_more": true, "first_id": null, "last_id": next,
                "next_page": next,
            });
            ResponseTemplate::new(200).set_body_json(body)
        }
    };
    let cursors: [(Cursor, usize); 4] = [
        (|_| json!("apikey_same"), 2),
        (|n| json!(format!("apikey_{}", n % 3)), 4),
        (|_| Value::Null, 1),
        (|n| json!(format!("apikey_{n}")), 200),
    ];
    for (cursor, most) in cursors {
        let server = MockServer::start().await;
        Mock::given(any()).respond_with(endless(cursor)).mount(&server).await;
        let client = client(&server.uri(), secret("sk-ant-admin01-abcdefghijklmnop"), Arc::new(Pauses::default()));
        assert!(matches!(client.keys().await, Err(ProviderError::Malformed(_))));
        assert_eq!(server.received_requests().await.unwrap().len(), most);
    }
    let circle = serving(vec![page(&[bucket(0, &[])], Some("1")), page(&[bucket(1, &[])], Some("0"))]).await;
    assert!(matches!(usage(&circle, 5).await, Err(ProviderError::Malformed(_))));
}
