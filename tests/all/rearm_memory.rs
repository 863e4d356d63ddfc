//! What the watchdog makes of usage that a person has already seen, and of what comes later.

use chrono::TimeDelta;
use guard::app::rearm::rearm;
use guard::app::watch::look;
use guard::domain::ledger::TripMode;

use crate::fakes::{name, release};
use crate::poll::{Watch, tokens};
use crate::rotation::enrolled;

/// A key with four weeks of habit.
async fn watching(mode: TripMode) -> Watch {
    let mut watch = Watch::over(enrolled().await);
    watch.ledger.workspaces[0].trip.mode = mode;
    watch.past("a");
    look(&watch.app()).await.0.unwrap();
    watch.world.pass(TimeDelta::hours(2));
    watch
}

/// A thief uses the key for so many minutes from now on.
fn steals(watch: &Watch, minutes: i64) {
    for minute in 0..minutes {
        watch.uses("a", watch.minute().plus(minute), tokens(400_000, 80_000));
    }
}

/// Looks once a minute; the incidents so far.
async fn looks(watch: &Watch, minutes: i64) -> usize {
    for _ in 0..minutes {
        watch.world.pass(TimeDelta::minutes(1));
        look(&watch.app()).await.0.unwrap();
    }
    watch.world.custody(&name()).incidents().len()
}

async fn releases(watch: &Watch, incident: u64) {
    rearm(&watch.app(), &release(incident, "seen")).await.unwrap();
    assert!(watch.world.custody(&name()).latch().is_none());
}

#[tokio::test]
async fn after_a_rearm_the_same_usage_does_not_trip_again_and_new_usage_does() {
    let watch = watching(TripMode::Gate).await;
    steals(&watch, 60);
    assert_eq!(looks(&watch, 30).await, 1, "the theft trips");
    releases(&watch, 1).await;
    assert_eq!(looks(&watch, 30).await, 1, "the rest of it is what the person has seen");
    assert_eq!(looks(&watch, 180).await, 1, "and so is what the windows still hold of it");
    steals(&watch, 60);
    assert_eq!(looks(&watch, 60).await, 2, "another theft is another incident, two hours after the first one");
}

#[tokio::test]
async fn after_a_rearm_the_job_itself_does_not_trip_on_what_was_seen() {
    let watch = watching(TripMode::Gate).await;
    steals(&watch, 60);
    assert_eq!(looks(&watch, 70).await, 1, "the theft trips");
    releases(&watch, 1).await;
    assert_eq!(looks(&watch, 120).await, 1);
    for minute in 0..10 {
        watch.uses("a", watch.minute().plus(minute), tokens(2_000, 400));
    }
    assert_eq!(looks(&watch, 30).await, 1, "an ordinary run within a day of the theft");
}

#[tokio::test]
async fn a_theft_that_goes_on_for_hours_after_a_rearm_is_said_again() {
    let watch = watching(TripMode::Gate).await;
    steals(&watch, 9 * 60);
    assert_eq!(looks(&watch, 30).await, 1);
    releases(&watch, 1).await;
    assert_eq!(looks(&watch, 5 * 60).await, 1, "the person opened the gate although it went on");
    assert_eq!(looks(&watch, 2 * 60).await, 2, "and hears of it again if it does not end");
}

#[tokio::test]
async fn usage_that_the_feed_shows_after_the_kill_and_the_rearm_is_no_new_incident() {
    let watch = watching(TripMode::Kill).await;
    // The feed goes on to show it for a while, as it does with what was spent before the key died.
    steals(&watch, 40);
    assert_eq!(looks(&watch, 30).await, 1);
    releases(&watch, 1).await;
    assert_eq!(looks(&watch, 60).await, 1);
}
