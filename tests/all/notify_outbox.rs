//! The outbox: nothing lost, nothing blocked, a broken channel reported on the others.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chrono::TimeDelta;
use guard::app::App;
use guard::app::outbox::{OutboxReport, deliver};
use guard::domain::ids::NotifierName;
use guard::domain::ledger::{Ledger, NotifierKind, NotifierSettings, Route};
use guard::domain::message::Message;
use guard::domain::notice::{Notice, Severity};
use guard::ports::{Delivery, Notifier, NotifyError, Outbox};

use super::jobs_fakes::{World, at, ledger};

/// A channel that answers from a list, then always with success.
struct Channel {
    name: NotifierName,
    answers: Mutex<Vec<NotifyError>>,
    told: Mutex<Vec<String>>,
}

#[async_trait]
impl Notifier for Channel {
    fn name(&self) -> &NotifierName {
        &self.name
    }
    async fn notify(&self, message: &Message) -> Result<Delivery, NotifyError> {
        let mut answers = self.answers.lock().unwrap();
        if !answers.is_empty() {
            return Err(answers.remove(0));
        }
        self.told.lock().unwrap().push(message.notice.dedup.clone());
        Ok(Delivery { answer: "200".into() })
    }
}

/// A channel that never answers.
struct Silent(NotifierName);

#[async_trait]
impl Notifier for Silent {
    fn name(&self) -> &NotifierName {
        &self.0
    }
    async fn notify(&self, _: &Message) -> Result<Delivery, NotifyError> {
        std::future::pending().await
    }
}

fn channel(name: &str, answers: Vec<NotifyError>) -> Arc<Channel> {
    Arc::new(Channel { name: name.parse().unwrap(), answers: Mutex::new(answers), told: Mutex::default() })
}

fn later(after: Option<u64>) -> NotifyError {
    NotifyError::Later { why: "busy".into(), after: after.map(Duration::from_secs) }
}

fn notice(dedup: &str, severity: Severity) -> Notice {
    Notice {
        dedup: dedup.into(),
        event: "key.tripped".into(),
        severity,
        at: at(0),
        workspace: None,
        key: None,
        incident: None,
        summary: "a key was stopped".into(),
        detail: String::new(),
        evidence_head: None,
    }
}

fn app(world: &Arc<World>, ledger: Ledger, channels: Vec<Arc<dyn Notifier>>) -> App {
    App { notifiers: channels, ..world.app(ledger) }
}

async fn round(app: &App) -> OutboxReport {
    deliver(app).await.unwrap()
}

#[tokio::test]
async fn every_channel_is_told_once_the_most_severe_first() {
    let world = World::healthy();
    let (a, b) = (channel("a", vec![]), channel("b", vec![]));
    let app = app(&world, ledger(), vec![a.clone(), b.clone()]);
    app.outbox.enqueue(&[notice("n1", Severity::Notice), notice("n2", Severity::Critical)]).unwrap();
    assert_eq!(round(&app).await.delivered, 4);
    assert_eq!(round(&app).await, OutboxReport::default());
    for told in [&a.told, &b.told] {
        assert_eq!(*told.lock().unwrap(), ["n2", "n1"]);
    }
}

#[tokio::test]
async fn a_failure_is_retried_after_growing_pauses_and_the_wish_of_the_other_side() {
    for (answers, pauses) in [
        (vec![later(None), later(None), later(None)], [30, 60, 120]),
        (vec![later(Some(45)), later(Some(10)), later(Some(999_999))], [45, 60, 3600]),
    ] {
        let world = World::healthy();
        let a = channel("a", answers);
        let app = app(&world, ledger(), vec![a.clone()]);
        app.outbox.enqueue(&[notice("n", Severity::Critical)]).unwrap();
        for pause in pauses {
            assert_eq!(round(&app).await.postponed, 1);
            *world.now.lock().unwrap() += TimeDelta::seconds(pause - 1);
            assert_eq!(round(&app).await, OutboxReport::default(), "{pause}");
            *world.now.lock().unwrap() += TimeDelta::seconds(1);
        }
        assert_eq!(round(&app).await.delivered, 1);
        assert_eq!(*a.told.lock().unwrap(), ["n"]);
    }
}

#[tokio::test]
async fn what_cannot_be_delivered_is_given_up_and_told_on_the_other_channel_only() {
    let world = World::healthy();
    let gone = || NotifyError::Never("404".into());
    let (dead, alive) = (channel("dead", vec![gone(), gone()]), channel("alive", vec![]));
    let app = app(&world, ledger(), vec![dead.clone(), alive.clone()]);
    app.outbox.enqueue(&[notice("n1", Severity::Critical), notice("n2", Severity::Critical)]).unwrap();
    let report = round(&app).await;
    assert_eq!((report.delivered, report.given_up), (2, 2));
    assert_eq!(report.failures[0], ("dead".parse().unwrap(), "404".to_owned()));
    round(&app).await;
    let told = alive.told.lock().unwrap().clone();
    assert_eq!(told, ["n1", "n2", "notifier.failed:dead:2023-11-14"], "once a day, not once a notice");
    assert!(dead.told.lock().unwrap().is_empty(), "a channel is not told of its own failure");
    assert_eq!(app.outbox.backlog().unwrap().0, 0);
}

#[tokio::test]
async fn a_channel_that_keeps_failing_is_told_on_the_other_one() {
    let world = World::healthy();
    let (flaky, alive) = (channel("flaky", (0..4).map(|_| later(None)).collect()), channel("alive", vec![]));
    let app = app(&world, ledger(), vec![flaky.clone(), alive.clone()]);
    app.outbox.enqueue(&[notice("n", Severity::Critical)]).unwrap();
    for failures in 1..=4 {
        round(&app).await;
        round(&app).await;
        let told = alive.told.lock().unwrap().iter().any(|dedup| dedup.starts_with("notifier.failed:flaky:"));
        assert_eq!(told, failures == 4, "after {failures} failures");
        *world.now.lock().unwrap() += TimeDelta::hours(1);
    }
    round(&app).await;
    assert_eq!(*flaky.told.lock().unwrap(), ["n"]);
}

#[tokio::test]
async fn an_old_notice_is_not_tried_for_ever() {
    let world = World::healthy();
    let app = app(&world, ledger(), vec![channel("a", vec![later(None)])]);
    app.outbox.enqueue(&[notice("n", Severity::Critical)]).unwrap();
    *world.now.lock().unwrap() = at(8 * 24 * 3600);
    assert_eq!(round(&app).await.given_up, 1);
}

#[tokio::test]
async fn a_silent_channel_delays_nobody_else() {
    let world = World::healthy();
    let alive = channel("alive", vec![]);
    let app = app(&world, ledger(), vec![Arc::new(Silent("silent".parse().unwrap())), alive.clone()]);
    app.outbox.enqueue(&[notice("n1", Severity::Critical), notice("n2", Severity::Critical)]).unwrap();
    let told = async {
        while alive.told.lock().unwrap().len() < 2 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        biased;
        () = told => {}
        report = deliver(&app) => panic!("the round ended before the silent channel's time was over: {report:?}"),
    }
}

#[tokio::test]
async fn a_channel_is_told_only_what_is_severe_enough_for_it() {
    let world = World::healthy();
    let mut ledger = ledger();
    ledger.notifiers.push(NotifierSettings {
        name: "pager".parse().unwrap(),
        kind: NotifierKind::Webhook { url: "https://example.org".into(), secret: None },
        route: Route { at_least: Severity::Critical, ..Route::default() },
    });
    let pager = channel("pager", vec![]);
    let app = app(&world, ledger, vec![pager.clone()]);
    app.outbox.enqueue(&[notice("low", Severity::Warning), notice("high", Severity::Critical)]).unwrap();
    round(&app).await;
    assert_eq!(*pager.told.lock().unwrap(), ["high"]);
    assert_eq!(app.outbox.backlog().unwrap().0, 0);
}

#[tokio::test]
async fn without_channels_notices_wait_for_the_first_one() {
    let world = World::healthy();
    world.enqueue(&[notice("n", Severity::Critical)]).unwrap();
    assert_eq!(round(&app(&world, ledger(), vec![])).await, OutboxReport::default());
    assert_eq!(round(&app(&world, ledger(), vec![channel("new", vec![])])).await.delivered, 1);
}

#[tokio::test]
async fn an_outcome_that_cannot_be_recorded_is_an_error_and_the_notice_stays() {
    let world = World::healthy();
    let app = app(&world, ledger(), vec![channel("a", vec![])]);
    app.outbox.enqueue(&[notice("n", Severity::Critical)]).unwrap();
    *world.store_is_broken.lock().unwrap() = true;
    assert!(deliver(&app).await.is_err());
    *world.store_is_broken.lock().unwrap() = false;
    assert_eq!(round(&app).await.delivered, 1, "at least once");
}
