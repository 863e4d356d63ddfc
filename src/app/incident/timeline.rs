use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta};
use serde_json::Value;

use crate::app::{App, AppError};
use crate::domain::evidence::Record;
use crate::domain::ids::{KeyId, WorkspaceName};
use crate::domain::incident::{Action, EvidenceExcerpt, EvidenceHead, Life, Outcome, ProviderResponse};
use crate::domain::key::short_hint;
use crate::domain::ledger::Workspace;
use crate::domain::rotation::Custody;
use crate::domain::time::Timestamp;
use crate::ports::StoreError;

/// Records read at a time.
const PAGE: usize = 500;

/// More records than that are not part of a bundle.
const MOST: usize = 3000;

/// How long after an incident's last step its records still belong to it.
const TAIL: TimeDelta = TimeDelta::hours(1);

/// What the evidence chain tells of an incident.
pub(super) struct Course {
    pub(super) timeline: Vec<Action>,
    pub(super) provider_responses: Vec<ProviderResponse>,
    pub(super) evidence: EvidenceExcerpt,
}

/// The records from the trip to the end of the incident (or to the newest one), without gaps, and what those of this workspace
/// say.
pub(super) fn course(app: &App, workspace: &Workspace, custody: &Custody, life: &Life) -> Result<Course, AppError> {
    let head = app.evidence.evidence_head()?.map(|(seq, hash)| EvidenceHead { seq, hash });
    let since = life.moments.detected;
    let ends = [life.moments.reopened, life.closing.as_ref().map(|c| c.at), life.moments.dead, Some(since)];
    let until = ends.into_iter().flatten().max().unwrap_or(since) + TAIL;
    let first = first_since(app, since, head.as_ref().map_or(0, |head| head.seq))?;
    let mut lines: Vec<(String, Option<Record>)> = Vec::new();
    let mut next = first;
    'pages: loop {
        let page = app.evidence.evidence(next, PAGE)?;
        if page.is_empty() || lines.len() >= MOST {
            break;
        }
        next = next.saturating_add(page.len() as u64);
        for line in page {
            let record = serde_json::from_str::<Record>(&line).ok();
            if record.as_ref().and_then(time).is_some_and(|at| at > until) {
                break 'pages;
            }
            lines.push((line, record));
        }
    }
    // Bounded by what concerns the workspace, so that strangers' records are in it only where the chain needs them.
    let ours = |(_, record): &(String, Option<Record>)| record.as_ref().is_some_and(|r| concerns(r, &workspace.name));
    let (begin, end) = (lines.iter().position(ours).unwrap_or(0), lines.iter().rposition(ours).map_or(0, |at| at + 1));
    let excerpt: Vec<_> = lines.drain(begin..end.max(begin)).collect();
    let hints: BTreeMap<&KeyId, String> =
        custody.keys().iter().map(|(key, record)| (key, short_hint(record.hint.as_deref()))).collect();
    let records: Vec<&Record> =
        excerpt.iter().filter_map(|(_, r)| r.as_ref()).filter(|r| concerns(r, &workspace.name)).collect();
    Ok(Course {
        timeline: records.iter().filter_map(|record| action(record, &workspace.name, &hints)).collect(),
        provider_responses: records.iter().filter_map(|record| response(record)).collect(),
        evidence: EvidenceExcerpt { records: excerpt.into_iter().map(|(line, _)| line).collect(), head },
    })
}

/// The number of the first record at or after `at`, by bisection: times ascend with numbers, but for clocks that were set back.
fn first_since(app: &App, at: Timestamp, newest: u64) -> Result<u64, StoreError> {
    let (mut low, mut high) = (1, newest.saturating_add(1));
    while low < high {
        let middle = low + (high - low) / 2;
        let record =
            app.evidence.evidence(middle, 1)?.pop().and_then(|line| serde_json::from_str::<Record>(&line).ok());
        match record.as_ref().and_then(time) {
            Some(time) if time < at => low = middle + 1,
            _ => high = middle,
        }
    }
    Ok(low)
}

fn time(record: &Record) -> Option<Timestamp> {
    DateTime::parse_from_rfc3339(&record.time).ok().map(|at| at.to_utc())
}

fn concerns(record: &Record, workspace: &WorkspaceName) -> bool {
    record.detail["workspace"] == workspace.as_str()
}

/// What a record says, for people; `None` for what would only repeat its neighbours.
fn action(record: &Record, workspace: &WorkspaceName, hints: &BTreeMap<&KeyId, String>) -> Option<Action> {
    let detail = &record.detail;
    let text = |name: &str| detail[name].as_str().unwrap_or_default().to_owned();
    let key = KeyId::new(record.subject.clone()).ok();
    let shown = key.as_ref().and_then(|key| hints.get(key)).cloned().unwrap_or_else(|| record.subject.clone());
    let (what, outcome, more) = match record.kind.as_str() {
        "incident.tripped" if detail["by_person"] == true => {
            ("A person trips".to_owned(), Outcome::Done, text("sentence"))
        }
        "incident.tripped" => (format!("Rule {} trips", text("rule")), Outcome::Done, text("sentence")),
        "gate.closed" => (format!("Gate of {workspace} seen closed"), Outcome::Done, String::new()),
        "gate.opened" => (format!("Gate of {workspace} open again"), Outcome::Done, String::new()),
        "key.deactivate.answered" => {
            (format!("Ask the provider to set {shown} inactive"), outcome(detail), why(detail))
        }
        "key.activate.answered" => (format!("Ask the provider to set {shown} active"), outcome(detail), why(detail)),
        "key.dead" => {
            let refusals = &detail["proof"]["refusals"];
            (format!("Try {shown}"), Outcome::Done, format!("refused {refusals} times in a row: dead"))
        }
        "key.drift" => {
            (format!("{shown} was activated by somebody else"), Outcome::Done, "guard stops it again".to_owned())
        }
        "key.promoted" => (format!("Standby {shown} takes over"), Outcome::Done, String::new()),
        "standby.taken" => (format!("Choose standby {shown}"), Outcome::Done, String::new()),
        "standby.missing" => ("Look for a standby".to_owned(), Outcome::Failed, "there is none".to_owned()),
        "standby.unfit" => (format!("Standby {shown} cannot serve"), Outcome::Failed, text("why")),
        "consumer.reloaded" => {
            (format!("Consumer {} holds the new key", record.subject), Outcome::Done, "read back, reloaded".to_owned())
        }
        "incident.rearmed" => ("Gate released".to_owned(), Outcome::Done, text("reason")),
        "incident.acknowledged" => ("Incident taken note of".to_owned(), Outcome::Done, String::new()),
        "incident.closed" => {
            ("Incident closed".to_owned(), Outcome::Done, format!("{}; {}", text("cause"), text("lesson")))
        }
        "task.failed" => ("A step did not succeed and is tried again".to_owned(), Outcome::Failed, text("why")),
        "task.blocked" => ("People are told that a step does not succeed".to_owned(), Outcome::Pending, text("why")),
        "job.stopped" => (format!("Running job {} is ended", record.subject), Outcome::Done, text("how")),
        _ => return None,
    };
    Some(Action { at: time(record)?, actor: record.actor.clone(), what, outcome, detail: more })
}

fn outcome(detail: &Value) -> Outcome {
    match detail["outcome"]["outcome"].as_str() {
        Some("done") => Outcome::Done,
        Some("not_done") => Outcome::Failed,
        _ => Outcome::Unknown,
    }
}

fn why(detail: &Value) -> String {
    detail["outcome"]["why"].as_str().unwrap_or_default().to_owned()
}

/// What the provider answered. Status and request id are not kept in the evidence; the meaning is.
fn response(record: &Record) -> Option<ProviderResponse> {
    let post = || format!("POST /v1/organizations/api_keys/{}", record.subject);
    let detail = &record.detail;
    let (request, status, meaning) = match (record.kind.as_str(), outcome(detail)) {
        ("key.deactivate.answered", Outcome::Done) => (post(), Some(200), "inactive".to_owned()),
        ("key.activate.answered", Outcome::Done) => (post(), Some(200), "active".to_owned()),
        ("key.deactivate.answered" | "key.activate.answered", Outcome::Unknown) => {
            (post(), None, format!("no definite answer: {}", why(detail)))
        }
        ("key.deactivate.answered" | "key.activate.answered", _) => (post(), None, why(detail)),
        ("key.dead", _) => {
            let state = detail["proof"]["status"].as_str().unwrap_or("not active");
            ("GET /v1/models".to_owned(), Some(401), format!("the key is refused; its state is {state}"))
        }
        _ => return None,
    };
    let status = if record.kind == "key.dead" && detail["proof"]["refusals"] == 0 { None } else { status };
    Some(ProviderResponse { at: time(record)?, request, status, request_id: None, meaning })
}
