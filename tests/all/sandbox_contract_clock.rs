//! The sandbox's time: it stands still while anybody works and jumps when everybody sleeps.

use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::TimeDelta;
use guard::adapters::clock::{Presence, SandboxClock, SandboxClockError, SystemClock};
use guard::domain::key::KeyStatus;
use guard::domain::time::Timestamp;
use guard::ports::Clock;
use guard::sandbox::clock::{LocalParticipant, Pace, WorldClock};
use guard::sandbox::world::Behaviour;
use guard::sandbox::{Options, Sandbox};

use super::organization::{mint, noon, sandbox, workspace};

const MINUTE: Duration = Duration::from_secs(60);

/// An outer clock that moves by hand.
struct ByHand(Mutex<Timestamp>);

#[async_trait::async_trait]
impl Clock for ByHand {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }

    async fn sleep(&self, duration: Duration) {
        *self.0.lock().unwrap() += duration;
    }
}

fn world() -> (Arc<WorldClock>, Arc<ByHand>) {
    let outside = Arc::new(ByHand(Mutex::new(noon())));
    (WorldClock::new(Pace::Virtual, noon(), outside.clone()), outside)
}

/// Sleeps so many minutes at a time and notes when it wakes.
async fn worker(clock: impl Clock + 'static, name: char, minutes: u32, turns: u32, seen: Arc<Mutex<Vec<(i64, char)>>>) {
    for _ in 0..turns {
        clock.sleep(MINUTE * minutes).await;
        seen.lock().unwrap().push(((clock.now() - noon()).num_minutes(), name));
    }
}

#[tokio::test]
async fn everybody_wakes_in_order_and_at_the_right_time() {
    let runs: Vec<_> = {
        let mut runs = Vec::new();
        for _ in 0..20 {
            let (clock, _) = world();
            let seen = Arc::new(Mutex::new(Vec::new()));
            // All have joined before the first sleeps, or the time would run ahead of the later ones.
            let all = [('a', 2, 6), ('b', 3, 4), ('c', 4, 3)].map(|(name, minutes, turns)| {
                (LocalParticipant::join(&clock, &name.to_string()), name, minutes, turns)
            });
            let tasks = all
                .map(|(who, name, minutes, turns)| tokio::spawn(worker(who, name, minutes, turns, Arc::clone(&seen))));
            for task in tasks {
                task.await.unwrap();
            }
            runs.push(seen.lock().unwrap().clone());
        }
        runs
    };
    let times: Vec<i64> = runs[0].iter().map(|(at, _)| *at).collect();
    assert_eq!(times, [2, 3, 4, 4, 6, 6, 8, 8, 9, 10, 12, 12, 12]);
    for (at, name) in &runs[0] {
        let every = i64::from(match name {
            'a' => 2,
            'b' => 3,
            _ => 4,
        });
        assert_eq!(at % every, 0);
    }
    assert!(runs.iter().all(|run| run == &runs[0]), "the same world plays out the same way");
}

#[tokio::test]
async fn the_time_stands_still_while_somebody_works() {
    let (clock, _) = world();
    let working = LocalParticipant::join(&clock, "working");
    let sleeping = LocalParticipant::join(&clock, "sleeping");
    let nap = tokio::spawn(async move {
        sleeping.sleep(MINUTE).await;
        sleeping.now()
    });
    // The nap has begun when nobody else is awake.
    while clock.participants().iter().filter(|p| p.awake).count() > 1 {
        tokio::task::yield_now().await;
    }
    assert_eq!(working.now(), noon());
    assert!(!nap.is_finished());
    working.sleep(MINUTE * 5).await;
    assert_eq!(nap.await.unwrap(), noon() + MINUTE);
    assert_eq!(working.now(), noon() + MINUTE * 5);
}

#[tokio::test]
async fn a_request_that_is_being_answered_holds_the_time() {
    let (clock, _) = world();
    let busy = clock.busy();
    let sleeper = LocalParticipant::join(&clock, "sleeper");
    let nap = tokio::spawn(async move { sleeper.sleep(MINUTE).await });
    while clock.participants().iter().any(|p| p.awake) {
        tokio::task::yield_now().await;
    }
    assert_eq!(clock.now(), noon());
    drop(busy);
    nap.await.unwrap();
    assert_eq!(clock.now(), noon() + MINUTE);
}

#[tokio::test]
async fn a_sleep_that_is_given_up_leaves_its_sleeper_awake() {
    let (clock, _) = world();
    let first = LocalParticipant::join(&clock, "first");
    let second = LocalParticipant::join(&clock, "second");
    tokio::select! {
        biased;
        () = first.sleep(MINUTE) => panic!("the second is awake"),
        () = tokio::task::yield_now() => {}
    }
    assert!(clock.participants().iter().all(|p| p.awake));
    let nap = tokio::spawn(async move { second.sleep(MINUTE * 3).await });
    first.sleep(MINUTE * 2).await;
    assert_eq!(clock.now(), noon() + MINUTE * 2);
    drop(first);
    nap.await.unwrap();
    assert_eq!(clock.now(), noon() + MINUTE * 3);
}

#[test]
fn only_other_processes_can_fall_silent() {
    let (clock, outside) = world();
    clock.join("director", false);
    clock.join("dead", true);
    let patience = Duration::from_secs(10);
    *outside.0.lock().unwrap() += TimeDelta::seconds(9);
    assert!(clock.silent(patience).is_empty());
    drop(clock.busy());
    *outside.0.lock().unwrap() += TimeDelta::seconds(9);
    assert!(clock.silent(patience).is_empty(), "somebody talked nine seconds ago");
    *outside.0.lock().unwrap() += TimeDelta::seconds(2);
    let names: Vec<String> = clock.silent(patience).into_iter().map(|p| p.name).collect();
    assert_eq!(names, ["dead"]);
}

#[tokio::test]
async fn a_faster_clock_follows_the_outer_one() {
    let outside = Arc::new(ByHand(Mutex::new(noon())));
    let clock = WorldClock::new(Pace::Times(60), noon(), outside.clone());
    clock.sleep(None, MINUTE * 30).await;
    assert_eq!(outside.now(), noon() + Duration::from_secs(30));
    assert_eq!(clock.now(), noon() + MINUTE * 30);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_process_takes_part_over_http() {
    let sandbox = sandbox();
    let director = sandbox.join("director");
    let remote = SandboxClock::connect(&sandbox.url(), "remote", Presence::Participant).unwrap();
    let observer = SandboxClock::connect(&sandbox.url(), "observer", Presence::Observer).unwrap();
    assert_eq!((remote.now(), observer.now()), (noon(), noon()));
    assert_eq!(sandbox.shared().clock.participants().len(), 2, "an observer does not take part");
    let work = tokio::spawn(async move {
        for _ in 0..3 {
            remote.sleep(MINUTE * 10).await;
        }
        remote.now()
    });
    director.sleep(MINUTE * 60).await;
    assert_eq!(work.await.unwrap(), noon() + MINUTE * 30);
    assert_eq!((director.now(), observer.now()), (noon() + MINUTE * 60, noon() + MINUTE * 60));
    assert_eq!(sandbox.shared().clock.participants().len(), 1, "it left when it was dropped");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_sleeps_of_one_process_both_end() {
    let sandbox = sandbox();
    let remote = SandboxClock::connect(&sandbox.url(), "remote", Presence::Participant).unwrap();
    let sleep = async |minutes: u32| {
        remote.sleep(MINUTE * minutes).await;
        remote.now()
    };
    let both = async { tokio::join!(sleep(10), sleep(5), sleep(15)) };
    // Real time; a world that stands still would never end.
    let woken = tokio::time::timeout(Duration::from_secs(60), both).await.expect("the world stands still");
    let slept = |now: Timestamp, minutes: u32| now >= noon() + MINUTE * minutes;
    // One bed: a short one may oversleep.
    assert!(slept(woken.0, 10) && slept(woken.1, 5) && slept(woken.2, 15), "{woken:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_participant_that_was_dropped_joins_again() {
    let sandbox = sandbox();
    let remote = SandboxClock::connect(&sandbox.url(), "remote", Presence::Participant).unwrap();
    let id = sandbox.shared().clock.participants()[0].id;
    sandbox.shared().clock.leave(id);
    remote.sleep(MINUTE).await;
    assert_eq!(remote.now(), noon() + MINUTE);
    assert_eq!(sandbox.shared().clock.participants().len(), 1);
}

#[test]
fn only_a_sandbox_on_this_machine_may_set_the_time() {
    for url in ["https://127.0.0.1:1", "https://example.com"] {
        let refused = SandboxClock::connect(url, "x", Presence::Observer).err().unwrap();
        assert!(matches!(refused, SandboxClockError::NotLocal), "{url}: {refused}");
    }
    assert!(matches!(
        SandboxClock::connect("http://example.com", "x", Presence::Observer),
        Err(SandboxClockError::Url(_))
    ));
    let gone = sandbox().url();
    assert!(matches!(SandboxClock::connect(&gone, "x", Presence::Observer), Err(SandboxClockError::NoSandbox(..))));
}

/// The binary as a job that sends a message a minute on the sandbox's time.
#[allow(clippy::disallowed_methods, reason = "the test drives the real binary")]
fn pipeline(sandbox: &Sandbox, key: &str, messages: u32) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_guard"));
    command
        .args(["sandbox", "pipeline", "--pause", "1m", "--messages", &messages.to_string()])
        .env("ANTHROPIC_BASE_URL", sandbox.url())
        .env("GUARD_SANDBOX_CLOCK", sandbox.url())
        .env("ANTHROPIC_API_KEY", key)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_of_an_hour_takes_a_moment() {
    let sandbox = sandbox();
    workspace(&sandbox, "prod");
    let (_, key) = mint(&sandbox, "prod", KeyStatus::Active);
    let output = pipeline(&sandbox, key.expose(), 60).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "60 of 60 messages went through\n");
    assert!(output.status.success());
    let minutes: Vec<i64> = sandbox.log().iter().map(|line| (line.at - noon()).num_seconds()).collect();
    assert_eq!(minutes, (0..60).map(|minute| minute * 60).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_fails_says_so() {
    let sandbox = sandbox();
    workspace(&sandbox, "prod");
    let (_, key) = mint(&sandbox, "prod", KeyStatus::Inactive);
    let output = pipeline(&sandbox, key.expose(), 3).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "0 of 3 messages went through\n");
    assert!(!String::from_utf8_lossy(&output.stderr).contains(&key.expose()[13..]));
    assert!(sandbox.log().iter().all(|line| line.status == 401 && line.actor.as_deref() == Some("pipeline")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_dies_does_not_freeze_the_world() {
    let behaviour = Behaviour { patience: Duration::from_millis(300), ..Behaviour::default() };
    let options = Options { pace: Pace::Virtual, start: Some(noon()), behaviour, ..Options::default() };
    let sandbox = Sandbox::start(&options, Arc::new(SystemClock)).unwrap();
    workspace(&sandbox, "prod");
    let (_, key) = mint(&sandbox, "prod", KeyStatus::Active);
    let director = sandbox.join("director");
    let mut job = pipeline(&sandbox, key.expose(), 1_000).spawn().unwrap();
    director.sleep(MINUTE).await;
    while sandbox.log().is_empty() {
        director.sleep(MINUTE).await;
    }
    job.kill().unwrap();
    job.wait().unwrap();
    // Whatever it was doing, the world goes on.
    for _ in 0..10 {
        director.sleep(MINUTE).await;
    }
    director.sleep(MINUTE).await;
    assert_eq!(sandbox.shared().clock.participants().len(), 1);
    assert!(sandbox.log().iter().any(|line| line.note.as_deref().is_some_and(|note| note.contains("`pipeline`"))));
}
