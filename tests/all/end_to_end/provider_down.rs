//! The provider takes no orders for an hour, just when a key must be stopped, and the watchdog is killed twice meanwhile.

use std::process::Child;
use std::time::Duration;

use chrono::TimeDelta;
use guard::domain::ids::KeyId;
use guard::domain::key::KeyStatus;
use guard::domain::time::Timestamp;
use guard::domain::usage::Tokens;
use guard::ports::Clock;
use guard::sandbox::clock::LocalParticipant;
use guard::sandbox::fault::Fault;
use guard::sandbox::log::{Line, Plane};
use guard::sandbox::score::{KILL_AFTER_RECOVERY, REMIND_WITHIN};
use guard::sandbox::usage::Spent;
use serde_json::json;

use super::place::{NAME, Place, ROTATION};

/// The one who lets time pass; nothing happens while it is awake.
struct Director {
    runtime: tokio::runtime::Runtime,
    clock: LocalParticipant,
}

impl Director {
    fn of(place: &Place) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        Self { runtime, clock: place.sandbox.join("director") }
    }

    fn pass(&self, seconds: u64) {
        self.runtime.block_on(self.clock.sleep(Duration::from_secs(seconds)));
    }

    fn until(&self, limit: TimeDelta, what: &str, happened: impl Fn() -> bool) {
        let end = self.clock.now() + limit;
        while !happened() {
            assert!(self.clock.now() < end, "{what}: not within {limit}");
            self.pass(5);
        }
    }
}

fn start_watch(place: &Place) -> Child {
    let child = place.guard(&["watch"]).spawn().unwrap();
    let clock = &place.sandbox.shared().clock;
    // Time stands still until it takes part.
    while !clock.participants().iter().any(|p| p.name == "guard watch") {
        std::thread::yield_now();
    }
    child
}

/// `kill -9`.
fn kill(place: &Place, mut watch: Child) {
    watch.kill().unwrap();
    watch.wait().unwrap();
    let clock = &place.sandbox.shared().clock;
    for dead in clock.participants().iter().filter(|p| p.name == "guard watch") {
        clock.leave(dead.id);
    }
}

fn about(place: &Place, plane: Plane, key: &KeyId) -> Vec<Line> {
    place.sandbox.log().into_iter().filter(|l| l.plane == plane && l.key.as_ref() == Some(key)).collect()
}

/// When people were told of it.
fn told(place: &Place, key: &KeyId, event: &str) -> Vec<Timestamp> {
    let event = format!(" {event}: ");
    let said = |l: &Line| l.note.as_deref().is_some_and(|note| note.contains(&event));
    about(place, Plane::People, key).into_iter().filter(said).map(|l| l.at).collect()
}

#[test]
fn the_gate_closes_at_once_and_the_kill_lands_soon_after_recovery_whoever_dies_meanwhile() {
    let (place, stolen, standby) = Place::enrolled();
    let more = format!(
        "{ROTATION}\ntrip.reopen = \"auto\"\nceilings = {{ usd = {{ day = \"1.00\" }} }}\n\n[[notifier]]\nname = \"people\"\n\
         kind = \"webhook\"\nurl = \"{}/sandbox/inbox\"",
        place.sandbox.url()
    );
    place.write_ledger("kill", &more);
    place.run(&["ledger", "check"]).ends(0);
    let director = Director::of(&place);
    let shared = place.sandbox.shared();
    let down: Fault = serde_json::from_value(json!({
        "method": "POST", "path": "/v1/organizations/api_keys/*", "count": null, "effect": { "kind": "status", "status": 529 },
    }))
    .unwrap();
    shared.world().faults.add(down);

    // It dies by itself after its first order was refused, before it could write the trip down.
    place.arm("trip.commit.before");
    let mut watch = start_watch(&place);
    place.disarm();
    director.pass(90);
    let spent = Spent {
        key: Some(stolen.clone()),
        workspace: Some(shared.world().organization.workspaces[1].id.clone()),
        service_account: None,
        model: "claude-sonnet-4-6".to_owned(),
        billing: guard::domain::usage::Billing::default(),
        tokens: Tokens { output: 1_000_000, ..Tokens::default() },
    };
    shared.world().spend(&shared.behaviour, director.clock.now(), spent);
    let ordered = || about(&place, Plane::Admin, &stolen).into_iter().find(|l| l.status == 529).map(|l| l.at);
    director.until(TimeDelta::minutes(5), "the first order", || ordered().is_some());
    let begun = ordered().unwrap();
    assert!(!place.gate_file().exists(), "the gate is open although the key shall be stopped");
    assert!(!watch.wait().unwrap().success(), "it should have died before it wrote the trip down");
    // Needs no network and no time.
    place.run(&["check", "-q", "-w", NAME]).ends(2);

    // A timer starts it again; then it is killed in the middle of its attempts.
    watch = start_watch(&place);
    director
        .until(TimeDelta::minutes(10), "people hear of the trip", || !told(&place, &stolen, "key.tripped").is_empty());
    director.pass(1000);
    kill(&place, watch);
    assert!(!place.gate_file().exists());
    director.pass(120);
    let watch = start_watch(&place);
    director.until(TimeDelta::minutes(60), "the hour is over", || director.clock.now() >= begun + TimeDelta::hours(1));
    assert_eq!(place.status(&stolen), KeyStatus::Active, "the provider should have taken no order");
    assert!(!place.gate_file().exists());
    assert!(told(&place, &stolen, "key.dead").is_empty(), "it was announced as done before");

    shared.world().faults.clear();
    director.until(KILL_AFTER_RECOVERY, "the kill", || place.status(&stolen) == KeyStatus::Inactive);
    let killed = director.clock.now();
    director.until(TimeDelta::minutes(10), "the failover", || place.gate_file().exists());
    director.until(TimeDelta::minutes(5), "the good news", || !told(&place, &stolen, "key.dead").is_empty());
    let secret = shared.world().organization.key(standby.as_str()).unwrap().secret.clone();
    assert_eq!(place.held().as_deref(), Some(secret.as_str()));
    assert!(place.works(&standby) && !place.works(&stolen));

    let reminders = told(&place, &stolen, "kill.unconfirmed");
    let tripped = told(&place, &stolen, "key.tripped");
    let moments: Vec<Timestamp> =
        tripped.iter().chain(&reminders).copied().filter(|at| *at <= killed).chain([killed]).collect();
    // While it was dead, for two minutes, it could not speak.
    let silence = moments.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
    assert!(silence <= REMIND_WITHIN + TimeDelta::minutes(2), "{moments:?}");
    kill(&place, watch);
    drop(director);
    place.run(&["evidence", "verify"]).ends(0);
    place.served_but_for(&stolen, "provider down");
}
