//! What would have stopped an incident earlier, tried on its own data.

use guard::app::backtest::own::{Hindsight, hindsight};
use guard::app::incident;
use guard::domain::ids::IncidentId;
use guard::domain::ledger::RuleAction;
use guard::domain::money::UsdMicros;
use guard::domain::watch::Rule;

use crate::fakes::name;
use crate::poll::{Watch, tokens};
use crate::why::tripped;

fn taught(watch: &Watch) -> Hindsight {
    let app = watch.app();
    let (_, life) = incident::find(&app, None, IncidentId(1)).unwrap();
    hindsight(&app, &name(), &life).unwrap()
}

fn paths(hindsight: &Hindsight) -> Vec<String> {
    hindsight.better.iter().map(|better| better.change.path.join(".")).collect()
}

#[tokio::test]
async fn a_ceiling_over_what_was_usual_would_have_stopped_it_at_its_first_minute() {
    let watch = tripped().await;
    // By now the feed shows what was spent up to the kill.
    watch.polls(10).await;
    let found = taught(&watch);
    assert_eq!(found.days, 27, "whole days");
    assert!(paths(&found).contains(&"ceilings.usd.minute".to_owned()), "{found:#?}");
    for better in &found.better {
        assert!(better.tripped_at > found.onset && better.tripped_at < found.detected, "{better:#?}");
        assert!((1..=(found.detected - better.tripped_at).num_minutes()).contains(&better.minutes_earlier));
        assert!(better.saved > UsdMicros::ZERO && better.saved < found.lost, "{better:#?}");
    }
    let saved: Vec<_> = found.better.iter().map(|better| better.saved).collect();
    assert!(saved.is_sorted_by(|a, b| a >= b), "{saved:?}");
}

#[tokio::test]
async fn a_change_that_only_repeats_what_happened_is_none() {
    let mut watch = tripped().await;
    watch.polls(10).await;
    // With the strictest of them in force already, no other change is earlier.
    let first = taught(&watch).better[0].tripped_at;
    watch.ledger.workspaces[0].ceilings.usd.minute = Some(UsdMicros::from_dollars(1));
    let found = taught(&watch);
    assert!(found.better.is_empty() && found.detected > first, "{found:#?}");
}

#[tokio::test]
async fn what_the_workspace_has_is_not_proposed_again() {
    let mut watch = tripped().await;
    let all = taught(&watch);
    watch.ledger.workspaces[0].ceilings.usd.minute = Some(UsdMicros::from_dollars(1));
    let rest = taught(&watch);
    assert!(!paths(&rest).contains(&"ceilings.usd.minute".to_owned()), "{rest:#?}");
    assert!(rest.better.len() < all.better.len());
}

#[tokio::test]
async fn a_model_that_was_never_used_belongs_on_no_list() {
    let mut watch = tripped().await;
    let rules = &mut watch.ledger.workspaces[0].watch.rules;
    rules.insert(Rule::FirstUse.as_str().to_owned(), RuleAction::Off);
    watch.feed.script().shown.iter_mut().filter(|shown| shown.row.tokens == tokens(400_000, 80_000)).for_each(
        |shown| {
            shown.row.model = "claude-opus-4-5".to_owned();
        },
    );
    // What the feed restates is read again within half an hour.
    watch.polls(2).await;
    let found = taught(&watch);
    assert!(paths(&found).contains(&"models.allow".to_owned()), "{found:#?}");
}

#[tokio::test]
async fn a_week_is_the_least_to_try_a_change_on() {
    let watch = tripped().await;
    let late = watch.minute().plus(-5 * 1440);
    watch.feed.script().shown.retain(|shown| shown.row.minute > late);
    let mut fresh = Watch::over(watch.world.clone());
    fresh.ledger = watch.ledger.clone();
    fresh.feed = watch.feed.clone();
    fresh.polls(1).await;
    let found = taught(&fresh);
    assert!(found.days < 7 && found.better.is_empty(), "{found:#?}");
}
