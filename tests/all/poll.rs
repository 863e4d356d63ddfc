//! Polls of a feed that is late, restates, breaks off and jumps; the store and the watchdog's memory are the real ones.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use chrono::TimeDelta;
use guard::adapters::store::SqliteStore;
use guard::app::poll::{self, PollReport, poll};
use guard::app::watch::look;
use guard::app::{App, AppError};
use guard::domain::ids::Principal;
use guard::domain::ledger::{Ledger, TripMode};
use guard::domain::time::{Minute, Timestamp};
use guard::domain::usage::{Billing, Tokens, UsageRow, UsageWindow};
use guard::domain::watch::{Level, Roles, Rule};
use guard::ports::{ProviderError, Runs, UsageFeed, UsageStore};
use tempfile::TempDir;

use crate::fakes::{World, app, id, ledger, name};

/// A line of the feed and when it is shown; a later line of the same minute, key and model replaces an earlier one.
#[derive(Clone)]
pub struct Shown {
    pub row: UsageRow,
    from: Timestamp,
}

#[derive(Default)]
pub struct Script {
    pub shown: Vec<Shown>,
    asked: Vec<(Minute, Minute)>,
    /// The answer covers one minute less than was asked for.
    short: bool,
    /// The stretch that begins here and later ones cannot be read.
    broken_from: Option<Minute>,
}

#[derive(Clone)]
pub struct Feed {
    world: World,
    script: Arc<Mutex<Script>>,
}

impl Feed {
    pub fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap()
    }
}

#[async_trait]
impl UsageFeed for Feed {
    async fn usage(&self, from: Minute, until: Minute) -> Result<UsageWindow, ProviderError> {
        let now = self.world.lock().now;
        let mut script = self.script();
        script.asked.push((from, until));
        if script.broken_from.is_some_and(|broken| until > broken) {
            return Err(ProviderError::Unreachable("the connection broke".to_owned()));
        }
        let mut rows: Vec<UsageRow> = Vec::new();
        for shown in script.shown.iter().filter(|s| s.from <= now && (from..until).contains(&s.row.minute)) {
            let same = |r: &UsageRow| {
                (r.minute, &r.principal, &r.model, &r.billing)
                    == (shown.row.minute, &shown.row.principal, &shown.row.model, &shown.row.billing)
            };
            rows.retain(|r| !same(r));
            rows.push(shown.row.clone());
        }
        rows.sort_by_key(|r| r.minute);
        let until = if script.short { until.plus(-1) } else { until };
        Ok(UsageWindow { from: Some(from), until: Some(until), rows })
    }
}

/// A watchdog over a scripted feed.
pub struct Watch {
    pub world: World,
    pub feed: Feed,
    store: Arc<SqliteStore>,
    pub ledger: Ledger,
    _dir: TempDir,
}

pub fn tokens(input: u64, output: u64) -> Tokens {
    Tokens { uncached_input: input, output, ..Tokens::default() }
}

impl Watch {
    pub fn new() -> Self {
        Self::over(World::new(&["a", "b"]))
    }

    pub fn over(world: World) -> Self {
        let dir = TempDir::new().unwrap();
        for key in world.lock().keys.values_mut() {
            key.created_at -= TimeDelta::days(60);
        }
        let store = Arc::new(SqliteStore::open(dir.path()).unwrap());
        let feed = Feed { world: world.clone(), script: Arc::default() };
        let mut ledger = ledger();
        ledger.workspaces[0].trip.mode = TripMode::Observe;
        Self { world, feed, store, ledger, _dir: dir }
    }

    /// A process of its own: nothing is remembered but what is stored.
    pub fn app(&self) -> App {
        App {
            feed: Arc::new(self.feed.clone()),
            usage: self.store.clone(),
            watch_state: self.store.clone(),
            ..app(&self.world, self.ledger.clone())
        }
    }

    pub fn now(&self) -> Timestamp {
        self.world.lock().now
    }

    pub fn minute(&self) -> Minute {
        Minute::containing(self.now())
    }

    /// Usage that the feed shows five minutes after its minute began.
    pub fn uses(&self, key: &str, minute: Minute, tokens: Tokens) {
        self.shows(key, minute, tokens, minute.plus(5).start());
    }

    pub fn shows(&self, key: &str, minute: Minute, tokens: Tokens, from: Timestamp) {
        self.shows_on(key, minute, tokens, Billing::default(), from);
    }

    fn shows_on(&self, key: &str, minute: Minute, tokens: Tokens, billing: Billing, from: Timestamp) {
        let row = UsageRow {
            minute,
            principal: Principal::Key(id(key)),
            workspace: Some("wrkspc_test".parse().unwrap()),
            model: "claude-sonnet-4-6".to_owned(),
            billing,
            tokens,
        };
        self.feed.script().shown.push(Shown { row, from });
    }

    /// Four weeks of a job that runs every day at the world's present time of day, for ten minutes.
    pub fn past(&self, key: &str) {
        for day in 1..=28 {
            for minute in 0..10 {
                self.uses(key, self.minute().plus(-day * 1440 + minute), tokens(2_000, 400));
            }
        }
    }

    pub async fn poll(&self) -> PollReport {
        poll(&self.app(), &Roles::default()).await.unwrap()
    }

    /// A poll a minute.
    pub async fn polls(&self, minutes: i64) -> Vec<PollReport> {
        let mut reports = Vec::new();
        for _ in 0..minutes {
            self.world.pass(TimeDelta::minutes(1));
            reports.push(self.poll().await);
        }
        reports
    }

    fn stored(&self, key: &str) -> Vec<(Minute, u64)> {
        let principal = Principal::Key(id(key));
        let rows = self.store.usage(Some(&principal), self.minute().plus(-1440), self.minute().plus(1)).unwrap();
        rows.into_iter().map(|row| (row.minute, row.tokens.total())).collect()
    }
}

/// Level and rule of the verdicts that were news, in order.
fn news(reports: &[PollReport]) -> Vec<(Level, Rule)> {
    let verdicts = reports.iter().flat_map(|report| &report.verdicts).filter(|judged| judged.news);
    verdicts.map(|judged| (judged.verdict.level, judged.verdict.rule)).collect()
}

#[tokio::test]
async fn the_watermark_follows_the_lag_that_the_ledger_declares() {
    for (lag, behind) in [(60, 1), (300, 5), (330, 6)] {
        let mut watch = Watch::new();
        watch.ledger.provider.feed_lag = Duration::from_secs(lag);
        let report = watch.poll().await;
        assert_eq!(report.watermark, Some(watch.minute().plus(-behind)), "{lag} s");
        assert!(report.blind.is_none());
    }
}

#[tokio::test]
async fn late_and_restated_minutes_replace_what_was_known() {
    let watch = Watch::new();
    watch.poll().await;
    let late = watch.minute().plus(-3);
    watch.shows("a", late, tokens(100, 0), late.plus(8).start());
    watch.shows("a", late, tokens(70, 0), late.plus(20).start());
    watch.polls(10).await;
    assert_eq!(watch.stored("a"), [(late, 100)]);
    watch.polls(10).await;
    assert_eq!(watch.stored("a"), [(late, 70)], "restated, not added");
}

#[tokio::test]
async fn a_minute_that_comes_hours_late_is_found_once_an_hour() {
    let watch = Watch::new();
    watch.poll().await;
    let late = watch.minute().plus(-3);
    watch.shows("a", late, tokens(100, 0), late.plus(200).start());
    watch.polls(190).await;
    assert_eq!(watch.stored("a"), []);
    watch.polls(70).await;
    assert_eq!(watch.stored("a"), [(late, 100)]);
}

#[tokio::test]
async fn what_happened_while_nobody_polled_is_news_afterwards() {
    let watch = Watch::new();
    watch.past("a");
    watch.poll().await;
    // Two hours of theft, then silence; guard is down for five hours.
    for minute in 0..120 {
        watch.uses("a", watch.minute().plus(60 + minute), tokens(400_000, 80_000));
    }
    watch.world.pass(TimeDelta::hours(5));
    let report = watch.poll().await;
    assert_eq!(report.verdicts[0].verdict.level, Level::Trip, "{:?}", report.verdicts);
    assert!(report.verdicts[0].news);
}

#[tokio::test]
async fn what_is_long_over_is_told_and_stops_nobody() {
    let watch = Watch::new();
    watch.past("a");
    watch.poll().await;
    for minute in 0..120 {
        watch.uses("a", watch.minute().plus(60 + minute), tokens(400_000, 80_000));
    }
    watch.world.pass(TimeDelta::days(3));
    let report = watch.poll().await;
    assert_eq!(report.verdicts[0].verdict.level, Level::Warn, "{:?}", report.verdicts);
}

#[tokio::test]
async fn the_first_poll_takes_four_weeks_as_history_and_not_as_news() {
    let watch = Watch::new();
    watch.past("a");
    for minute in 0..120 {
        watch.uses("a", watch.minute().plus(-3 * 1440 + minute), tokens(400_000, 80_000));
    }
    let report = watch.poll().await;
    assert!(report.verdicts.is_empty(), "{:?}", report.verdicts);
    let watched = poll::state_of(&watch.app(), &Principal::Key(id("a"))).unwrap().unwrap();
    assert!(watched.is_unproven(), "its own past would have tripped");
}

#[tokio::test]
async fn a_feed_that_breaks_off_or_covers_less_judges_nobody_and_is_read_again() {
    let watch = Watch::new();
    watch.past("a");
    watch.poll().await;
    let before = watch.minute().plus(-5);
    for minute in 0..60 {
        watch.uses("a", watch.minute().plus(minute), tokens(400_000, 80_000));
    }
    watch.feed.script().short = true;
    watch.world.pass(TimeDelta::minutes(20));
    let report = watch.poll().await;
    assert!(matches!(report.trouble, Some(ProviderError::Malformed(_))));
    watch.feed.script().short = false;
    watch.feed.script().broken_from = Some(Minute::from_epoch(0));
    let report = watch.poll().await;
    assert!(matches!(report.trouble, Some(ProviderError::Unreachable(_))));
    assert_eq!((report.watermark, report.verdicts.len()), (Some(before), 0));
    assert!(report.blind.is_some_and(|finding| finding.level < Level::Trip), "25 minutes without data");
    watch.feed.script().broken_from = None;
    watch.world.pass(TimeDelta::minutes(30));
    let report = watch.poll().await;
    assert_eq!(report.verdicts[0].verdict.level, Level::Trip);
}

#[tokio::test]
async fn a_clock_that_was_ahead_blinds_nobody_once_it_is_right() {
    let watch = Watch::new();
    watch.past("a");
    watch.poll().await;
    watch.world.pass(TimeDelta::days(2));
    watch.poll().await;
    watch.world.pass(TimeDelta::days(-2));
    watch.polls(1).await;
    for minute in 0..120 {
        watch.uses("a", watch.minute().plus(minute), tokens(400_000, 80_000));
    }
    let reports = watch.polls(60).await;
    assert!(news(&reports).iter().any(|(level, _)| *level == Level::Trip), "{:?}", news(&reports));
    assert!(reports.last().unwrap().blind.is_none());
}

#[tokio::test]
async fn a_new_process_goes_on_where_the_old_one_was() {
    // The same feed, judged by one process a poll and by polls an hour apart: the same rule in the same minute.
    let verdict = async |pause: i64| {
        let watch = Watch::new();
        watch.past("a");
        watch.poll().await;
        for minute in 0..240 {
            watch.uses("a", watch.minute().plus(10 + minute), tokens(40_000, 8_000));
        }
        for _ in 0..240 / pause {
            watch.world.pass(TimeDelta::minutes(pause));
            let report = watch.poll().await;
            if let Some(judged) = report.verdicts.iter().find(|j| j.verdict.level == Level::Trip) {
                return (judged.verdict.rule, judged.verdict.since);
            }
        }
        panic!("no trip");
    };
    assert_eq!(verdict(1).await, verdict(60).await);
}

#[tokio::test]
async fn a_key_that_was_silent_since_it_was_made_is_dormant_and_a_new_one_is_not() {
    let watch = Watch::new();
    watch.past("a");
    watch.poll().await;
    watch.world.pass(TimeDelta::days(30));
    watch.poll().await;
    watch.world.mint("c");
    for key in ["b", "c"] {
        for minute in 0..30 {
            watch.uses(key, watch.minute().plus(minute), tokens(400_000, 80_000));
        }
    }
    let reports = watch.polls(40).await;
    let told = |key: &str| {
        let of = Principal::Key(id(key));
        reports.iter().flat_map(|r| &r.verdicts).filter(|j| j.verdict.principal == of).map(|j| j.verdict.rule).next()
    };
    assert_eq!(told("b"), Some(Rule::Dormant));
    assert_eq!(told("c"), None, "made today");
}

#[tokio::test]
async fn batch_results_that_land_after_their_run_are_its_own_and_others_are_not() {
    for (tier, tripped) in [("batch", false), ("standard", true)] {
        let mut watch = Watch::new();
        watch.ledger.workspaces[0].watch.runs_registered = true;
        watch.past("a");
        watch.poll().await;
        let started = watch.now();
        let run = watch.world.begin_run(&name(), &id("a"), "job", started).unwrap();
        watch.world.end_run(run, started + TimeDelta::minutes(10), 0).unwrap();
        watch.world.pass(TimeDelta::hours(3));
        watch.poll().await;
        for minute in 0..5 {
            watch.uses("a", watch.minute().plus(minute), tokens(2_000, 400));
            watch.feed.script().shown.last_mut().unwrap().row.billing.service_tier = Some(tier.to_owned());
        }
        let reports = watch.polls(12).await;
        let alibi = news(&reports).contains(&(Level::Trip, Rule::Alibi));
        assert_eq!(alibi, tripped, "{tier}: {:?}", news(&reports));
    }
}

#[tokio::test]
async fn each_rule_goes_as_far_as_the_ledger_lets_it() {
    use guard::domain::ledger::RuleAction;
    let levels = [
        (RuleAction::Off, Level::Ok),
        (RuleAction::Notice, Level::Notice),
        (RuleAction::Warn, Level::Warn),
        (RuleAction::Trip, Level::Trip),
    ];
    for (action, level) in levels {
        let mut watch = Watch::new();
        for rule in ["spike", "drift"] {
            watch.ledger.workspaces[0].watch.rules.insert(rule.to_owned(), action);
        }
        watch.past("a");
        watch.poll().await;
        for minute in 0..120 {
            watch.uses("a", watch.minute().plus(5 + minute), tokens(400_000, 80_000));
        }
        let reports = watch.polls(120).await;
        let gravest = reports.iter().flat_map(|r| &r.verdicts).map(|j| j.verdict.level).max().unwrap_or_default();
        assert_eq!(gravest, level);
        if action == RuleAction::Warn {
            let said = reports.iter().flat_map(|r| &r.verdicts).last().unwrap();
            assert!(said.verdict.sentence.ends_with("this rule goes no further here"), "{}", said.verdict.sentence);
        }
    }
}

#[tokio::test]
async fn a_verdict_that_persists_is_told_once_and_many_keys_are_one_notice() -> Result<(), AppError> {
    let keys = ["a", "b", "c", "d", "e"];
    let watch = Watch::over(World::new(&keys));
    for key in keys {
        watch.past(key);
        for minute in 0..180 {
            watch.uses(key, watch.minute().plus(5 + minute), tokens(400_000, 80_000));
        }
    }
    let app = watch.app();
    let (first, _) = look(&app).await;
    first?;
    for _ in 0..180 {
        watch.world.pass(TimeDelta::minutes(1));
        look(&app).await.0?;
    }
    let notices = watch.world.lock().notices.clone();
    let warned = notices.iter().filter(|n| n.event == "usage.warn").count();
    let tripped: Vec<_> = notices.iter().filter(|n| n.event == "usage.trip").collect();
    assert_eq!((warned, tripped.len()), (1, 1), "{notices:#?}");
    assert!(tripped[0].summary.starts_with("5 keys at once: $"), "{}", tripped[0].summary);
    assert!(tripped[0].summary.ends_with("guard does not hold this key and cannot stop it, a person must"));
    assert!(tripped[0].detail.contains("common cause"), "{}", tripped[0].detail);
    Ok(())
}

#[tokio::test]
async fn a_tier_that_a_key_never_used_is_told_at_any_size_and_stops_nothing() {
    let watch = Watch::new();
    let on = |tier: &str| Billing { service_tier: Some(tier.to_owned()), ..Billing::default() };
    for day in 1..=28 {
        let minute = watch.minute().plus(-day * 1440);
        watch.shows_on("a", minute, tokens(2_000, 400), on("standard"), minute.plus(5).start());
    }
    assert_eq!(watch.poll().await.verdicts, []);
    let probe = watch.minute();
    watch.shows_on("a", probe, tokens(8, 4), on("priority"), probe.plus(5).start());
    watch.world.pass(TimeDelta::minutes(6));
    let said = watch.poll().await.verdicts;
    assert_eq!(said.len(), 1);
    assert_eq!((said[0].verdict.rule, said[0].verdict.level, said[0].news), (Rule::FirstUse, Level::Warn, true));
    let sentence = &said[0].verdict.sentence;
    assert!(sentence.starts_with("service tier `priority`, first used"), "{sentence}");
    assert!(sentence.ends_with("people are warned; this rule goes no further here"), "{sentence}");
}

#[tokio::test]
async fn a_model_without_a_price_is_told_once_and_costs_the_most() {
    let watch = Watch::new();
    for minute in [-60, 2] {
        watch.uses("a", watch.minute().plus(minute), tokens(2_000, 400));
        watch.feed.script().shown.last_mut().unwrap().row.model = "claude-of-tomorrow".to_owned();
    }
    for _ in 0..3 {
        look(&watch.app()).await.0.unwrap();
        watch.world.pass(TimeDelta::minutes(5));
    }
    let world = watch.world.lock();
    let told: Vec<&str> =
        world.notices.iter().filter(|n| n.event == "usage.unpriced").map(|n| n.summary.as_str()).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("model `claude-of-tomorrow` is not in guard's price table of 20"), "{}", told[0]);
    let prices = watch.app().prices;
    let row = |model: &str| UsageRow { model: model.to_owned(), ..watch.feed.script().shown[0].row.clone() };
    assert!(prices.cost(&row("claude-of-tomorrow")).amount > prices.cost(&row("claude-sonnet-4-6")).amount);
}
