//! Ceilings through polls: whenever the feed shows a minute, whoever passed the cap is named, once.

use chrono::TimeDelta;
use guard::app::rearm::rearm;
use guard::app::watch::look;
use guard::domain::ids::Principal;
use guard::domain::ledger::{RuleAction, TripMode, Windows};
use guard::domain::money::UsdMicros;
use guard::domain::time::Minute;
use guard::domain::watch::{Level, Rule};

use crate::fakes::{id, release};
use crate::poll::{Watch, tokens};
use crate::rotation::enrolled;

/// At 3 and 15 dollars per million tokens: 3.30 dollars.
pub const PRICY: (u64, u64) = (1_000_000, 20_000);

pub fn dollars(n: u64) -> Option<UsdMicros> {
    Some(UsdMicros::from_micros(n * 1_000_000))
}

/// Nothing but these caps in dollars judges.
pub fn capped(mut watch: Watch, usd: Windows<UsdMicros>) -> Watch {
    let workspace = &mut watch.ledger.workspaces[0];
    workspace.ceilings.usd = usd;
    let others = Rule::ALL.into_iter().filter(|rule| *rule != Rule::Ceiling);
    workspace.watch.rules = others.map(|rule| (rule.as_str().to_owned(), RuleAction::Off)).collect();
    watch
}

/// A watchdog that has polled before.
async fn watched(usd: Windows<UsdMicros>) -> Watch {
    let watch = capped(Watch::new(), usd);
    watch.poll().await;
    watch
}

#[tokio::test]
async fn a_minute_that_is_shown_late_passes_its_cap_all_the_same() {
    let watch = watched(Windows { minute: dollars(2), ..Windows::default() }).await;
    let minute = watch.minute().plus(1);
    // Two minutes later than the feed promises: by then it is not the newest one any more.
    watch.shows("a", minute, tokens(PRICY.0, PRICY.1), minute.plus(7).start());
    let reports = watch.polls(12).await;
    let said: Vec<_> = reports.iter().flat_map(|r| &r.verdicts).filter(|j| j.news).collect();
    assert_eq!(said.len(), 1, "{said:#?}");
    assert_eq!((said[0].verdict.rule, said[0].verdict.level), (Rule::Ceiling, Level::Trip));
    assert_eq!((said[0].verdict.since, &said[0].verdict.principal), (minute, &Principal::Key(id("a"))));
}

#[tokio::test]
async fn the_end_of_an_hour_and_of_a_day_counts_though_the_next_has_begun() {
    for caps in [Windows { hour: dollars(3), ..Windows::default() }, Windows { day: dollars(3), ..Windows::default() }]
    {
        let watch = watched(caps).await;
        // Midnight ends an hour, too.
        let midnight = Minute::from_epoch((watch.minute().epoch().div_euclid(1440) + 1) * 1440);
        let last = midnight.plus(-1);
        watch.world.lock().now = last.start();
        watch.poll().await;
        watch.shows("a", last, tokens(PRICY.0, PRICY.1), last.plus(6).start());
        let reports = watch.polls(20).await;
        let trips = reports.iter().flat_map(|r| &r.verdicts).filter(|j| j.news && j.verdict.level == Level::Trip);
        assert_eq!(trips.count(), 1, "{caps:?}");
    }
}

#[tokio::test]
async fn who_passed_the_cap_is_named_and_not_who_is_busy_now() {
    let watch = watched(Windows { day: dollars(3), ..Windows::default() }).await;
    let minute = watch.minute().plus(1);
    watch.uses("b", minute, tokens(PRICY.0, PRICY.1));
    watch.uses("a", minute.plus(1), tokens(1_000, 100));
    let reports = watch.polls(7).await;
    let last = reports.last().unwrap();
    let ceiling = last.verdicts.iter().find(|j| j.verdict.rule == Rule::Ceiling).unwrap();
    assert_eq!(ceiling.verdict.principal, Principal::Key(id("b")));
}

/// Looks once a minute; how many trips were tried.
pub async fn looks(watch: &Watch, minutes: i64) -> usize {
    let mut trips = 0;
    for _ in 0..minutes {
        watch.world.pass(TimeDelta::minutes(1));
        trips += look(&watch.app()).await.1.len();
    }
    trips
}

#[tokio::test]
async fn a_cap_that_stays_passed_is_one_incident() {
    for mode in [TripMode::Observe, TripMode::Gate] {
        let mut watch = capped(Watch::over(enrolled().await), Windows { day: dollars(3), ..Windows::default() });
        watch.ledger.workspaces[0].trip.mode = mode;
        look(&watch.app()).await.0.unwrap();
        watch.uses("a", watch.minute().plus(1), tokens(PRICY.0, PRICY.1));
        assert_eq!(looks(&watch, 30).await, 1, "{mode:?}");
    }
}

#[tokio::test]
async fn what_a_person_has_released_stays_released_and_the_next_minute_over_the_cap_trips() {
    let mut watch = capped(Watch::over(enrolled().await), Windows { minute: dollars(2), ..Windows::default() });
    watch.ledger.workspaces[0].trip.mode = TripMode::Gate;
    look(&watch.app()).await.0.unwrap();
    watch.uses("a", watch.minute().plus(1), tokens(PRICY.0, PRICY.1));
    assert_eq!(looks(&watch, 10).await, 1);
    rearm(&watch.app(), &release(1, "seen")).await.unwrap();
    assert_eq!(looks(&watch, 10).await, 0);
    watch.uses("a", watch.minute().plus(1), tokens(PRICY.0, PRICY.1));
    assert_eq!(looks(&watch, 10).await, 1);
}

#[tokio::test]
async fn what_is_long_over_stops_nobody() {
    let watch = capped(Watch::new(), Windows { minute: dollars(2), ..Windows::default() });
    // Found by the first poll, which reads four weeks; and by a poll after two days of standing still.
    watch.uses("a", watch.minute().plus(-3000), tokens(PRICY.0, PRICY.1));
    assert!(watch.poll().await.verdicts.is_empty());
    watch.uses("a", watch.minute(), tokens(PRICY.0, PRICY.1));
    watch.world.pass(TimeDelta::days(2));
    let report = watch.poll().await;
    assert!(report.verdicts.iter().all(|judged| judged.verdict.level < Level::Trip), "{:#?}", report.verdicts);
    assert!(report.verdicts.iter().any(|judged| judged.verdict.rule == Rule::Ceiling));
}
