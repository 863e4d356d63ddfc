use serde_json::Value;

use crate::domain::ids::{IncidentId, KeyId, WorkspaceName};
use crate::domain::key::short_hint;
use crate::domain::ledger::TripMode;
use crate::domain::notice::{Notice, Severity};
use crate::domain::rotation::{Custody, Ending, Event, Holding, Task};
use crate::domain::time::Timestamp;
use crate::ports::EvidenceDraft;

/// What goes down together with events: a line of evidence for each, and a notice for those that people care about.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) evidence: Vec<EvidenceDraft>,
    pub(super) notices: Vec<Notice>,
}

/// A notice before it has a time and a name.
struct Saying {
    event: &'static str,
    severity: Severity,
    key: Option<KeyId>,
    incident: Option<IncidentId>,
    summary: String,
    detail: String,
    /// The task that it is about, so that its success ends what its failure began.
    matter: Option<String>,
}

impl Told {
    /// Adds what `event` is worth.
    pub(super) fn add(
        &mut self,
        actor: &str,
        workspace: &WorkspaceName,
        before: &Custody,
        event: &Event,
        after: &Custody,
        at: Timestamp,
    ) {
        let (kind, subject) = label(event);
        let mut detail = serde_json::to_value(event).unwrap_or(Value::Null);
        if let Some(fields) = detail.as_object_mut() {
            fields.remove("kind");
            fields.insert("workspace".to_owned(), Value::from(workspace.as_str()));
            fields.insert("journal_seq".to_owned(), Value::from(after.seq()));
        }
        let subject = subject.unwrap_or_else(|| workspace.to_string());
        self.evidence.push(EvidenceDraft { actor: actor.to_owned(), kind: kind.to_owned(), subject, detail });
        let Some(saying) = say(workspace, before, event, after) else { return };
        // A trip that could not be written when it happened is announced under the same name then and later.
        let dedup = match (saying.incident, saying.matter) {
            (Some(incident), _) if saying.event == "key.tripped" => trip_dedup(workspace, incident),
            (_, Some(matter)) => format!("{workspace}/{}/{}/{matter}", after.seq(), saying.event),
            _ => format!("{workspace}/{}/{}", after.seq(), saying.event),
        };
        self.notices.push(Notice {
            dedup,
            event: saying.event.to_owned(),
            severity: saying.severity,
            at,
            workspace: Some(workspace.clone()),
            key: saying.key,
            incident: saying.incident,
            summary: saying.summary,
            detail: saying.detail,
            evidence_head: None,
        });
    }

    /// Adds the head of the evidence chain to the notices, so that whoever gets them can show a later truncation.
    pub(super) fn stamp(&mut self, head: Option<(u64, String)>) {
        let head = head.map(|(seq, hash)| format!("{seq}:{hash}"));
        for notice in &mut self.notices {
            notice.evidence_head.clone_from(&head);
        }
    }
}

/// The stable name of the announcement of a trip.
pub(super) fn trip_dedup(workspace: &WorkspaceName, incident: IncidentId) -> String {
    format!("{workspace}/incident/{incident}/key.tripped")
}

/// The evidence kind of an event and what it is about.
fn label(event: &Event) -> (&'static str, Option<String>) {
    let key = |k: &KeyId| Some(k.to_string());
    match event {
        Event::Enrolled { key: k, .. } => ("key.enrolled", key(k)),
        Event::Forgotten { key: k } => ("key.forgotten", key(k)),
        Event::RotationRequested { .. } => ("rotation.requested", None),
        Event::StandbyTaken { key: k, .. } => ("standby.taken", key(k)),
        Event::StandbyMissing => ("standby.missing", None),
        Event::StandbyUnfit { key: k, .. } => ("standby.unfit", key(k)),
        Event::StandbyReleased { key: k } => ("standby.released", key(k)),
        Event::WakeIntended { key: k } => ("key.activate.intended", key(k)),
        Event::WakeAnswered { key: k, .. } => ("key.activate.answered", key(k)),
        Event::OverlapProven { key: k } => ("rotation.overlap", key(k)),
        Event::DeliveryIntended { consumer, .. } => ("consumer.delivery.intended", Some(consumer.to_string())),
        Event::ConsumerSeen { consumer, .. } => ("consumer.seen", Some(consumer.to_string())),
        Event::Reloaded { consumer, .. } => ("consumer.reloaded", Some(consumer.to_string())),
        Event::ConsumerRemoved { consumer } => ("consumer.removed", Some(consumer.to_string())),
        Event::Switched => ("rotation.switched", None),
        Event::DrainForced { .. } => ("rotation.drain.forced", None),
        Event::Drained { .. } => ("rotation.drained", None),
        Event::Doomed { key: k } => ("key.doomed", key(k)),
        Event::OffIntended { key: k } => ("key.deactivate.intended", key(k)),
        Event::OffAnswered { key: k, .. } => ("key.deactivate.answered", key(k)),
        Event::Cooled { key: k } => ("standby.cooled", key(k)),
        Event::DeadProven { key: k, .. } => ("key.dead", key(k)),
        Event::DriftSeen { key: k } => ("key.drift", key(k)),
        Event::TurnedBack { .. } => ("rotation.turned_back", None),
        Event::TurnedForward { .. } => ("rotation.turned_forward", None),
        Event::RotationEnded { .. } => ("rotation.ended", None),
        Event::Promoted { key: k } => ("key.promoted", key(k)),
        Event::ArchiveIntended { key: k } => ("key.archive.intended", key(k)),
        Event::Archived { key: k } => ("key.archived", key(k)),
        Event::Tripped(trip) => ("incident.tripped", Some(format!("incident {}", trip.incident))),
        Event::GateClosed => ("gate.closed", None),
        Event::GateOpening { .. } => ("gate.opening", None),
        Event::GateOpened { .. } => ("gate.opened", None),
        Event::Rearmed { incident, .. } => ("incident.rearmed", Some(format!("incident {incident}"))),
        Event::Acknowledged { incident, .. } => ("incident.acknowledged", Some(format!("incident {incident}"))),
        Event::CauseFound { incident, .. } => ("incident.cause", Some(format!("incident {incident}"))),
        Event::Closed { incident, .. } => ("incident.closed", Some(format!("incident {incident}"))),
        Event::Failed { .. } => ("task.failed", None),
        Event::Recovered { .. } => ("task.recovered", None),
        Event::Blocked { .. } => ("task.blocked", None),
    }
}

/// What people are told of an event, if anything.
fn say(workspace: &WorkspaceName, before: &Custody, event: &Event, after: &Custody) -> Option<Saying> {
    let shown = |k: &KeyId| {
        let hint = after.key(k).or_else(|| before.key(k)).and_then(|r| r.hint.as_deref());
        format!("{k} ({})", short_hint(hint))
    };
    let saying = |event, severity, key: Option<&KeyId>, summary: String, detail: String| {
        Some(Saying { event, severity, key: key.cloned(), incident: after.latch(), summary, detail, matter: None })
    };
    match event {
        Event::Tripped(trip) => {
            let keys: Vec<String> = trip.keys.iter().map(shown).collect();
            let what = match trip.mode {
                TripMode::Kill if !keys.is_empty() => format!("gate closed, killing {}", keys.join(" and ")),
                _ => "gate closed; no key is killed".to_owned(),
            };
            let next = format!(
                "`guard status` shows how far it is; `guard rearm -w {workspace} --incident {} --cause TEXT --reason TEXT` opens the gate",
                trip.incident
            );
            let summary = format!("{workspace}: incident {}: {what}", trip.incident);
            saying("key.tripped", Severity::Critical, trip.keys.first(), summary, format!("{}. {next}", trip.sentence))
        }
        Event::DeadProven { key, proof } => {
            let tripped = after.key(key).is_some_and(|r| r.tripped);
            let severity = if tripped { Severity::Warning } else { Severity::Info };
            let seconds =
                proof.effective_seconds.map_or_else(String::new, |s| format!(" {s} s after the first request"));
            let summary = format!("{workspace}: {} is proven dead{seconds}", shown(key));
            let detail = format!("state {}, refused {} times in a row", proof.status, proof.refusals);
            saying("key.dead", severity, Some(key), summary, detail)
        }
        Event::RotationEnded { ending } => {
            let rotation = before.rotation()?;
            let new = after.desired().map_or_else(|| "no key".to_owned(), shown);
            let (severity, what) = match ending {
                Ending::Completed => (Severity::Info, format!("done; {new} is in use and {} is dead", rotation.old)),
                Ending::RolledBack => (Severity::Warning, format!("rolled back; {new} is in use again")),
            };
            let summary = format!("{workspace}: rotation {} is {what}", rotation.id);
            saying("rotation.ended", severity, after.desired(), summary, rotation.reason.clone())
        }
        Event::StandbyMissing => {
            let severity = if after.latch().is_some() { Severity::Critical } else { Severity::Warning };
            let detail = format!("Make a key in the Console, then hand it over with `guard key add -w {workspace}`.");
            saying(
                "standby.missing",
                severity,
                None,
                format!("{workspace}: there is no standby key to go on with"),
                detail,
            )
        }
        Event::StandbyUnfit { key, why } => saying(
            "standby.unfit",
            Severity::Warning,
            Some(key),
            format!("{workspace}: standby {} cannot serve: {why}", shown(key)),
            String::new(),
        ),
        Event::TurnedBack { why, .. } => saying(
            "rotation.turned_back",
            Severity::Warning,
            None,
            format!("{workspace}: the rotation goes back to the old key: {why}"),
            String::new(),
        ),
        Event::TurnedForward { why } => saying(
            "rotation.turned_forward",
            Severity::Warning,
            None,
            format!("{workspace}: the roll-back goes forward again: {why}"),
            String::new(),
        ),
        Event::Promoted { key } => {
            let detail = "The key before it does not work; consumers are being given the new one.".to_owned();
            saying(
                "key.promoted",
                Severity::Warning,
                Some(key),
                format!("{workspace}: standby {} took over", shown(key)),
                detail,
            )
        }
        Event::DriftSeen { key } => {
            let detail = format!(
                "guard deactivates it again. If it is needed, `guard rotate -w {workspace} --rollback` brings it back in order."
            );
            saying(
                "key.drift",
                Severity::Critical,
                Some(key),
                format!("{workspace}: {} was retired and is active again; somebody else did that", shown(key)),
                detail,
            )
        }
        Event::ConsumerSeen { consumer, holds } => {
            let desired = before.desired();
            let had = before.consumers().get(consumer).is_some_and(|c| c.holds.key() == desired);
            let lost = had && desired.is_some() && holds.key() != desired;
            let what = match holds {
                Holding::Key(key) | Holding::Written(key) => shown(key),
                Holding::Foreign => "a key that guard does not know".to_owned(),
                Holding::Nothing => "nothing".to_owned(),
                Holding::Unread | Holding::Sealed => "something that cannot be read".to_owned(),
            };
            let summary = format!("{workspace}: somebody else changed consumer `{consumer}`; it holds {what}");
            lost.then(|| {
                saying(
                    "consumer.drift",
                    Severity::Warning,
                    None,
                    summary,
                    "guard delivers the current key again; after three times, once an hour.".to_owned(),
                )
            })?
        }
        Event::ConsumerRemoved { consumer } => {
            let held = before
                .consumers()
                .get(consumer)
                .and_then(|c| c.holds.key())
                .map_or_else(|| "no managed key".to_owned(), shown);
            let summary = format!("{workspace}: consumer `{consumer}` is no longer in the ledger; it held {held}");
            saying(
                "consumer.removed",
                Severity::Notice,
                None,
                summary,
                "What still reads from there will fail once that key is revoked.".to_owned(),
            )
        }
        Event::DrainForced { reason, by } => saying(
            "rotation.drain.forced",
            Severity::Notice,
            None,
            format!("{workspace}: {by} does not wait for the drain"),
            reason.clone(),
        ),
        Event::Rearmed { incident, by, reason, forced } => {
            let unknown = if *forced { ", its cause unknown" } else { "" };
            let summary = format!("{workspace}: {by} released incident {incident}{unknown}");
            let mut said = saying("incident.rearmed", Severity::Notice, None, summary, reason.clone())?;
            said.incident = Some(*incident);
            Some(said)
        }
        Event::Acknowledged { incident, by } => {
            let summary = format!("{workspace}: {by} looks after incident {incident}");
            let mut said = saying("incident.acknowledged", Severity::Notice, None, summary, String::new())?;
            said.incident = Some(*incident);
            Some(said)
        }
        Event::Closed { incident, by, cause, lesson, policy: _ } => {
            let summary = format!("{workspace}: {by} closed incident {incident}: {cause}");
            let mut said = saying("incident.closed", Severity::Notice, None, summary, lesson.clone())?;
            said.incident = Some(*incident);
            Some(said)
        }
        Event::Blocked { task, why } => {
            let severity =
                if matches!(task, Task::Off(_) | Task::Gate) { Severity::Critical } else { Severity::Warning };
            let detail = format!("{why}. guard goes on trying; `guard status` shows what it waits for.");
            let summary = format!("{workspace}: {task} does not succeed");
            let said = saying("task.blocked", severity, None, summary, detail)?;
            Some(Saying { matter: Some(task.to_string()), ..said })
        }
        _ => recovered(workspace, before, after),
    }
}

/// A task that people were told about has stopped failing.
fn recovered(workspace: &WorkspaceName, before: &Custody, after: &Custody) -> Option<Saying> {
    let task = before.retries().iter().find(|(t, r)| r.alarmed && !after.retries().contains_key(t)).map(|(t, _)| t)?;
    Some(Saying {
        event: "task.recovered",
        severity: Severity::Info,
        key: None,
        incident: after.latch(),
        summary: format!("{workspace}: {task} succeeds again"),
        detail: String::new(),
        matter: Some(task.to_string()),
    })
}
