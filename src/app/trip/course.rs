use std::collections::BTreeSet;
use std::time::Duration;

use chrono::TimeDelta;
use serde_json::json;

use super::{KilledKey, TripReport, TripRequest};
use crate::app::drive::{Driver, Patience};
use crate::app::hold::{self, Hold};
use crate::app::perform::set_status;
use crate::app::{App, AppError, checkpoint, custody, halt, hooks, incident, outbox, points, tell};
use crate::domain::ids::{IncidentId, KeyId};
use crate::domain::incident::{GateNote, TripRecord};
use crate::domain::key::Probe;
use crate::domain::ledger::{TripMode, Workspace};
use crate::domain::notice::{Notice, Severity};
use crate::domain::rotation::{Custody, Event, GateRecord, Incident, Outcome, SetStatus, Standing};
use crate::domain::time::{Minute, Timestamp};
use crate::ports::{Commit, EvidenceDraft, GateState, SecretName, StoreError};

/// How long to wait for another guard that works on the workspace. It sees the trip by itself and acts on it.
const LOCK_WAIT: Duration = Duration::from_secs(10);

/// How often the trip is written anew when others write in between.
const MOST_CONFLICTS: u32 = 20;

/// The gate holds a short text, and the keys must fit in beside the sentence.
const NOTED: usize = 500;

/// The course of one trip, step by step. No step fails: what did not succeed is in the report.
pub(super) struct Trip<'a> {
    app: &'a App,
    workspace: &'a Workspace,
    request: &'a TripRequest,
    /// The state at the beginning; empty when the journal cannot be read, which must not stop a trip.
    custody: Custody,
    targets: BTreeSet<KeyId>,
    /// An earlier trip that only the gate knows of; what it owes, this one owes too.
    unwritten: Option<GateNote>,
    /// What this trip has left in the gate: by it, a trip that others have written down from there knows itself again.
    noted: Option<GateNote>,
    /// A person keeps guard from acting by itself.
    held: Option<Hold>,
    /// A request got no clear answer.
    pub(super) in_doubt: bool,
    pub(super) report: TripReport,
}

impl<'a> Trip<'a> {
    pub(super) fn new(
        app: &'a App,
        workspace: &'a Workspace,
        request: &'a TripRequest,
        wanted: TripMode,
    ) -> Result<Self, AppError> {
        let mut troubles = Vec::new();
        let custody = custody::load(app, &workspace.name).unwrap_or_else(|error| {
            troubles.push(error.to_string());
            Custody::default()
        });
        if let Some(key) = request.key.as_ref().filter(|k| custody.key(k).is_none()) {
            // Without a readable journal the vault still knows which keys are guard's.
            let sealed = !troubles.is_empty() && app.vault.keys().is_ok_and(|keys| keys.contains(key));
            if !sealed {
                return Err(AppError::Refused {
                    what: format!("{key} is not in guard's custody in `{}`", workspace.name),
                    remedy: "deactivate it in the Console; `guard ledger diff` lists the keys that guard does not hold"
                        .to_owned(),
                });
            }
        }
        let targets = custody.trip_targets(request.key.as_ref());
        let stopped = |k: &KeyId| custody.key(k).is_some_and(|r| r.tripped);
        let repeated = !request.cause.by_person && !targets.is_empty() && targets.iter().all(stopped);
        let fresh = targets.iter().filter(|k| !stopped(k)).count();
        let escalated = wanted == TripMode::Kill && !request.cause.by_person && !repeated && over_cap(app, fresh);
        let held = if request.cause.by_person || repeated { None } else { hold::current(app) };
        let mode = match (&held, escalated) {
            (Some(_), _) => TripMode::Observe,
            (None, true) => TripMode::Gate,
            (None, false) => wanted,
        };
        let unwritten = unwritten(app, workspace, &custody);
        let mut keys = if mode == TripMode::Kill { targets.clone() } else { BTreeSet::new() };
        if mode != TripMode::Observe {
            keys.extend(unwritten.iter().flat_map(|note| note.keys.clone()));
        }
        let report = TripReport {
            workspace: workspace.name.clone(),
            incident: repeated.then(|| IncidentId(custody.generation())),
            mode,
            escalated: escalated && held.is_none(),
            repeated,
            gate_closed: false,
            keys: keys.into_iter().map(|key| KilledKey { key, dead: false, effective_seconds: None }).collect(),
            promoted: None,
            reopened: false,
            bundle: None,
            troubles,
        };
        Ok(Self { app, workspace, request, custody, targets, unwritten, noted: None, held, in_doubt: false, report })
    }

    fn trouble(&mut self, what: &str, error: impl std::fmt::Display) {
        self.report.troubles.push(format!("{what}: {error}"));
    }

    fn doomed(&self) -> BTreeSet<KeyId> {
        self.report.keys.iter().map(|k| k.key.clone()).collect()
    }

    fn sentence(&self) -> String {
        let cause = match &self.unwritten {
            Some(earlier) => format!("{}; then {}", earlier.sentence, self.request.cause.sentence),
            None => self.request.cause.sentence.clone(),
        };
        if self.report.escalated {
            let cap = self.app.ledger.organization.kills_per_hour;
            format!(
                "{cause}. No key is killed: rules have stopped {cap} or more keys within an hour; a person must decide"
            )
        } else {
            cause
        }
    }

    /// The trip as it fits the state at the moment of writing: a rotation may have gone on in between and exposed more. A key
    /// that took over from what another trip has stopped since is not what this one is about.
    fn record(&self, custody: &Custody) -> TripRecord {
        let mut keys = self.doomed();
        keys.retain(|key| custody.key(key).is_some());
        if self.report.mode == TripMode::Kill {
            let stopped_at = self.since(custody).filter(|i| !i.keys.is_empty()).map(|i| i.at).min();
            let took_over = |key: &KeyId| {
                let deployed_at = custody.key(key).and_then(|r| r.deployed_at);
                stopped_at.zip(deployed_at).is_some_and(|(stopped, deployed)| deployed >= stopped)
            };
            keys.extend(custody.trip_targets(self.request.key.as_ref()).into_iter().filter(|key| !took_over(key)));
            // What was exposed together is stopped together, whoever took over.
            keys = keys.iter().flat_map(|key| custody.trip_targets(Some(key))).collect();
        }
        let mode = if keys.is_empty() { self.report.mode } else { TripMode::Kill };
        TripRecord {
            incident: custody.next_incident(),
            keys,
            rule: self.request.cause.rule.clone(),
            sentence: self.sentence(),
            figures: self.request.cause.figures.clone(),
            by_person: self.request.cause.by_person,
            mode,
        }
    }

    /// The most local and most certain act. It needs neither network nor journal, and leaves in the gate what is owed.
    pub(super) fn close_gate(&mut self) {
        let sentence = self.sentence().chars().take(NOTED).collect();
        let note = GateNote { incident: self.custody.next_incident(), keys: self.doomed(), sentence };
        self.app.faults.reach(points::TRIP_GATE_BEFORE);
        match self.app.gate.close(&self.workspace.name, &note.to_string()) {
            Ok(()) => self.report.gate_closed = true,
            Err(error) => self.trouble("closing the gate", error),
        }
        self.noted = Some(note);
        self.app.faults.reach(points::TRIP_GATE_AFTER);
    }

    /// Incidents that were written down since this trip began.
    fn since<'c>(&self, custody: &'c Custody) -> impl Iterator<Item = &'c Incident> {
        custody.incidents().iter().skip(self.custody.incidents().len())
    }

    /// The incident under which somebody else has written this trip down while this process stood still: the driver, from the
    /// note in the gate, or another trip that found the note there. It tells this trip's words and stops its keys.
    fn recovered(&self, custody: &Custody) -> Option<IncidentId> {
        let note = self.noted.as_ref()?;
        let stops = |incident: &Incident| {
            note.keys.iter().filter(|k| custody.key(k).is_some()).all(|k| incident.keys.contains(k))
        };
        self.since(custody).find(|i| i.sentence.contains(&note.sentence) && stops(i)).map(|i| i.id)
    }

    /// The gate was opened again since this trip closed it, because the trip was written down by somebody else and is over.
    fn overtaken(&self) -> bool {
        matches!(self.app.gate.read(&self.workspace.name), GateState::Open { .. })
            && custody::load(self.app, &self.workspace.name).is_ok_and(|custody| self.recovered(&custody).is_some())
    }

    /// One request for each key, before anything is written: a full disk must not keep a leaked key alive. The note in the
    /// gate is the durable record that backs them.
    pub(super) async fn kill(&mut self) -> Vec<(KeyId, Outcome)> {
        let mut outcomes = Vec::new();
        for key in self.doomed() {
            if self.custody.key(&key).is_some_and(|r| r.archived) {
                continue;
            }
            self.app.faults.reach(points::TRIP_KILL_BEFORE);
            // Nothing backs a request that comes after the end of the trip.
            if self.overtaken() {
                break;
            }
            let outcome = set_status(self.app, &key, SetStatus::Inactive).await;
            self.app.faults.reach(points::TRIP_KILL_AFTER);
            if let Outcome::NotDone { why, .. } | Outcome::Unknown { why } = &outcome {
                self.trouble(&format!("deactivating {key}"), why);
            }
            outcomes.push((key, outcome));
        }
        outcomes
    }

    /// Writes the trip and its requests into the journal, whoever holds the lock: the sequence number decides.
    pub(super) fn write_down(&mut self, outcomes: &[(KeyId, Outcome)]) {
        self.app.faults.reach(points::TRIP_COMMIT_BEFORE);
        let mut written = Err(AppError::Bug("the journal changed without end".to_owned()));
        for _ in 0..MOST_CONFLICTS {
            written = self.try_write_down(outcomes);
            if !matches!(written, Err(AppError::Store(StoreError::Conflict { .. }))) {
                break;
            }
        }
        self.app.faults.reach(points::TRIP_COMMIT_AFTER);
        match written {
            Ok(incident) => self.report.incident = Some(incident),
            Err(error) => self.trouble("writing the trip down", error),
        }
    }

    fn try_write_down(&self, outcomes: &[(KeyId, Outcome)]) -> Result<IncidentId, AppError> {
        let mut custody = custody::load(self.app, &self.workspace.name)?;
        let (expected, at) = (custody.seq(), self.app.clock.now());
        let recovered = self.recovered(&custody);
        let trip = self.record(&custody);
        let incident = recovered.unwrap_or(trip.incident);
        let mut events = Vec::new();
        if recovered.is_none() {
            events.push(Event::Tripped(trip));
        }
        // Of a key that is proven dead nothing is asked any more.
        let open =
            |key: &KeyId| custody.key(key).is_some_and(|r| recovered.is_none() || r.standing == Standing::Doomed);
        for (key, outcome) in outcomes.iter().filter(|(key, _)| open(key)) {
            events.push(Event::OffIntended { key: key.clone() });
            events.push(Event::OffAnswered { key: key.clone(), outcome: outcome.clone() });
        }
        if events.is_empty() {
            return Ok(incident);
        }
        let mut told = tell::Told::default();
        for event in &events {
            let next = custody.apply(event, at).map_err(|illegal| AppError::Bug(illegal.to_string()))?;
            told.add(&self.app.actor, &self.workspace.name, &custody, event, &next, at);
            custody = next;
        }
        told.stamp(self.app.evidence.evidence_head().ok().flatten());
        self.app.journal.commit(&Commit {
            workspace: &self.workspace.name,
            expected,
            at,
            events: &events,
            evidence: &told.evidence,
            notices: &told.notices,
        })?;
        Ok(incident)
    }

    /// Sends what was queued with the trip.
    pub(super) async fn tell_now(&mut self) {
        if let Err(error) = outbox::deliver(self.app).await {
            self.trouble("telling people", error);
        }
    }

    /// Drives what the journal says is owed: proof of death, promotion, the gate.
    pub(super) async fn finish(&mut self) {
        let (promoted, error) = match Driver::take(self.app, &self.workspace.name, LOCK_WAIT).await {
            Ok(mut driver) => {
                let error = driver.run(Patience::Short).await.err();
                self.custody = driver.custody().clone();
                let promoted = driver.happened.iter().find_map(|e| match e {
                    Event::Promoted { key } => Some(key.clone()),
                    _ => None,
                });
                (promoted, error)
            }
            Err(error) => (None, Some(error)),
        };
        if let Some(error) = error {
            self.trouble("going on", error);
            self.custody = custody::load(self.app, &self.workspace.name).unwrap_or_default();
        }
        if self.workspace.trip.stop.is_some() || self.workspace.hooks.is_some() {
            // People's programs may take minutes; nobody waits for them to hear of the trip.
            self.tell_now().await;
        }
        halt::stop_workloads(self.app, self.workspace, &self.custody).await;
        hooks::after_incident(self.app, self.workspace, &self.custody).await;
        self.report.promoted = promoted;
        self.report.reopened = self.custody.latch().is_none() && matches!(self.custody.gate(), GateRecord::Open(_));
        self.report.gate_closed |= *self.custody.gate() == GateRecord::Closed;
        let incident = self.report.incident.and_then(|id| self.custody.incidents().iter().find(|i| i.id == id));
        for key in incident.iter().flat_map(|i| &i.keys) {
            if self.report.keys.iter().all(|k| k.key != *key) {
                self.report.keys.push(KilledKey { key: key.clone(), dead: false, effective_seconds: None });
            }
        }
        for killed in &mut self.report.keys {
            let record = self.custody.key(&killed.key);
            killed.dead = record.is_some_and(|r| r.standing == Standing::Dead);
            killed.effective_seconds = record.and_then(|r| r.death.as_ref()).and_then(|d| d.effective_seconds);
        }
    }

    /// What was done is vouched for at once: whoever took the key may be on this host.
    pub(super) fn sign(&mut self) {
        if let Err(error) = checkpoint::make(self.app) {
            self.trouble("signing the evidence", error);
        }
    }

    /// After everything that matters. What fails here costs a file that `guard incident export` writes again.
    pub(super) fn keep_bundle(&mut self) {
        let Some(number) = self.report.incident else { return };
        match incident::keep_bundle(self.app, &self.workspace.name, number) {
            Ok(directory) => self.report.bundle = Some(directory),
            Err(error) => self.trouble("writing the incident's bundle", error),
        }
    }

    /// Without a journal the proof is only looked at; the obligation stays in the gate until the journal can take it.
    pub(super) async fn prove_unwritten(&mut self) {
        for index in 0..self.report.keys.len() {
            let key = self.report.keys[index].key.clone();
            let off = self.app.keys.key(&key).await.is_ok_and(|k| k.status.is_off());
            let secret = self.app.vault.get(&SecretName::Key(key)).ok().flatten();
            let refused = match (&secret, off) {
                (Some(secret), true) => self.app.probe.probe(secret, Some(&self.workspace.id)).await == Probe::Refused,
                (_, off) => off,
            };
            self.report.keys[index].dead = off && refused;
        }
    }

    /// People are told even when the trip itself could not be written, as far as the outbox still works.
    pub(super) fn announce_unwritten(&mut self) {
        let incident = self.custody.next_incident();
        let notice = Notice {
            dedup: tell::trip_dedup(&self.workspace.name, incident),
            summary: format!("{}: tripped, and the trip could not be written down", self.workspace.name),
            detail: self.report.troubles.join("; "),
            incident: Some(incident),
            ..self.notice("key.tripped", Severity::Critical)
        };
        if let Err(error) = self.app.outbox.enqueue(&[notice]) {
            self.trouble("queueing the announcement", error);
        }
    }

    /// Says what it would have done.
    pub(super) fn observe(&mut self) {
        let cause = &self.request.cause;
        let subject = self.request.key.as_ref().map_or_else(|| self.workspace.name.to_string(), ToString::to_string);
        let at = self.app.clock.now();
        let draft = EvidenceDraft {
            actor: self.app.actor.clone(),
            kind: "trip.observed".to_owned(),
            subject: subject.clone(),
            detail: json!({
                "workspace": self.workspace.name, "rule": cause.rule, "sentence": cause.sentence, "figures": cause.figures,
                "would_stop": self.targets, "held": self.held.as_ref().map(|hold| &hold.reason),
            }),
        };
        if let Err(error) = self.app.evidence.append_evidence(at, &[draft]) {
            self.trouble("writing evidence", error);
        }
        // Once an hour for the same rule and key.
        let hour = Minute::containing(at).epoch().div_euclid(60);
        let (severity, detail) = match &self.held {
            None => (Severity::Warning, "The workspace's trip mode is `observe`: nothing was stopped.".to_owned()),
            Some(hold) => (
                Severity::Critical,
                format!(
                    "Nothing was stopped, because guard is on hold: {hold}. `guard trip -w {} --reason TEXT` stops it by hand; \
                     `guard hold --release` lets guard act.",
                    self.workspace.name
                ),
            ),
        };
        let notice = Notice {
            dedup: format!("{}/observed/{}/{subject}/{hour}", self.workspace.name, cause.rule),
            summary: format!("{}: would have tripped: {}", self.workspace.name, cause.sentence),
            detail,
            ..self.notice("key.trip_observed", severity)
        };
        if let Err(error) = self.app.outbox.enqueue(&[notice]) {
            self.trouble("queueing the announcement", error);
        }
    }

    fn notice(&self, event: &str, severity: Severity) -> Notice {
        Notice {
            dedup: String::new(),
            event: event.to_owned(),
            severity,
            at: self.app.clock.now(),
            workspace: Some(self.workspace.name.clone()),
            key: self.request.key.clone(),
            incident: None,
            summary: String::new(),
            detail: String::new(),
            evidence_head: None,
        }
    }
}

/// The trip that the gate tells of and the journal does not.
fn unwritten(app: &App, workspace: &Workspace, custody: &Custody) -> Option<GateNote> {
    match app.gate.read(&workspace.name) {
        GateState::Closed { why } => GateNote::parse(&why).filter(|note| note.incident >= custody.next_incident()),
        GateState::Open { .. } => None,
    }
}

/// Whether killing `fresh` more keys would exceed what rules may kill within an hour, over all workspaces. guard itself must
/// not become the outage.
fn over_cap(app: &App, fresh: usize) -> bool {
    let since: Timestamp = app.clock.now().checked_sub_signed(TimeDelta::hours(1)).unwrap_or(Timestamp::MIN_UTC);
    // A workspace whose journal cannot be read counts nothing; the others still do.
    let states = app.ledger.workspaces.iter().filter_map(|w| custody::load(app, &w.name).ok());
    let killed: usize = states
        .flat_map(|c| c.incidents().to_vec())
        .filter(|i| !i.by_person && i.at > since && i.rule != "reactivated")
        .map(|i| i.keys.len())
        .sum();
    killed + fresh > app.ledger.organization.kills_per_hour as usize
}
