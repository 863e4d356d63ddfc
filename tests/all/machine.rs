//! Walks through an adversarial world: requests that are lost, late or repeated, a person at the Console, a full disk, a
//! provider that is down, and deaths at any point. The promises hold at every step, and in the end nothing is owed.

use chrono::{DateTime, TimeDelta};
use guard::app::drive::{Patience, tick};
use guard::app::rearm::rearm;
use guard::app::rotate::{Order, RotateRequest, rotate};
use guard::app::trip::{TripCause, TripRequest, trip};
use guard::app::{App, AppError, enroll, points};
use guard::domain::ids::{ConsumerName, IncidentId};
use guard::domain::incident::TripRecord;
use guard::domain::key::KeyStatus;
use guard::domain::ledger::TripMode;
use guard::domain::rotation::{Custody, Ending, Enrolment, Event, Holding, Outcome, Stage};
use proptest::prelude::*;

use crate::fakes::{Request, World, app, id, ledger, name, options, release, secret};
use crate::rotation::enrolled;

const KEYS: [&str; 3] = ["a", "b", "c"];

#[derive(Debug, Clone)]
enum Step {
    Tick,
    Rotate(Order),
    Trip(Option<usize>, bool),
    Rearm,
    Pass(i64),
    Work,
    Die(usize, u32),
    Stall(usize, i64),
    Faulty(Request),
    Edit(usize, bool),
    Overwrite(Option<usize>),
    Down(bool),
    DiskFull(bool),
    Unreachable(bool),
}

fn step() -> impl Strategy<Value = Step> {
    let order = prop_oneof![
        4 => Just(Order::Forward),
        1 => Just(Order::Force("test".to_owned())),
        1 => Just(Order::RollBack),
    ];
    let request = prop_oneof![
        Just(Request::Lost),
        Just(Request::AnswerLost),
        Just(Request::Refused),
        (1_i64..10).prop_map(|m| Request::Late(TimeDelta::minutes(m))),
        (1_i64..10).prop_map(|m| Request::Repeated(TimeDelta::minutes(m))),
    ];
    prop_oneof![
        6 => Just(Step::Tick),
        5 => order.prop_map(Step::Rotate),
        1 => (proptest::option::of(0_usize..3), any::<bool>()).prop_map(|(k, p)| Step::Trip(k, p)),
        1 => Just(Step::Rearm),
        6 => (0_i64..30).prop_map(Step::Pass),
        3 => Just(Step::Work),
        4 => (0..points::ALL.len(), 1_u32..4).prop_map(|(p, n)| Step::Die(p, n)),
        2 => (0..points::ALL.len(), 1_i64..30).prop_map(|(p, minutes)| Step::Stall(p, minutes)),
        4 => request.prop_map(Step::Faulty),
        1 => (0_usize..3, any::<bool>()).prop_map(|(k, on)| Step::Edit(k, on)),
        2 => proptest::option::of(0_usize..3).prop_map(Step::Overwrite),
        1 => any::<bool>().prop_map(Step::Down),
        1 => any::<bool>().prop_map(Step::DiskFull),
        1 => any::<bool>().prop_map(Step::Unreachable),
    ]
}

/// guard must never contradict itself, whatever the world does.
fn sane<T>(world: &World, result: &Result<T, AppError>) {
    if let Err(AppError::Bug(what)) = result {
        world.lock().broken.push(what.clone());
    }
}

/// Runs a command as a process that may die.
async fn run<F: Future + Send + 'static>(world: &World, command: impl FnOnce(App) -> F)
where
    F::Output: Send,
{
    if let Err(error) = tokio::spawn(command(app(world, ledger()))).await {
        let cause = error.into_panic();
        if !cause.is::<crate::fakes::Crash>() {
            std::panic::resume_unwind(cause);
        }
    }
}

async fn ticks(world: &World) {
    let seen = world.clone();
    run(world, |guard| async move {
        for ticked in tick(&guard, None).await {
            sane(&seen, &ticked.pause);
        }
    })
    .await;
}

async fn take(world: &World, step: Step) {
    let consumer = || "api".parse::<ConsumerName>().unwrap();
    match step {
        Step::Tick => ticks(world).await,
        Step::Rotate(order) => {
            let request = RotateRequest { patience: Patience::Short, ..options(order) };
            let seen = world.clone();
            run(world, |guard| async move { sane(&seen, &rotate(&guard, &name(), &request).await) }).await;
        }
        Step::Trip(key, by_person) => {
            let cause = TripCause {
                rule: "test".to_owned(),
                sentence: "leaked".to_owned(),
                figures: serde_json::json!({}),
                by_person,
            };
            let request = TripRequest { workspace: name(), key: key.map(|k| id(KEYS[k])), cause };
            let seen = world.clone();
            run(world, |guard| async move { sane(&seen, &trip(&guard, &request).await) }).await;
        }
        Step::Rearm => {
            let newest = IncidentId(world.custody(&name()).generation());
            let seen = world.clone();
            run(world, move |guard| async move { sane(&seen, &rearm(&guard, &release(newest.0, "test")).await) }).await;
        }
        Step::Pass(minutes) => world.pass(TimeDelta::minutes(minutes)),
        Step::Work => world.use_keys(),
        Step::Die(point, nth) => world.arm(points::ALL[point], nth),
        Step::Stall(point, minutes) => {
            world.lock().stalled = Some((points::ALL[point], TimeDelta::minutes(minutes)));
        }
        Step::Faulty(request) => world.lock().requests.push_back(request),
        Step::Edit(key, on) => {
            world.edit(KEYS[key], if on { KeyStatus::Active } else { KeyStatus::Inactive });
        }
        Step::Overwrite(Some(key)) => {
            let mut state = world.lock();
            let text = state.keys[&id(KEYS[key])].secret.clone();
            state.held.insert(consumer(), text);
            state.meddled = true;
        }
        Step::Overwrite(None) => {
            world.lock().held.insert(consumer(), "somebody-elses".to_owned());
        }
        Step::Down(down) => world.lock().down = down,
        Step::DiskFull(full) => world.lock().disk_full = full,
        Step::Unreachable(gone) => {
            let mut state = world.lock();
            state.unreachable.clear();
            if gone {
                state.unreachable.insert(consumer());
            }
        }
    }
}

/// The world becomes fair: whatever is travelling arrives, everything answers, the workload works.
async fn heal(world: &World) {
    world.disarm();
    {
        let mut state = world.lock();
        state.requests.clear();
        state.stalled = None;
        (state.down, state.disk_full) = (false, false);
        state.unreachable.clear();
    }
    for _ in 0..80 {
        world.use_keys();
        world.pass(TimeDelta::minutes(2));
        ticks(world).await;
    }
}

async fn walk(steps: Vec<Step>) -> Result<(), TestCaseError> {
    let world = enrolled().await;
    world.mint("c");
    let guard = app(&world, ledger());
    enroll::add(&guard, &name(), secret("c"), enroll::AddOptions::default()).await.unwrap();
    for step in steps {
        let shown = format!("{step:?}");
        take(&world, step).await;
        prop_assert_eq!(world.broken(), Vec::<String>::new(), "after {}", shown);
    }
    heal(&world).await;
    prop_assert_eq!(world.broken(), Vec::<String>::new());
    let custody = world.custody(&name());
    prop_assert_eq!(custody.doomed().count(), 0, "L2: {:#?}", custody);
    let frozen = custody.latch().is_some() || custody.standbys().is_empty();
    prop_assert!(custody.rotation().is_none() || frozen, "L1: {:#?}", custody);
    if let Some(desired) = custody.desired().filter(|k| custody.usable(k)) {
        let stopped = custody.consumers().values().any(|c| c.overwritten >= 3);
        // A person switched the last key off: nobody but a person can help.
        let stopped = stopped || (!world.lock().works(desired) && custody.standbys().is_empty());
        let all = world.held().len() == 2 && world.held().values().all(|k| k == desired);
        prop_assert!(all || stopped, "L4: {:?} instead of {desired}", world.held());
    } else {
        prop_assert!(custody.standbys().is_empty(), "L3: {:#?}", custody);
    }
    Ok(())
}

fn event() -> impl Strategy<Value = Event> {
    let key = || (0_usize..3).prop_map(|k| id(KEYS[k]));
    let consumer = || Just("api".parse::<ConsumerName>().unwrap());
    let at = DateTime::from_timestamp(0, 0).unwrap();
    let unknown = Outcome::Unknown { why: String::new() };
    prop_oneof![
        (key(), prop_oneof![Just(Enrolment::Active), Just(Enrolment::Standby), Just(Enrolment::Canary)])
            .prop_map(move |(key, role)| Event::Enrolled { key, hint: None, created_at: at, expires_at: None, role }),
        key().prop_map(|key| Event::Forgotten { key }),
        (1_u64..3, proptest::option::of(key())).prop_map(|(n, recall)| Event::RotationRequested {
            rotation: guard::domain::ids::RotationId(n),
            reason: String::new(),
            by: String::new(),
            consumers: Vec::new(),
            recall,
        }),
        (key(), any::<bool>()).prop_map(|(key, promotion)| Event::StandbyTaken { key, promotion }),
        key().prop_map(|key| Event::StandbyUnfit { key, why: String::new() }),
        key().prop_map(|key| Event::WakeIntended { key }),
        key().prop_map(move |key| Event::WakeAnswered { key, outcome: unknown.clone() }),
        key().prop_map(|key| Event::OverlapProven { key }),
        (consumer(), key()).prop_map(|(consumer, key)| Event::DeliveryIntended { consumer, key }),
        (consumer(), key()).prop_map(|(consumer, key)| Event::ConsumerSeen { consumer, holds: Holding::Key(key) }),
        Just(Event::Switched),
        Just(Event::DrainForced { reason: String::new(), by: String::new() }),
        Just(Event::Drained { proof: None }),
        key().prop_map(|key| Event::Doomed { key }),
        key().prop_map(|key| Event::OffIntended { key }),
        key().prop_map(|key| Event::Cooled { key }),
        key().prop_map(|key| Event::DriftSeen { key }),
        any::<bool>().prop_map(|unfit| Event::TurnedBack { why: String::new(), unfit }),
        Just(Event::TurnedForward { why: String::new() }),
        Just(Event::RotationEnded { ending: Ending::Completed }),
        key().prop_map(|key| Event::Promoted { key }),
        (1_u64..4, proptest::collection::btree_set(key(), 0..3)).prop_map(|(n, keys)| Event::Tripped(TripRecord {
            incident: IncidentId(n),
            keys,
            rule: String::new(),
            sentence: String::new(),
            figures: serde_json::json!({}),
            by_person: false,
            mode: TripMode::Kill,
        })),
        (0_u64..3, key()).prop_map(|(generation, key)| Event::GateOpening { generation, key }),
        (1_u64..4).prop_map(|n| Event::Rearmed {
            incident: IncidentId(n),
            by: String::new(),
            reason: String::new(),
            forced: false
        }),
    ]
}

// A third of proptest's usual number: each case is a small life. `PROPTEST_CASES` raises it.
proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 3, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn promises_hold_in_a_hostile_world(steps in proptest::collection::vec(step(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(walk(steps))?;
    }

    #[test]
    fn any_event_is_taken_or_refused_and_a_refusal_changes_nothing(
        events in proptest::collection::vec(event(), 1..200)
    ) {
        let at = DateTime::from_timestamp(0, 0).unwrap();
        let mut custody = Custody::default();
        for event in events {
            let Ok(next) = custody.apply(&event, at) else { continue };
            prop_assert_eq!(guard::domain::rotation::invariants::state(&next), Ok(()), "after {:?}", event);
            prop_assert_eq!(Event::decode(&event.encode()), Ok(event));
            let without_new = next.rotation().is_some_and(|r| r.new.is_none() && r.stage > Stage::Prepare && r.stage < Stage::RollBack);
            prop_assert!(!without_new);
            custody = next;
        }
    }
}
