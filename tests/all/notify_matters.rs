//! Who is told what and when: routes, groups, repetitions, escalations, silences, endings. The outbox is the real one.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chrono::TimeDelta;
use guard::adapters::store::SqliteStore;
use guard::app::App;
use guard::app::outbox::deliver;
use guard::app::silence::{self, SilenceRequest};
use guard::domain::ids::{IncidentId, NotifierName, WorkspaceName};
use guard::domain::ledger::{Hours, Ledger, NotifierKind, NotifierSettings, Route, SecretSource};
use guard::domain::message::{Message, Phase};
use guard::domain::notice::{Notice, Severity};
use guard::ports::{Delivery, Notifier, NotifyError};

use super::jobs_fakes::{World, at, ledger};

/// A channel that remembers what it was asked to say, and refuses as often as it is told to.
struct Ear {
    name: NotifierName,
    heard: Mutex<Vec<Message>>,
    failures: Mutex<u32>,
}

#[async_trait]
impl Notifier for Ear {
    fn name(&self) -> &NotifierName {
        &self.name
    }
    async fn notify(&self, message: &Message) -> Result<Delivery, NotifyError> {
        let mut failures = self.failures.lock().unwrap();
        if *failures > 0 {
            *failures -= 1;
            return Err(NotifyError::Later { why: "busy".into(), after: None });
        }
        self.heard.lock().unwrap().push(message.clone());
        Ok(Delivery { answer: "ok".into() })
    }
}

impl Ear {
    fn take(&self) -> Vec<Message> {
        std::mem::take(&mut self.heard.lock().unwrap())
    }

    /// Events and phases, in the order in which they were heard.
    fn events(&self) -> Vec<(String, Phase)> {
        self.take().into_iter().map(|message| (message.notice.event, message.phase)).collect()
    }
}

struct Place {
    world: Arc<World>,
    app: App,
    ears: Vec<Arc<Ear>>,
    _directory: tempfile::TempDir,
}

fn slack() -> NotifierKind {
    NotifierKind::Slack { url: SecretSource::Vault }
}

fn pager() -> NotifierKind {
    NotifierKind::PagerDuty { routing_key: SecretSource::Vault, url: "https://example.org".into() }
}

fn place(channels: Vec<(&str, NotifierKind, Route)>) -> Place {
    let mut ledger: Ledger = ledger();
    ledger.workspaces[0].environment = "prod".into();
    let mut staging = ledger.workspaces[0].clone();
    (staging.name, staging.environment) = ("staging".parse().unwrap(), "staging".into());
    ledger.workspaces.push(staging);
    let mut ears = Vec::new();
    for (name, kind, route) in channels {
        let name: NotifierName = name.parse().unwrap();
        ears.push(Arc::new(Ear { name: name.clone(), heard: Mutex::default(), failures: Mutex::new(0) }));
        ledger.notifiers.push(NotifierSettings { name, kind, route });
    }
    let directory = tempfile::tempdir().unwrap();
    let store = Arc::new(SqliteStore::open(&directory.path().join("state")).unwrap());
    let world = World::healthy();
    let notifiers = ears.iter().map(|ear| Arc::clone(ear) as Arc<dyn Notifier>).collect();
    let app =
        App { outbox: store.clone(), watch_state: store.clone(), evidence: store, notifiers, ..world.app(ledger) };
    Place { world, app, ears, _directory: directory }
}

impl Place {
    async fn round(&self) {
        deliver(&self.app).await.unwrap();
    }

    async fn tell(&self, notices: &[Notice]) {
        self.app.outbox.enqueue(notices).unwrap();
        self.round().await;
    }

    fn wait(&self, minutes: i64) {
        *self.world.now.lock().unwrap() += TimeDelta::minutes(minutes);
    }

    fn now(&self) -> guard::domain::time::Timestamp {
        *self.world.now.lock().unwrap()
    }

    fn notice(&self, event: &str, severity: Severity, workspace: &str, incident: Option<u64>) -> Notice {
        let at = self.now();
        Notice {
            dedup: format!("{workspace}/{incident:?}/{event}/{at}"),
            event: event.into(),
            severity,
            at,
            workspace: Some(WorkspaceName::new(workspace).unwrap()),
            key: None,
            incident: incident.map(IncidentId),
            summary: format!("{workspace}: {event}"),
            detail: String::new(),
            evidence_head: None,
        }
    }

    fn tripped(&self, workspace: &str) -> Notice {
        self.notice("key.tripped", Severity::Critical, workspace, Some(1))
    }

    fn acknowledged(&self, workspace: &str) -> Notice {
        self.notice("incident.acknowledged", Severity::Notice, workspace, Some(1))
    }

    fn released(&self, workspace: &str) -> Notice {
        self.notice("incident.rearmed", Severity::Notice, workspace, Some(1))
    }
}

fn critical() -> Route {
    Route { at_least: Severity::Critical, ..Route::default() }
}

fn began(event: &str) -> (String, Phase) {
    (event.into(), Phase::Begins)
}

#[tokio::test]
async fn environments_and_events_choose_the_channel() {
    let prod = Route { environments: vec!["prod".into()], ..Route::default() };
    let keys = Route { events: vec!["key.*".into(), "feed.blind".into()], ..Route::default() };
    let place = place(vec![("prod", slack(), prod), ("keys", slack(), keys)]);
    let (here, there) = (place.tripped("prod"), place.tripped("staging"));
    let task = place.notice("standby.missing", Severity::Warning, "prod", None);
    let blind = Notice { workspace: None, ..place.notice("feed.blind", Severity::Critical, "prod", None) };
    place.tell(&[here, there, task, blind]).await;
    let prod: Vec<_> = place.ears[0].take().into_iter().map(|m| m.notice.summary).collect();
    assert_eq!(prod, ["prod: key.tripped", "prod: feed.blind", "prod: standby.missing"]);
    let keys: Vec<_> = place.ears[1].take().into_iter().map(|m| m.notice.summary).collect();
    assert_eq!(keys, ["prod: key.tripped", "staging: key.tripped", "prod: feed.blind"]);
}

#[tokio::test]
async fn hours_are_kept_but_no_trip_goes_unheard() {
    // The fake time is a Tuesday, 22:13 in UTC, 23:13 in Berlin.
    let berlin = chrono_tz::Europe::Berlin;
    let day = Route { hours: Some(Hours { from: 8 * 60, until: 18 * 60 }), timezone: berlin, ..Route::default() };
    let night = Route {
        hours: Some(Hours { from: 23 * 60, until: 7 * 60 }),
        days: vec![1],
        timezone: berlin,
        ..Route::default()
    };
    let both = place(vec![("day", slack(), day.clone()), ("night", slack(), night)]);
    both.tell(&[both.tripped("prod")]).await;
    assert_eq!(both.ears[0].events(), []);
    assert_eq!(both.ears[1].events(), [began("key.tripped")]);
    // Wednesday 06:13 still belongs to Tuesday's night; Wednesday's night is nobody's.
    both.wait(7 * 60);
    both.tell(&[both.tripped("staging")]).await;
    assert_eq!((both.ears[0].events().len(), both.ears[1].events().len()), (0, 1));
    both.wait(18 * 60);
    both.tell(&[both.notice("key.tripped", Severity::Critical, "prod", Some(2))]).await;
    assert_eq!(
        (both.ears[0].events().len(), both.ears[1].events().len()),
        (1, 1),
        "nobody is on duty: everybody is told"
    );

    let alone = place(vec![("day", slack(), day)]);
    alone.tell(&[alone.notice("standby.missing", Severity::Warning, "prod", None), alone.tripped("prod")]).await;
    assert_eq!(alone.ears[0].events(), [began("key.tripped")], "only what is critical is told at any hour");
}

#[tokio::test]
async fn whoever_heard_the_beginning_hears_the_end_and_nobody_else() {
    let place = place(vec![
        ("pager", pager(), critical()),
        ("other", slack(), Route { environments: vec!["staging".into()], ..Route::default() }),
    ]);
    place.tell(&[place.tripped("prod")]).await;
    place.wait(1);
    place.tell(&[place.acknowledged("prod")]).await;
    place.wait(1);
    place.tell(&[place.released("prod")]).await;
    let told = place.ears[0].take();
    let phases: Vec<_> = told.iter().map(|m| m.phase).collect();
    assert_eq!(
        phases,
        [Phase::Begins, Phase::Acknowledged, Phase::Ends],
        "less severe than the channel is told, but its end"
    );
    assert!(told.iter().all(|m| m.thread == "prod/incident/1"));
    assert_eq!(told[2].opened_by.as_ref().unwrap().event, "key.tripped");
    assert_eq!(place.ears[1].events(), []);
    // A second end ends nothing.
    place.wait(1);
    place.tell(&[place.notice("incident.closed", Severity::Notice, "prod", Some(1))]).await;
    assert_eq!(place.ears[0].events(), []);
}

#[tokio::test]
async fn a_critical_matter_is_repeated_until_somebody_takes_it_on() {
    let repeat = || Route { repeat: Some(Duration::from_secs(15 * 60)), ..Route::default() };
    let place = place(vec![("team", slack(), repeat()), ("pager", pager(), repeat())]);
    let warning = place.notice("standby.missing", Severity::Warning, "prod", None);
    place.tell(&[place.tripped("prod"), warning]).await;
    for ear in &place.ears {
        assert_eq!(ear.take().len(), 2);
    }
    assert_eq!(place.app.outbox.backlog().unwrap().0, 0, "what is to be repeated is not owed");
    for _ in 0..3 {
        place.wait(14);
        place.round().await;
        assert!(place.ears.iter().all(|ear| ear.take().is_empty()));
        place.wait(1);
        place.round().await;
        for ear in &place.ears {
            let told = ear.take();
            assert_eq!((told.len(), told[0].again, told[0].thread.as_str()), (1, true, "prod/incident/1"));
        }
    }
    place.tell(&[place.acknowledged("prod")]).await;
    assert!(place.ears.iter().all(|ear| ear.events() == [("incident.acknowledged".to_owned(), Phase::Acknowledged)]));
    place.wait(60);
    place.round().await;
    assert!(place.ears.iter().all(|ear| ear.take().is_empty()), "somebody has it");
}

#[tokio::test]
async fn a_repetition_survives_failures_and_ends_with_the_matter() {
    let repeat = Route { repeat: Some(Duration::from_secs(15 * 60)), ..Route::default() };
    let place = place(vec![("team", slack(), repeat)]);
    place.tell(&[place.tripped("prod")]).await;
    place.ears[0].take();
    *place.ears[0].failures.lock().unwrap() = 1;
    place.wait(15);
    place.round().await;
    assert!(place.ears[0].take().is_empty());
    place.wait(1);
    place.round().await;
    assert_eq!(place.ears[0].take().len(), 1, "tried again after its failure");
    place.tell(&[place.released("prod")]).await;
    assert_eq!(place.ears[0].take().len(), 1);
    place.wait(60);
    place.round().await;
    assert!(place.ears[0].take().is_empty());
}

#[tokio::test]
async fn escalation_waits_for_somebody_to_acknowledge() {
    let later = Route { unacknowledged_for: Some(Duration::from_secs(20 * 60)), ..critical() };
    let place = place(vec![("team", slack(), Route::default()), ("boss", slack(), later)]);
    place.tell(&[place.tripped("prod"), place.tripped("staging")]).await;
    assert_eq!((place.ears[0].take().len(), place.ears[1].take().len()), (2, 0));
    assert_eq!(place.app.outbox.backlog().unwrap().0, 0, "an escalation that waits is not owed");
    place.wait(10);
    place.tell(&[place.acknowledged("prod")]).await;
    place.wait(9);
    place.round().await;
    assert!(place.ears[1].take().is_empty());
    place.wait(1);
    place.round().await;
    let told = place.ears[1].take();
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].notice.summary.as_str(), told[0].again), ("staging: key.tripped", true));
    // What follows is for those who have it; the boss hears of the end of what the boss was told.
    place.tell(&[place.released("prod"), place.released("staging")]).await;
    let told = place.ears[1].take();
    assert_eq!((told.len(), told[0].notice.summary.as_str()), (1, "staging: incident.rearmed"));
}

#[tokio::test]
async fn twenty_workspaces_by_one_cause_are_one_page_that_closes_with_the_last() {
    let hook = NotifierKind::Webhook { url: "https://example.org".into(), secret: None };
    let place =
        place(vec![("pager", pager(), critical()), ("team", slack(), Route::default()), ("hook", hook, critical())]);
    let names: Vec<String> = (1..=20).map(|n| format!("w{n}")).collect();
    let trips: Vec<Notice> = names.iter().map(|name| place.tripped(name)).collect();
    place.tell(&trips).await;
    let page = place.ears[0].take();
    assert_eq!(page.len(), 1, "one page to a person");
    assert_eq!(page[0].notice.summary, "20 incidents at once in w1, w2, w3 and 17 more");
    assert_eq!(place.ears[1].take().len(), 1);
    assert_eq!(place.ears[2].take().len(), 20, "programs get each by itself");
    place.wait(1);
    place.tell(&[place.acknowledged("w7")]).await;
    let taken = place.ears[0].take();
    assert_eq!((taken[0].phase, &taken[0].thread), (Phase::Acknowledged, &page[0].thread));
    for name in &names[..19] {
        place.wait(1);
        place.tell(&[place.released(name)]).await;
        assert!(place.ears[0].take().is_empty(), "the page stays open until all are over");
    }
    assert_eq!(place.ears[1].take().len(), 20, "people hear of each");
    place.wait(1);
    place.tell(&[place.released("w20")]).await;
    let end = place.ears[0].take();
    assert_eq!((end.len(), end[0].phase, &end[0].thread), (1, Phase::Ends, &page[0].thread));
}

#[tokio::test]
async fn pages_that_were_opened_one_by_one_are_closed_one_by_one() {
    let place = place(vec![("pager", pager(), critical()), ("team", slack(), Route::default())]);
    let names = ["w1", "w2", "w3", "w4"];
    for name in names {
        place.tell(&[place.tripped(name)]).await;
        place.wait(10);
    }
    assert_eq!(place.ears[0].take().len(), 4);
    place.ears[1].take();
    let ends: Vec<Notice> = names.iter().map(|name| place.released(name)).collect();
    place.tell(&ends).await;
    let mut closed: Vec<String> = place.ears[0].take().into_iter().map(|m| m.thread).collect();
    closed.sort();
    assert_eq!(closed, ["w1/incident/1", "w2/incident/1", "w3/incident/1", "w4/incident/1"]);
    assert_eq!(place.ears[1].take().len(), 1, "people read one line about four ends");
}

#[tokio::test]
async fn a_group_that_fails_is_told_as_one_later() {
    let place = place(vec![("team", slack(), Route::default())]);
    *place.ears[0].failures.lock().unwrap() = 1;
    let trips: Vec<Notice> = (1..=5).map(|n| place.tripped(&format!("w{n}"))).collect();
    place.tell(&trips).await;
    assert_eq!(place.app.outbox.backlog().unwrap().0, 5);
    place.wait(1);
    place.round().await;
    assert_eq!(place.ears[0].take().len(), 1);
    assert_eq!(place.app.outbox.backlog().unwrap().0, 0);
}

#[tokio::test]
async fn what_was_over_before_it_could_be_told_opens_no_page() {
    let place = place(vec![("pager", pager(), critical()), ("team", slack(), Route::default())]);
    for ear in &place.ears {
        *ear.failures.lock().unwrap() = 1;
    }
    place.tell(&[place.tripped("prod")]).await;
    place.wait(2);
    place.tell(&[place.released("prod")]).await;
    assert_eq!(place.ears[0].events(), []);
    assert_eq!(place.ears[1].events(), [began("key.tripped")], "people read of it all the same");
}

#[tokio::test]
async fn a_silence_hides_what_it_covers_and_never_a_trip_unless_asked() {
    let place = place(vec![("team", slack(), Route::default()), ("mail", slack(), Route::default())]);
    let wish = |even_critical| SilenceRequest {
        channel: Some("team".parse().unwrap()),
        workspace: Some(WorkspaceName::new("staging").unwrap()),
        lasting: Duration::from_secs(3600),
        reason: "load test".into(),
        even_critical,
    };
    let blocked = |place: &Place, workspace: &str| place.notice("standby.missing", Severity::Warning, workspace, None);
    let silence = silence::begin(&place.app, wish(false)).unwrap();
    place.tell(&[blocked(&place, "staging"), blocked(&place, "prod"), place.tripped("staging")]).await;
    let team: Vec<_> = place.ears[0].take().into_iter().map(|m| m.notice.summary).collect();
    assert_eq!(team, ["staging: key.tripped", "prod: standby.missing"]);
    assert_eq!(place.ears[1].take().len(), 3, "the other channel is told everything");
    silence::end(&place.app, silence.id).unwrap();
    place.wait(1);
    place.tell(&[blocked(&place, "staging")]).await;
    assert_eq!(place.ears[0].take().len(), 1);

    silence::begin(&place.app, wish(true)).unwrap();
    place.wait(1);
    place.tell(&[place.notice("key.tripped", Severity::Critical, "staging", Some(2)), place.released("staging")]).await;
    let team: Vec<_> = place.ears[0].take().into_iter().map(|m| m.notice.summary).collect();
    assert_eq!(team, ["staging: incident.rearmed"], "the end of what was told is told");
    place.wait(61);
    place.tell(&[blocked(&place, "staging")]).await;
    assert_eq!(place.ears[0].take().len(), 1, "a silence ends by itself");
    let kinds: Vec<String> = place.app.evidence.evidence(1, 10).unwrap();
    assert_eq!(kinds.iter().filter(|line| line.contains("notify.silence")).count(), 3, "{kinds:?}");
}

#[tokio::test]
async fn a_silence_has_bounds() {
    let place = place(vec![]);
    let wish = |days: u64, even_critical, channel: Option<&str>| SilenceRequest {
        channel: channel.map(|name| name.parse().unwrap()),
        workspace: None,
        lasting: Duration::from_secs(days * 24 * 3600),
        reason: "x".into(),
        even_critical,
    };
    for (days, even_critical, channel) in
        [(31, false, None), (2, true, None), (0, false, None), (1, false, Some("nobody"))]
    {
        assert!(
            silence::begin(&place.app, wish(days, even_critical, channel)).is_err(),
            "{days} {even_critical} {channel:?}"
        );
    }
    assert!(silence::current(&place.app, place.now()).unwrap().is_empty());
}

#[tokio::test]
async fn what_is_settled_is_forgotten_after_ninety_days_and_what_waits_is_not() {
    let place = place(vec![("team", slack(), Route::default())]);
    place.tell(&[place.tripped("prod")]).await;
    *place.ears[0].failures.lock().unwrap() = u32::MAX;
    place.tell(&[place.tripped("staging")]).await;
    let old = place.now() + TimeDelta::days(1);
    assert_eq!(place.app.outbox.prune(old).unwrap(), 1);
    assert_eq!(place.app.outbox.prune(old).unwrap(), 0);
    assert_eq!(place.app.outbox.backlog().unwrap().0, 1, "what waits stays");
    // A round forgets by itself.
    *place.ears[0].failures.lock().unwrap() = 0;
    place.wait(1);
    place.round().await;
    *place.world.now.lock().unwrap() = at(91 * 24 * 3600);
    place.round().await;
    assert_eq!(place.app.outbox.prune(place.now()).unwrap(), 0);
}

#[tokio::test]
async fn a_channel_says_how_it_is_doing() {
    let place = place(vec![("team", slack(), Route::default()), ("pager", pager(), critical())]);
    *place.ears[1].failures.lock().unwrap() = 1;
    place.tell(&[place.tripped("prod")]).await;
    let channels = guard::app::channels::list(&place.app).unwrap();
    assert_eq!((channels[0].last_answer.as_deref(), channels[0].failing.as_deref()), (Some("ok"), None));
    assert_eq!((channels[1].last_answer.as_deref(), channels[1].failing.as_deref()), (None, Some("busy")));
    assert_eq!((channels[0].waiting, channels[1].waiting), (0, 1));
}
