//! Several guards at once, a full disk, and Ctrl-C in the middle.

use std::fs;
use std::process::{Child, Command};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};

use guard::domain::key::KeyStatus;
use rustix::process::{Pid, Signal, kill_process};

use super::gateway::Moment;
use super::place::{NAME, Place, Ran};

/// Starts them all, then waits for each.
fn together(place: &Place, commands: &[&[&str]]) -> Vec<Ran> {
    let children: Vec<Child> = commands.iter().map(|arguments| place.guard(arguments).spawn().unwrap()).collect();
    children.into_iter().map(|child| place.finish(child)).collect()
}

#[test]
fn commands_at_the_same_time_wait_for_each_other_or_say_who_is_at_it() {
    let (place, old, new) = Place::enrolled();
    for round in 0..30 {
        let ran = together(
            &place,
            &[
                &["rotate", "-w", NAME],
                &["watch", "--once"],
                &["tick"],
                &["exec", "-w", NAME, "--", "true"],
                &["status"],
                &["rotate", "-w", NAME, "--status", "--json"],
            ],
        );
        for (number, ran) in ran.iter().enumerate() {
            let allowed: &[i32] = if number == 0 { &[0, 75] } else { &[0] };
            assert!(ran.code.is_some_and(|code| allowed.contains(&code)), "round {round}, command {number}: {ran:#?}");
            assert!(!ran.stderr.contains("internal"), "{ran:#?}");
        }
        place.always_served(&format!("round {round}"));
        let status = place.run(&["rotate", "-w", NAME, "--status", "--json"]).ends(0).json();
        if status["rotation"].is_null() {
            assert!(!place.works(&old) && place.works(&new), "{status}");
            place.run(&["evidence", "verify"]).ends(0);
            return;
        }
        place.meanwhile();
    }
    panic!("no end: {:#?}", place.run(&["status"]));
}

#[test]
fn who_holds_the_lock_is_named_when_waiting_for_it_is_over() {
    let (place, _, _) = Place::enrolled();
    let (held, holds) = mpsc::sync_channel(1);
    let (go, may_go) = mpsc::channel::<()>();
    let may_go = std::sync::Mutex::new(may_go);
    let first = AtomicBool::new(true);
    // The first rotation is stopped in the middle of an order to the provider.
    place.look(Arc::new(move |moment, line| {
        if moment == Moment::Before
            && line.starts_with("POST /v1/organizations/api_keys/")
            && first.swap(false, Ordering::SeqCst)
        {
            held.send(()).unwrap();
            // Whatever ends the wait: the test went on, or it failed.
            let _ = may_go.lock().unwrap().recv();
        }
        true
    }));
    let holder = place.guard(&["rotate", "-w", NAME]).spawn().unwrap();
    holds.recv().unwrap();
    let refused = place.run(&["rotate", "-w", NAME, "--lock-timeout", "0s"]).ends(75);
    assert!(
        refused.stderr.contains("guard rotate") && refused.stderr.contains(&holder.id().to_string()),
        "{refused:#?}"
    );
    let skipped = place.run(&["tick"]).ends(0);
    assert!(skipped.stdout.contains("is at it"), "{skipped:#?}");
    // Looking takes no lock.
    let status = place.run(&["status"]).ends(0);
    assert!(status.stdout.contains("rotation"), "{status:#?}");
    go.send(()).unwrap();
    let ran = place.finish(holder);
    assert!(matches!(ran.code, Some(0 | 75)), "{ran:#?}");
    place.always_served("after the wait");
}

/// The command where no file can grow: what a full disk does to it.
#[allow(clippy::disallowed_methods, reason = "a shell sets the limit, because no safe call does it before an exec")]
fn without_space(command: &Command) -> Command {
    let mut shell = Command::new("/bin/sh");
    // A write beyond the limit fails as it does on a full disk, once its signal is ignored.
    let script = "trap '' XFSZ; ulimit -f 0; exec \"$0\" \"$@\"";
    shell.args(["-c", script]).arg(command.get_program()).args(command.get_args()).env_clear();
    shell.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    if let Some(directory) = command.get_current_dir() {
        shell.current_dir(directory);
    }
    shell
}

#[test]
fn a_trip_stops_the_key_on_a_full_disk_and_is_completed_when_there_is_room() {
    let (place, old, new) = Place::enrolled();
    let command = place.guard(&["trip", "-w", NAME, "--key", old.as_str(), "--reason", "leaked"]);
    let output = without_space(&command).output().unwrap();
    let ran = Ran::from(output);
    assert!(ran.code.is_some_and(|code| code != 0), "a trip that could not be written down is no success: {ran:#?}");
    assert!(ran.stderr.contains("the gate of `prod-publish` is closed"), "{ran:#?}");
    assert!(ran.stderr.contains("deactivated") && ran.stderr.contains("nothing is on record yet"), "{ran:#?}");
    assert_eq!(place.status(&old), KeyStatus::Inactive);
    let refused = place.run(&["exec", "-w", NAME, "--", "true"]);
    assert_eq!(refused.code, Some(12), "{refused:#?}");
    // With room again the same command completes it.
    place.run(&["trip", "-w", NAME, "--key", old.as_str(), "--reason", "leaked"]).ends(0);
    assert!(!place.works(&old) && place.works(&new), "the standby took over");
    place.run(&["exec", "-w", NAME, "--", "true"]).ends(12);
    place.run(&["evidence", "verify"]).ends(0);
}

#[test]
fn without_space_the_key_in_use_is_meant_and_a_key_of_others_is_left_alone() {
    let (place, old, new) = Place::enrolled();
    let stranger = place.mint(KeyStatus::Active);
    let trip = |arguments: &[&str]| {
        let command = place.guard(&[&["trip", "-w", NAME, "--reason", "leaked"], arguments].concat());
        Ran::from(without_space(&command).output().unwrap())
    };
    let ran = trip(&["--key", stranger.id.as_str()]);
    assert!(ran.stderr.contains("no key was deactivated"), "{ran:#?}");
    assert!(place.works(&stranger.id) && place.works(&old));
    // The gate is closed now and no longer says which key it gave out; the journal does, as soon as it can be read.
    place.run(&["tick"]).ends(0);
    place.run(&["rearm", "-w", NAME, "--incident", "1", "--force", "--reason", "a mistake"]).ends(0);
    let ran = trip(&[]);
    assert!(ran.stderr.contains(&format!("{old} is deactivated")), "{ran:#?}");
    assert_eq!(place.status(&old), KeyStatus::Inactive);
    place.run(&["tick"]).ends(0);
    // What the lost process sent may be on its way for as long as the settle time.
    place.pass(std::time::Duration::from_secs(120));
    place.run(&["tick"]).ends(0);
    assert!(!place.works(&old) && place.works(&new), "the standby took over");
    place.run(&["evidence", "verify"]).ends(0);
}

/// Starts a command and interrupts it at its n-th pause.
fn interrupted(place: &Place, arguments: &[&str], pause: u32) -> Ran {
    let (paused, pauses) = mpsc::sync_channel(0);
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = Arc::clone(&stop);
    place.look(Arc::new(move |moment, line| {
        if moment == Moment::Before && line.starts_with("POST /sandbox/clock/sleep") && !stopped.load(Ordering::SeqCst)
        {
            // Nobody listens any more when the test is over.
            return paused.send(()).is_ok();
        }
        true
    }));
    let child = place.guard(arguments).spawn().unwrap();
    for _ in 0..pause {
        pauses.recv().unwrap();
    }
    stop.store(true, Ordering::SeqCst);
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    drop(pauses);
    let ran = place.finish(child);
    place.look_away();
    place.forget_the_dead();
    ran
}

#[test]
fn an_interrupted_rotation_goes_on_where_it_stopped() {
    let (place, old, new) = Place::enrolled();
    let ran = interrupted(&place, &["rotate", "-w", NAME, "--wait"], 2);
    assert!(ran.signal == Some(2) || ran.code.is_some_and(|code| code != 0), "{ran:#?}");
    place.rotate_to_the_end();
    assert!(!place.works(&old) && place.works(&new));
    place.always_served("after an interruption");
}

#[test]
fn an_interrupted_watch_ends_calmly() {
    let (place, _, _) = Place::enrolled();
    let ran = interrupted(&place, &["watch"], 2);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    assert!(fs::exists(place.state_dir().join("guard.db")).unwrap());
    place.run(&["evidence", "verify"]).ends(0);
}
