//! Why an incident happened and what guard did about it, from the journal, the evidence and stored usage alone.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta};
use serde::Serialize;
use serde_json::Value;

use super::{App, AppError, custody, drive, evidence_lines};
use crate::domain::evidence::Record;
use crate::domain::ids::{IncidentId, KeyId, Principal, WorkspaceName};
use crate::domain::incident::TripRecord;
use crate::domain::ledger::TripMode;
use crate::domain::money::UsdMicros;
use crate::domain::rotation::{Event, Outcome};
use crate::domain::time::{Minute, Timestamp};
use crate::ports::Recorded;

/// Days before an incident that its usage is compared with.
const COMPARED_DAYS: i64 = 7;

/// One incident, explained.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Why {
    /// Whose.
    pub workspace: WorkspaceName,
    /// Its number.
    pub incident: IncidentId,
    /// When guard acted.
    pub at: Timestamp,
    /// The rule, or `person`.
    pub rule: String,
    /// Why, in one sentence.
    pub sentence: String,
    /// Other rules that agreed.
    pub also: Vec<String>,
    /// How sure it was, 0 to 1; nothing for a trip by hand.
    pub confidence: Option<f64>,
    /// The first minute of what was abnormal, as far as can be told.
    pub since: Option<Timestamp>,
    /// How far guard went.
    pub mode: TripMode,
    /// The keys that were stopped.
    pub keys: Vec<KeyId>,
    /// The figures of the verdict.
    pub figures: BTreeMap<String, Value>,
    /// What happened from then on, oldest first.
    pub steps: Vec<Step>,
    /// First and last record of these steps in the evidence chain.
    pub evidence: Option<(u64, u64)>,
    /// What the keys used meanwhile.
    pub usage: Option<Compared>,
    /// When, by whom and why the gate was released.
    pub released: Option<(Timestamp, String, String)>,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// When it was written down.
    pub at: Timestamp,
    /// What.
    pub what: String,
}

/// Usage of the stopped keys beside what they usually use at that time of day.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Compared {
    /// From here.
    pub from: Timestamp,
    /// To here: the death of the last key, or the last stored minute.
    pub until: Timestamp,
    /// What was used.
    pub used: UsdMicros,
    /// By model, the dearest first.
    pub models: Vec<(String, UsdMicros)>,
    /// The median of the same stretch on the seven days before.
    pub usual: UsdMicros,
}

/// The incident of that number, or the newest; `workspace` may be left out where the number is not ambiguous.
///
/// # Errors
/// [`AppError::Refused`] when there is no such incident or several workspaces have one; the store's.
pub fn why(app: &App, incident: Option<IncidentId>, workspace: Option<&WorkspaceName>) -> Result<Why, AppError> {
    let candidates: Vec<&WorkspaceName> = match workspace {
        Some(name) => vec![&drive::find(app, name)?.name],
        None => app.ledger.workspaces.iter().map(|w| &w.name).collect(),
    };
    let mut found: Vec<(Timestamp, &WorkspaceName, IncidentId)> = Vec::new();
    for name in candidates {
        for known in custody::load(app, name)?.incidents() {
            if incident.is_none_or(|wanted| known.id == wanted) {
                found.push((known.at, name, known.id));
            }
        }
    }
    found.sort();
    match (found.as_slice(), incident) {
        ([.., (_, name, id)], None) | ([(_, name, id)], Some(_)) => explain(app, name, *id),
        ([], _) => Err(AppError::Refused {
            what: match incident {
                Some(id) => format!("there is no incident {id}"),
                None => "there was no incident yet".to_owned(),
            },
            remedy: "`guard status` shows incidents and the latest verdicts; in `observe` nothing becomes an incident"
                .to_owned(),
        }),
        (several, Some(id)) => {
            let names: Vec<&str> = several.iter().map(|(_, name, _)| name.as_str()).collect();
            Err(AppError::Refused {
                what: format!("{} have an incident {id}", names.join(", ")),
                remedy: format!("say which: `guard why {id} -w {}`", names[names.len() - 1]),
            })
        }
    }
}

fn explain(app: &App, name: &WorkspaceName, id: IncidentId) -> Result<Why, AppError> {
    let custody = custody::load(app, name)?;
    let events = app.journal.events(name)?;
    let is_trip = |recorded: &&Recorded| matches!(&recorded.event, Event::Tripped(trip) if trip.incident == id);
    let begun = events.iter().position(|recorded| is_trip(&recorded));
    let known = custody.incidents().iter().find(|incident| incident.id == id);
    let (Some(begun), Some(known)) = (begun, known) else {
        return Err(AppError::Bug(format!("incident {id} of {name} is not in the journal")));
    };
    let Event::Tripped(trip) = &events[begun].event else {
        return Err(AppError::Bug(format!("incident {id} of {name} is no trip")));
    };
    let own = own_events(&events[begun..], id);
    let steps: Vec<(u64, Step)> = own
        .iter()
        .filter_map(|recorded| Some((recorded.seq, Step { at: recorded.at, what: words(&recorded.event, trip)? })))
        .collect();
    let mut figures: BTreeMap<String, Value> = match &trip.figures {
        Value::Object(fields) => fields.clone().into_iter().collect(),
        _ => BTreeMap::new(),
    };
    let text = |value: Option<Value>| value.and_then(|v| v.as_str().map(str::to_owned));
    let since = text(figures.remove("since")).and_then(|text| minute(&text)).map(Minute::start);
    let also = figures.remove("also").and_then(|also| serde_json::from_value(also).ok()).unwrap_or_default();
    let confidence = figures.remove("confidence").and_then(|value| value.as_f64());
    let keys: Vec<KeyId> = known.keys.iter().cloned().collect();
    let evidence = evidence(app, name, steps.first().zip(steps.last()).map(|(first, last)| (first.0, last.0)))?;
    Ok(Why {
        workspace: name.clone(),
        incident: id,
        at: known.at,
        rule: known.rule.clone(),
        sentence: known.sentence.clone(),
        also,
        confidence,
        since,
        mode: known.mode,
        usage: compare(app, &keys, since.unwrap_or(known.at - TimeDelta::hours(1)), known.contained_at)?,
        keys,
        figures,
        steps: steps.into_iter().map(|(_, step)| step).collect(),
        evidence,
        released: known.rearmed.clone(),
    })
}

/// What belongs to the incident: everything up to its release, or up to the next trip.
fn own_events(events: &[Recorded], id: IncidentId) -> &[Recorded] {
    let next = events.iter().skip(1).position(|r| matches!(r.event, Event::Tripped(_))).map_or(events.len(), |i| i + 1);
    let released = events.iter().position(|r| matches!(&r.event, Event::Rearmed { incident, .. } if *incident == id));
    let opened = released.and_then(|released| {
        events[released..].iter().position(|r| matches!(r.event, Event::GateOpened { .. })).map(|i| released + i + 1)
    });
    &events[..opened.unwrap_or(events.len()).min(next.max(released.map_or(0, |r| r + 1)))]
}

fn words(event: &Event, trip: &TripRecord) -> Option<String> {
    Some(match event {
        Event::Tripped(_) => match trip.mode {
            TripMode::Kill => "closed the gate and began to stop the keys".to_owned(),
            TripMode::Gate | TripMode::Observe => "closed the gate; no key was stopped".to_owned(),
        },
        Event::OffAnswered { key, outcome: Outcome::Done } => format!("{key} is deactivated, the provider says"),
        Event::OffAnswered { key, outcome: Outcome::NotDone { why, .. } } => {
            format!("{key} could not be deactivated: {why}")
        }
        Event::OffAnswered { key, outcome: Outcome::Unknown { why } } => {
            format!("whether {key} is deactivated is not known: {why}")
        }
        Event::DeadProven { key, proof } => match proof.effective_seconds {
            Some(seconds) => format!("{key} is proven dead, {seconds} s after the first request"),
            None => format!("{key} is proven dead"),
        },
        Event::DriftSeen { key } => format!("{key} was activated again by somebody else"),
        Event::Promoted { key } => format!("standby {key} took over"),
        Event::StandbyMissing => "there was no standby to take over".to_owned(),
        Event::StandbyUnfit { key, why } => format!("standby {key} could not serve: {why}"),
        Event::Blocked { task, why } => format!("{task} did not succeed: {why}"),
        Event::Recovered { task } => format!("{task} succeeded again"),
        Event::CauseFound { by, cause, .. } => format!("{by} says what caused it: {cause}"),
        Event::Rearmed { by, reason, forced: false, .. } => format!("{by} released the incident: {reason}"),
        Event::Rearmed { by, reason, forced: true, .. } => {
            format!("{by} released the incident without a known cause: {reason}")
        }
        Event::GateOpened { .. } => "the gate is open again".to_owned(),
        _ => return None,
    })
}

/// The records of the evidence chain that stand for these journal entries.
fn evidence(app: &App, name: &WorkspaceName, steps: Option<(u64, u64)>) -> Result<Option<(u64, u64)>, AppError> {
    let Some((first, last)) = steps else { return Ok(None) };
    let mut range: Option<(u64, u64)> = None;
    for line in evidence_lines(app.evidence.as_ref(), 1) {
        let Ok(record) = serde_json::from_str::<Record>(&line?) else { continue };
        let seq = record.detail.get("journal_seq").and_then(Value::as_u64);
        let own = record.detail.get("workspace").and_then(Value::as_str) == Some(name.as_str());
        if own && seq.is_some_and(|seq| (first..=last).contains(&seq)) {
            range = Some((range.map_or(record.seq, |(first, _)| first), record.seq));
        }
    }
    Ok(range)
}

/// What the keys used from `since` until their death, beside the same stretch of the days before.
fn compare(app: &App, keys: &[KeyId], since: Timestamp, dead: Option<Timestamp>) -> Result<Option<Compared>, AppError> {
    let from = Minute::containing(since);
    let until = Minute::containing(dead.unwrap_or_else(|| app.clock.now())).plus(1);
    let mut models: BTreeMap<String, UsdMicros> = BTreeMap::new();
    let mut before = vec![UsdMicros::ZERO; COMPARED_DAYS as usize];
    for key in keys {
        let principal = Principal::Key(key.clone());
        for row in app.usage.usage(Some(&principal), from, until)? {
            *models.entry(row.model.clone()).or_default() += app.prices.cost(&row).amount;
        }
        for (day, sum) in (1..).zip(before.iter_mut()) {
            for row in app.usage.usage(Some(&principal), from.plus(-1440 * day), until.plus(-1440 * day))? {
                *sum += app.prices.cost(&row).amount;
            }
        }
    }
    if models.is_empty() {
        return Ok(None);
    }
    before.sort_unstable();
    let mut models: Vec<(String, UsdMicros)> = models.into_iter().collect();
    models.sort_by_key(|(_, cost)| std::cmp::Reverse(*cost));
    let used = models.iter().map(|(_, cost)| *cost).sum();
    let usual = before[before.len() / 2];
    Ok(Some(Compared { from: from.start(), until: until.start(), used, models, usual }))
}

/// `2026-11-21T22:05Z`, as verdicts write minutes.
fn minute(text: &str) -> Option<Minute> {
    let whole = format!("{}:00Z", text.strip_suffix('Z')?);
    DateTime::parse_from_rfc3339(&whole).ok().map(|at| Minute::containing(at.to_utc()))
}
