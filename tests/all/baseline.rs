//! What is usual, and a person's word that something unusual was legitimate.

use chrono::TimeDelta;
use guard::app::poll::state_of;
use guard::app::{AppError, baseline};
use guard::domain::ids::Principal;
use guard::domain::watch::Level;

use crate::fakes::{id, name};
use crate::poll::{Watch, tokens};

fn key() -> Principal {
    Principal::Key(id("a"))
}

/// Four weeks of a daily job, then a day of forty times as much, of which the first hour was polled.
async fn trips() -> Watch {
    let watch = Watch::new();
    watch.past("a");
    watch.poll().await;
    for minute in 0..1440 {
        watch.uses("a", watch.minute().plus(minute), tokens(80_000, 16_000));
    }
    let reports = watch.polls(90).await;
    assert!(reports.iter().flat_map(|r| &r.verdicts).any(|j| j.verdict.level == Level::Trip));
    watch
}

/// The gravest level of the polls of these minutes.
async fn gravest(watch: &Watch, minutes: i64) -> Level {
    let reports = watch.polls(minutes).await;
    reports.iter().flat_map(|r| &r.verdicts).map(|j| j.verdict.level).max().unwrap_or_default()
}

#[tokio::test]
async fn what_is_accepted_is_on_record_and_no_longer_trips_but_more_of_it_does() {
    let watch = trips().await;
    let accepted = baseline::accept(&watch.app(), &name(), None, "the digest has three languages now").unwrap();
    assert_eq!(accepted, [key()]);
    let evidence = watch.world.lock().evidence.last().cloned().unwrap();
    assert_eq!((evidence.kind.as_str(), evidence.subject.as_str()), ("baseline.accepted", "apikey_a"));
    assert_eq!(evidence.detail["reason"], "the digest has three languages now");
    assert!(gravest(&watch, 5).await < Level::Warn);
    for minute in 0..120 {
        watch.uses("a", watch.minute().plus(minute), tokens(8_000_000, 1_600_000));
    }
    assert_eq!(gravest(&watch, 60).await, Level::Trip, "a hundred times more is not what was accepted");
}

#[tokio::test]
async fn a_poll_that_ran_at_the_same_time_does_not_undo_an_acceptance() {
    let watch = trips().await;
    let app = watch.app();
    let before = app.watch_state.load_state("detector/apikey_a").unwrap().unwrap();
    baseline::accept(&app, &name(), Some(&id("a")), "known").unwrap();
    // The poll had read its state before, and writes it afterwards.
    app.watch_state.save_states(&[("detector/apikey_a".to_owned(), before)]).unwrap();
    assert!(gravest(&watch, 3).await < Level::Warn);
    let watched = state_of(&app, &key()).unwrap().unwrap();
    assert!(watched.accepted_at().is_some());
}

#[tokio::test]
async fn days_that_tripped_teach_nothing_until_they_are_accepted_also_after_a_restart() {
    let watch = trips().await;
    let outlook = |watch: &Watch| baseline::show(&watch.app(), &name(), None, 24).unwrap().principals.remove(0).outlook;
    assert_eq!(outlook(&watch).tripped.len(), 1);
    watch.world.pass(TimeDelta::days(3));
    // Days become history with the next usage.
    watch.uses("a", watch.minute(), tokens(2_000, 400));
    watch.polls(7).await;
    let masked = outlook(&watch);
    assert_eq!(masked.tripped.len(), 2, "the day of the trip and the day after: {masked:?}");
    baseline::accept(&watch.app(), &name(), None, "known").unwrap();
    let taught = outlook(&watch);
    assert!(taught.tripped.is_empty() && taught.days == masked.days + 2, "{masked:?} {taught:?}");
    assert!(taught.most[5].1 > masked.most[5].1);
}

#[tokio::test]
async fn statistics_are_armed_by_a_clean_past_or_by_a_person() {
    let mut watch = Watch::new();
    watch.past("a");
    for minute in 0..120 {
        watch.uses("a", watch.minute().plus(-3 * 1440 + minute), tokens(400_000, 80_000));
    }
    watch.poll().await;
    watch.ledger.workspaces[0].trip.mode = guard::domain::ledger::TripMode::Kill;
    let owed = |watch: &Watch| {
        let status = guard::app::status::gather(&watch.app()).unwrap();
        status.owed().into_iter().map(|(_, o)| o.what).filter(|what| what.contains("only warn")).count()
    };
    assert!(baseline::show(&watch.app(), &name(), None, 24).unwrap().principals[0].unproven);
    let enrolled = crate::fakes::secret("a");
    guard::app::enroll::add(&watch.app(), &name(), enrolled, Default::default()).await.unwrap();
    assert_eq!(owed(&watch), 1);
    baseline::accept(&watch.app(), &name(), None, "a backlog").unwrap();
    assert_eq!(owed(&watch), 0);
}

#[tokio::test]
async fn usage_is_drawn_against_what_earlier_days_held() {
    let watch = Watch::new();
    watch.past("a");
    watch.poll().await;
    let view = baseline::show(&watch.app(), &name(), None, 48).unwrap();
    assert_eq!(view.usage.minutes(), 48 * 60);
    assert!(view.usage.charges.len() >= 20);
    let at = view.usage.charges[0].minute;
    let band = view.usage.band(at).unwrap();
    let used = view.usage.total(at, at.plus(1));
    // Ten of fifteen minutes are in use, and twice that is the limit.
    assert!(band.median < used && used < band.upper, "{used} {band:?}");
    assert!(view.usage.band(at.plus(600)).is_some_and(|band| band.upper.micros() == 0));
}

#[tokio::test]
async fn there_is_nothing_to_accept_of_a_key_that_was_never_judged() {
    let watch = Watch::new();
    let refused = baseline::accept(&watch.app(), &name(), Some(&id("b")), "why").unwrap_err();
    assert!(matches!(refused, AppError::Refused { .. }), "{refused}");
}
