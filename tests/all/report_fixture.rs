//! An incident as it could have been: a nightly publishing pipeline whose key is abused on a dear model at 02:41.

use chrono::{DateTime, TimeDelta, Utc};
use guard::domain::ids::{IncidentId, KeyId, Principal, RunId, WorkspaceId, WorkspaceName};
use guard::domain::incident::{
    Action, Band, BreakdownLine, Cause, Charge, EvidenceExcerpt, EvidenceHead, Failover, Figure, Hidden, Hint, Horizon,
    IncidentReport, Involved, Loss, Moments, Outcome, Part, ProviderResponse, RedactedLedger, Standing, UsageSeries,
};
use guard::domain::key::KeyStatus;
use guard::domain::money::UsdMicros;
use guard::domain::run::Run;
use guard::domain::time::{Minute, Timestamp, rfc3339};
use guard::domain::usage::Tokens;
use sha2::{Digest, Sha256};

pub const OLD: &str = "apikey_01Rj2N8SVvo6BePZj99NhmiT";
pub const NEW: &str = "apikey_01H4wQvWc5oYy1gYbV9rSkTd";

/// `02:41:00.250` on the night of the incident.
pub fn at(time: &str) -> Timestamp {
    DateTime::parse_from_rfc3339(&format!("2026-03-17T{time}Z")).unwrap().with_timezone(&Utc)
}

pub fn key(id: &str) -> KeyId {
    KeyId::new(id).unwrap()
}

pub fn usd(text: &str) -> UsdMicros {
    UsdMicros::parse(text).unwrap()
}

/// Three hours: a nightly run on two models, then the abuse.
pub fn usage() -> UsageSeries {
    let from = Minute::containing(at("00:30:00"));
    let mut noise = 7u64;
    let mut jitter = move || {
        noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        0.75 + (noise >> 33) as f64 / f64::from(u32::MAX)
    };
    let mut charges = Vec::new();
    let mut charge = |offset: i64, model: &str, dollars: f64| {
        let cost = UsdMicros::from_dollars_f64(dollars);
        let tokens = (dollars * 180_000.0) as u64;
        charges.push(Charge { minute: from.plus(offset), model: model.to_owned(), cost, tokens });
    };
    for offset in 0..180 {
        match offset {
            60..=84 => {
                charge(offset, "claude-sonnet-4-5", 0.11 * jitter());
                if offset % 3 == 0 {
                    charge(offset, "claude-haiku-4-5", 0.05 * jitter());
                }
            }
            131..=137 => {
                let ramp = (offset - 130).min(3) as f64 / 3.0;
                charge(offset, "claude-opus-4-5", 2.1 * ramp * jitter());
            }
            _ => {}
        }
    }
    let band = |offset, median, upper| Band { from: from.plus(offset), median: usd(median), upper: usd(upper) };
    UsageSeries {
        from,
        until: from.plus(180),
        charges,
        bands: vec![band(0, "0", "0.06"), band(55, "0.12", "0.34"), band(90, "0", "0.06")],
        hidden: vec![Hidden { from: at("02:41:04"), until: at("02:46:20") }],
    }
}

fn timeline() -> Vec<Action> {
    let action = |time: &str, actor: &str, what: &str, outcome, detail: &str| Action {
        at: at(time),
        actor: actor.to_owned(),
        what: what.to_owned(),
        outcome,
        detail: detail.to_owned(),
    };
    vec![
        action(
            "02:46:20.100",
            "provider",
            "Usage of minute 02:41 appears in the feed",
            Outcome::Done,
            "$0.84 on claude-opus-4-5, a model this key never used",
        ),
        action("02:46:20.300", "guard watch", "Rule first_use warns", Outcome::Done, "notified: chat, pager"),
        action(
            "02:47:05.210",
            "guard watch",
            "Rule spike trips",
            Outcome::Done,
            "two complete minutes above the limit of the baseline; no run registered",
        ),
        action("02:47:05.260", "guard watch", "Gate of prod-publish closed", Outcome::Done, "generation 3"),
        action(
            "02:47:05.710",
            "guard watch",
            "Ask the provider to set …hmiT inactive",
            Outcome::Unknown,
            "no answer within 2 s; the request may have taken effect",
        ),
        action("02:47:07.900", "guard watch", "Read …hmiT back", Outcome::Done, "still active"),
        action("02:47:08.020", "guard watch", "Ask the provider to set …hmiT inactive", Outcome::Done, "200, inactive"),
        action("02:47:08.390", "guard watch", "Try …hmiT", Outcome::Done, "refused three times in a row: dead"),
        action("02:47:09.100", "guard watch", "Notify people", Outcome::Done, "chat 200; pager 202"),
        action(
            "02:47:12.400",
            "guard watch",
            "Set standby …SkTd active and try it",
            Outcome::Done,
            "accepted in wrkspc_01PublishEU",
        ),
        action(
            "02:47:21.050",
            "guard watch",
            "Deliver …SkTd to 2 consumers",
            Outcome::Done,
            "read back from dotenv and systemd credential",
        ),
        action(
            "02:47:21.300",
            "incident hook 10-ticket",
            "Open a ticket",
            Outcome::Failed,
            "exit status 7; it does not hold anything up",
        ),
        action(
            "02:48:00.000",
            "guard watch",
            "Watch for usage of …hmiT after the kill",
            Outcome::Pending,
            "none so far",
        ),
    ]
}

/// A stretch of a log in the form that `guard evidence verify` reads: canonical JSON, each record with the hash of the one before.
fn evidence() -> EvidenceExcerpt {
    let mut prev = "5f1d7a84db00d2fce00b31a7fc73224f08c0aac5aae0e5ee0a0e3a1c2b7d4e19".to_owned();
    let mut records = Vec::new();
    let mut seq = 1_040;
    for (time, kind, subject, detail) in [
        ("02:46:20", "verdict.warn", OLD, r#"{"rule":"first_use"}"#),
        ("02:47:05", "incident.tripped", OLD, r#"{"incident":3,"rule":"spike"}"#),
        ("02:47:05", "gate.closed", "prod-publish", r#"{"generation":3}"#),
        ("02:47:05", "key.deactivate.intended", OLD, "{}"),
        ("02:47:08", "key.deactivate.answered", OLD, r#"{"status":200}"#),
        ("02:47:08", "key.dead", OLD, r#"{"refusals":3}"#),
        ("02:47:21", "failover.complete", NEW, r#"{"consumers":2}"#),
    ] {
        seq += 1;
        let (head, time) = (format!(r#"{{"actor":"guard watch","detail":{detail}"#), rfc3339(at(time)));
        let tail = format!(r#""kind":"{kind}","prev":"{prev}","seq":{seq},"subject":"{subject}","time":"{time}"}}"#);
        let hash = hex::encode(Sha256::digest(format!("{prev}{head},{tail}")));
        records.push(format!(r#"{head},"hash":"{hash}",{tail}"#));
        prev = hash;
    }
    EvidenceExcerpt { records, head: Some(EvidenceHead { seq, hash: prev }) }
}

fn provider_responses() -> Vec<ProviderResponse> {
    let post = format!("POST /v1/organizations/api_keys/{OLD}");
    let answer = |time: &str, request: &str, status, id: Option<&str>, meaning: &str| ProviderResponse {
        at: at(time),
        request: request.to_owned(),
        status,
        request_id: id.map(str::to_owned),
        meaning: meaning.to_owned(),
    };
    vec![
        answer("02:47:07.710", &post, None, None, "time-out after 2 s; outcome unknown"),
        answer(
            "02:47:07.900",
            &post.replace("POST", "GET"),
            Some(200),
            Some("req_011CSHoEeqs5C35K2UUqR7Fy"),
            "still active",
        ),
        answer("02:47:08.020", &post, Some(200), Some("req_011CSHoEfb7dPkq3Wn9Mv2Lx"), "inactive"),
        answer("02:47:08.390", "GET /v1/models", Some(401), Some("req_011CSHoEg4nXcT8aQp1Zr6Wj"), "the key is refused"),
    ]
}

const LEDGER: &str = r#"
[provider]
url = "https://api.anthropic.com"
[[notifier]]
name = "chat"
kind = "webhook"
url = "https://hooks.example.com/services/T000/B000/not-for-strangers"
[[workspace]]
name = "prod-publish"
id = "wrkspc_01PublishEU"
environment = "prod"
owner = "Ada Example"
acceptable_loss = "25"
"#;

/// The whole report.
pub fn report() -> IncidentReport {
    let usage = usage();
    let estimated = usage.above_median(Minute::containing(at("02:41:00")), usage.until);
    let dead = at("02:47:08.390");
    let line = |tier: &str, input, output, cost| BreakdownLine {
        model: "claude-opus-4-5".to_owned(),
        tier: Some(tier.to_owned()),
        foreign: true,
        tokens: Tokens { uncached_input: input, output, ..Tokens::default() },
        cost,
    };
    IncidentReport {
        incident: IncidentId(3),
        workspace: WorkspaceName::new("prod-publish").unwrap(),
        workspace_id: Some(WorkspaceId::new("wrkspc_01PublishEU").unwrap()),
        environment: "prod".to_owned(),
        standing: Standing::Contained,
        generated_at: at("02:49:00"),
        guard_version: "0.1.0".to_owned(),
        involved: vec![
            Involved { principal: Principal::Key(key(OLD)), hint: Some(Hint::of("hmiT")), part: Part::Compromised, status: Some(KeyStatus::Inactive) },
            Involved { principal: Principal::Key(key(NEW)), hint: Some(Hint::of("SkTd")), part: Part::Replacement, status: Some(KeyStatus::Active) },
        ],
        cause: Cause {
            rule: "spike".to_owned(),
            sentence: "Key …hmiT spent $2.07 a minute on claude-opus-4-5, a model it had never used, at an hour when it never works and while no job was running.".to_owned(),
            figures: [
                ("Cost of the last complete minute", "$2.07"),
                ("Upper limit of the baseline at this hour", "$0.06"),
                ("Distance from the median", "41 robust standard deviations"),
                ("Minutes above the limit, one after the other", "2"),
                ("Registered runs in progress", "none"),
            ]
            .into_iter()
            .map(|(name, value)| Figure { name: name.to_owned(), value: value.to_owned() })
            .collect(),
        },
        moments: Moments {
            onset: Some(at("02:41:04")),
            visible: Some(at("02:46:20.100")),
            detected: at("02:47:05.210"),
            gate_closed: Some(at("02:47:05.260")),
            kill_sent: Some(at("02:47:05.710")),
            dead: Some(dead),
            failed_over: Some(at("02:47:21.050")),
            reopened: None,
        },
        timeline: timeline(),
        loss: Loss::project(
            estimated,
            usd("124.20"),
            dead,
            Horizon { until: at("08:00:00"), because: "08:00 UTC, when the owner starts work".to_owned() },
            Some(usd("25")),
        ),
        breakdown: vec![
            line("standard", 1_204_331, 197_870, estimated - usd("0.84")),
            line("priority", 80_000, 17_600, usd("0.84")),
        ],
        usage,
        provider_responses: provider_responses(),
        runs: vec![Run {
            id: RunId(812),
            workspace: WorkspaceName::new("prod-publish").unwrap(),
            key: key(OLD),
            program: "publish-articles".to_owned(),
            pid: None,
            started_at: at("01:30:00"),
            ended_at: Some(at("01:54:40") + TimeDelta::milliseconds(5)),
            exit_status: Some(0),
        }],
        evidence: evidence(),
        ledger: RedactedLedger::of(LEDGER),
        failover: Failover::Complete { hint: Hint::of("SkTd") },
        open_questions: vec![
            "From where was key …hmiT taken? It was held by two consumers, a dotenv file and a systemd credential.".to_owned(),
            "Was it used outside the usage report, for requests that the report does not list?".to_owned(),
        ],
    }
}
