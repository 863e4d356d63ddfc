//! One cycle of the watchdog: look, judge, act, drive on what is owed, tell people. Looking comes before driving, and no step
//! waits for another's success.

mod notices;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::outbox::{self, OutboxReport};
use super::poll::{self, Judged, PollReport};
use super::trip::{TripCause, TripReport, TripRequest, trip_all};
use super::{App, AppError, custody, drive, unconfirmed};
use super::{checkpoint, heartbeat, hold};
use crate::domain::ids::WorkspaceName;
use crate::domain::ledger::TripMode;
use crate::domain::notice::{Notice, Severity};
use crate::domain::rotation::{Incident, Role, Standing};
use crate::domain::time::{Minute, Timestamp, rfc3339};
use crate::domain::watch::{KeyRole, Level, Roles, Verdict};
use crate::ports::{StoreError, WatchState};
use crate::report::status::VerdictView;

/// How many verdicts of a workspace `status` shows.
pub const RECENT_VERDICTS: usize = 5;

/// How many verdicts are remembered in all.
const MOST_REMEMBERED: usize = 200;

const STATE: &str = "verdicts";

/// What a cycle came to.
#[derive(Debug)]
pub struct Cycle {
    /// What the feed said; an error means that guard is blind for now.
    pub poll: Result<PollReport, AppError>,
    /// Trips, with those that could not be carried out.
    pub trips: Vec<Result<TripReport, AppError>>,
    /// What every workspace is owed.
    pub ticked: Vec<drive::Ticked>,
    /// Notices.
    pub outbox: Result<OutboxReport, AppError>,
}

/// How long a cycle waits for what it drives. Real time, also where the clock is virtual: consumers and programs are real.
const DRIVING: Duration = Duration::from_secs(60);

/// Runs one cycle.
pub async fn cycle(app: &App) -> Cycle {
    cycle_within(app, DRIVING).await
}

/// The same, waiting at most `bound` for what is driven. A workspace whose consumers or programs take longer goes on by itself
/// and keeps its lock; the next look at usage does not wait for it.
pub async fn cycle_within(app: &App, bound: Duration) -> Cycle {
    let (poll, trips) = look(app).await;
    let driven = app.clone();
    let mut driving = tokio::spawn(async move { drive::tick(&driven, None).await });
    let ticked = match tokio::time::timeout(bound, &mut driving).await {
        Ok(Ok(ticked)) => ticked,
        Ok(Err(error)) => {
            tracing::error!(%error, "a bug in guard: driving on what is owed broke off");
            Vec::new()
        }
        Err(_) => {
            tracing::warn!(seconds = bound.as_secs(), "a workspace takes long; guard goes on beside it");
            Vec::new()
        }
    };
    unconfirmed::remind(app);
    let outbox = outbox::deliver(app).await;
    heartbeat::beat(app, heartbeat::saw_well(&poll, &trips)).await;
    Cycle { poll, trips, ticked, outbox }
}

/// Reads the feed, judges, and acts on what the rules say.
pub async fn look(app: &App) -> (Result<PollReport, AppError>, Vec<Result<TripReport, AppError>>) {
    hold::remind(app);
    checkpoint::make_daily(app);
    let held = hold::current(app).is_some();
    let mut remembered = Remembered::load(app.watch_state.as_ref()).unwrap_or_default();
    let before = remembered.clone();
    let poll = poll::poll(app, &roles(app)).await;
    let mut trips = Vec::new();
    match &poll {
        Ok(report) => {
            remembered.sees(app, report.blind.as_ref().map(|finding| finding.figures.to_string()).as_deref());
            let (mut untouched, mut requests) = (Vec::new(), Vec::new());
            for judged in report.verdicts.iter().filter(|judged| judged.verdict.level > Level::Ok) {
                remembered.note(judged.workspace.as_ref(), &judged.verdict, app.clock.now());
                match request(app, judged.workspace.as_ref(), &judged.verdict) {
                    None => untouched.push(judged),
                    // Observing is only worth saying once; everything else is done again until it is done.
                    Some(request) if !judged.news && (held || observes(app, &request.workspace)) => {}
                    // The same again is no new incident: whoever looks at the one would never see the newest.
                    Some(request) if !judged.news && is_gated(app, &request.workspace, &judged.verdict) => {}
                    Some(request) => requests.push(with_common_cause(report, judged, request)),
                }
            }
            trips = trip_all(app, &requests).await;
            notices::tell(app, report, &untouched);
            notices::tell_unpriced(app, &report.unpriced);
        }
        Err(error) => remembered.sees(app, Some(&error.to_string())),
    }
    if remembered != before
        && let Err(error) = remembered.save(app.watch_state.as_ref())
    {
        tracing::warn!(%error, "verdicts are not remembered; `status` will not show them");
    }
    (poll, trips)
}

/// Names the others that were struck at the same time.
fn with_common_cause(report: &PollReport, judged: &Judged, mut request: TripRequest) -> TripRequest {
    if let Some(group) = notices::group_of(report, &judged.verdict) {
        request.cause.sentence = format!("{}; {}", request.cause.sentence, notices::common_cause(group));
    }
    request
}

/// The gate is closed because of this verdict already, and closing it was all that was to be done.
fn is_gated(app: &App, workspace: &WorkspaceName, verdict: &Verdict) -> bool {
    custody::load(app, workspace).is_ok_and(|custody| {
        let same = |i: &Incident| i.mode == TripMode::Gate && i.rule == verdict.rule.as_str();
        let open = |i: &Incident| i.rearmed.is_none() && i.at >= verdict.since.start();
        custody.latch().is_some() && custody.incidents().iter().any(|i| same(i) && open(i))
    })
}

fn observes(app: &App, workspace: &WorkspaceName) -> bool {
    app.ledger.workspace(workspace).is_some_and(|w| w.trip.mode == TripMode::Observe)
}

/// The feed shows usage for as long as this after a key's death: it is the job's own, from before.
const AFTERGLOW: chrono::TimeDelta = chrono::TimeDelta::minutes(60);

/// What the keys in guard's custody are for.
pub(super) fn roles(app: &App) -> Roles {
    let now = app.clock.now();
    let mut roles = Roles::default();
    for workspace in &app.ledger.workspaces {
        // Where the journal cannot be read, keys are watched as if guard did not have them.
        let Ok(custody) = custody::load(app, &workspace.name) else { continue };
        for (key, role) in custody.roles() {
            let died = custody.key(key).and_then(|record| record.dead_at);
            let role = match role {
                // A dead key cannot be used; what the feed still brings was spent while it was in use.
                Role::Doomed => KeyRole::Active,
                Role::Retired | Role::Archived | Role::Tripped if died.is_none_or(|at| now - at < AFTERGLOW) => {
                    KeyRole::Active
                }
                Role::Active | Role::Incoming | Role::Outgoing | Role::Spent => KeyRole::Active,
                Role::Standby => KeyRole::Standby,
                Role::Canary => KeyRole::Canary,
                Role::Retired | Role::Archived | Role::Tripped => KeyRole::Retired,
            };
            roles.add(&workspace.name, key, role);
        }
        let gated = custody.incidents().iter().filter(|incident| incident.mode == TripMode::Gate);
        for at in gated.filter_map(|incident| incident.rearmed.as_ref().map(|(at, ..)| Minute::containing(*at))) {
            let alive =
                custody.keys().iter().filter(|(_, record)| record.standing != Standing::Dead && !record.tripped);
            alive.for_each(|(key, _)| roles.release(key, at));
        }
    }
    roles
}

/// The verdict's figures, with what else it says in figures: `guard why` and reports show them.
fn figures(verdict: &Verdict) -> serde_json::Value {
    let mut figures = serde_json::to_value(&verdict.figures).unwrap_or_default();
    figures["since"] = verdict.since.to_string().into();
    figures["judged_at"] = verdict.at.to_string().into();
    figures["confidence"] = verdict.confidence.into();
    figures["also"] = verdict.also.iter().map(|rule| rule.as_str()).collect();
    figures
}

/// The trip that a verdict asks for: only on a key that guard manages, and only for what began after a person last released
/// that key's gate. Anything else is told, because there is no key of guard's that would stop it.
fn request(app: &App, workspace: Option<&WorkspaceName>, verdict: &Verdict) -> Option<TripRequest> {
    let (workspace, key) = (workspace?, verdict.principal.key()?);
    if verdict.level != Level::Trip {
        return None;
    }
    let cause = TripCause {
        rule: verdict.rule.as_str().to_owned(),
        sentence: verdict.grounds().to_owned(),
        figures: figures(verdict),
        by_person: false,
    };
    let request = TripRequest { workspace: workspace.clone(), key: Some(key.clone()), cause };
    // A journal that cannot be read must not keep a trip from being tried.
    let Ok(custody) = custody::load(app, workspace) else { return Some(request) };
    let answered = custody.incidents().iter().filter(|i| i.mode == TripMode::Gate || i.keys.contains(key));
    let released = answered.filter_map(|i| i.rearmed.as_ref().map(|(at, ..)| *at)).max();
    let seen_by_a_person = released.is_some_and(|at| verdict.since.start() <= at);
    (custody.key(key).is_some() && !seen_by_a_person).then_some(request)
}

/// A verdict as it is remembered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RememberedVerdict {
    /// Whose.
    pub workspace: Option<WorkspaceName>,
    /// What was said.
    pub view: VerdictView,
}

/// What the watchdog has said lately.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Remembered {
    /// The newest first.
    pub verdicts: Vec<RememberedVerdict>,
    /// Since when guard is blind.
    pub blind_since: Option<Timestamp>,
}

impl Remembered {
    /// What was said so far; nothing when it cannot be read as this version's.
    ///
    /// # Errors
    /// The store's.
    pub fn load(state: &dyn WatchState) -> Result<Self, StoreError> {
        Ok(state.load_state(STATE)?.and_then(|value| serde_json::from_value(value).ok()).unwrap_or_default())
    }

    fn save(&self, state: &dyn WatchState) -> Result<(), StoreError> {
        let value = serde_json::to_value(self).map_err(|error| StoreError::Io(error.to_string()))?;
        state.save_states(&[(STATE.to_owned(), value)])
    }

    /// Puts the verdict on top, in the place of what was said before by the same rule about the same principal.
    fn note(&mut self, workspace: Option<&WorkspaceName>, verdict: &Verdict, now: Timestamp) {
        let view = VerdictView {
            at: now,
            rule: verdict.rule.as_str().to_owned(),
            level: verdict.level.into(),
            principal: verdict.principal.clone(),
            sentence: verdict.sentence.clone(),
        };
        self.verdicts.retain(|v| v.view.principal != view.principal || v.view.rule != view.rule);
        self.verdicts.insert(0, RememberedVerdict { workspace: workspace.cloned(), view });
        self.verdicts.truncate(MOST_REMEMBERED);
    }

    /// Tells when blindness begins and when it ends.
    fn sees(&mut self, app: &App, blind: Option<&str>) {
        let now = app.clock.now();
        let (event, severity, summary, since) = match (blind, self.blind_since) {
            (Some(why), None) => ("feed.blind", Severity::Critical, format!("guard is blind: {why}"), now),
            (None, Some(since)) => (
                "feed.seen",
                Severity::Info,
                format!("guard sees usage again; it was blind since {}", rfc3339(since)),
                since,
            ),
            _ => return,
        };
        self.blind_since = blind.map(|_| now);
        notices::queue(
            app,
            Notice {
                dedup: format!("{event}/{}", rfc3339(since)),
                event: event.to_owned(),
                severity,
                at: now,
                workspace: None,
                key: None,
                incident: None,
                summary,
                detail: "Without usage data no leak is noticed. `guard doctor` says what is wrong.".to_owned(),
                evidence_head: None,
            },
        );
    }
}
