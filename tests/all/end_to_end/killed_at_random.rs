//! Rotations whose processes are killed at random: before and after requests, and at any instant in between.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicI64, Ordering};
use std::time::Duration;

use guard::domain::ids::KeyId;
use guard::domain::key::KeyStatus;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rustix::process::{Pid, Signal, kill_process};

use super::gateway::Moment;
use super::place::{NAME, Place};

/// Rotations without an order; `GUARD_TEST_KILLED_ROTATIONS` orders more.
const USUAL: usize = 40;
/// A new machine after so many, so that journals of all ages are met.
const IN_ONE_PLACE: usize = 15;
/// Then a rotation is left alone, or it would never end.
const MOST_KILLS: u32 = 8;

fn from_environment<T: std::str::FromStr>(name: &str, usual: T) -> T {
    match std::env::var(name) {
        Ok(text) => text.parse().ok().unwrap_or_else(|| panic!("{name} is not a number: {text}")),
        Err(_) => usual,
    }
}

/// How a process is to die.
#[derive(Debug)]
enum Death {
    None,
    /// Around its n-th request.
    Request(Moment, i64),
    /// After so long.
    Instant(Duration),
}

fn draw(random: &mut StdRng) -> Death {
    match random.random_range(0..10) {
        0..2 => Death::None,
        2..5 => Death::Request(Moment::Before, random.random_range(1..14)),
        5..8 => Death::Request(Moment::After, random.random_range(1..14)),
        _ => Death::Instant(Duration::from_micros(random.random_range(1_000..60_000))),
    }
}

/// Runs a command that dies so; its exit status when it did not.
fn run(place: &Place, arguments: &[&str], death: &Death) -> Option<i32> {
    let pid = Arc::new(AtomicI32::new(0));
    if let Death::Request(wanted, nth) = *death {
        let (pid, left) = (Arc::clone(&pid), AtomicI64::new(nth));
        place.look(Arc::new(move |moment, _| {
            if moment != wanted || left.fetch_sub(1, Ordering::SeqCst) != 1 {
                return true;
            }
            // The process was started before its first request came; its number is stored a moment later.
            while pid.load(Ordering::SeqCst) == 0 {
                std::thread::yield_now();
            }
            kill(pid.load(Ordering::SeqCst));
            false
        }));
    }
    let child = place.guard(arguments).spawn().unwrap();
    pid.store(child.id().try_into().unwrap(), Ordering::SeqCst);
    if let Death::Instant(after) = *death {
        #[allow(
            clippy::disallowed_methods,
            reason = "the random instant is the test's input; nothing is expected of it"
        )]
        std::thread::sleep(after);
        kill(child.id().try_into().unwrap());
    }
    let ran = place.finish(child);
    place.look_away();
    match (ran.signal, ran.code) {
        (Some(9), _) => None,
        (_, Some(code)) => Some(code),
        _ => panic!("{ran:#?}"),
    }
}

fn kill(pid: i32) {
    // A child that has ended stays until it is waited for, so that nobody else is hit.
    kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
}

/// One rotation from its standby to its end; how many processes died.
fn rotate(place: &Place, old: &KeyId, random: &mut StdRng, at: &str) -> (KeyId, u32) {
    let minted = place.mint(KeyStatus::Inactive);
    place.feed(&["key", "add", "-w", NAME], &minted.secret).ends(0);
    let mut deaths = 0;
    for _ in 0..200 {
        let death = if deaths < MOST_KILLS { draw(random) } else { Death::None };
        // A tick drives on what is open, and begins nothing.
        let begun = place.held().as_deref() == Some(minted.secret.as_str());
        let arguments: &[&str] = if begun && random.random_bool(0.5) { &["tick"] } else { &["rotate", "-w", NAME] };
        match run(place, arguments, &death) {
            None => {
                deaths += 1;
                assert!(place.held().is_some(), "{at}");
            }
            Some(0 | 75) => place.meanwhile(),
            Some(code) => panic!("{at}: {arguments:?} ended with {code} after {deaths} deaths"),
        }
        let status = place.run(&["rotate", "-w", NAME, "--status", "--json"]).ends(0).json();
        if status["desired"] == minted.id.as_str() && status["rotation"].is_null() {
            assert!(!place.works(old) && place.works(&minted.id), "{at}: {status}");
            assert_eq!(place.held().as_deref(), Some(minted.secret.as_str()), "{at}");
            place.always_served(at);
            return (minted.id, deaths);
        }
    }
    panic!("{at}: no end: {:#?}", place.run(&["status"]));
}

#[test]
fn every_rotation_ends_and_its_promises_hold() {
    let seed: u64 = from_environment("GUARD_TEST_SEED", 20_261_121);
    let rotations: usize = from_environment("GUARD_TEST_KILLED_ROTATIONS", USUAL);
    let halves: Vec<_> = [seed, seed + 1]
        .map(|seed| std::thread::spawn(move || rotate_often(rotations.div_ceil(2), seed)))
        .into_iter()
        .collect();
    let deaths: u32 = halves.into_iter().map(|half| half.join().unwrap()).sum();
    println!("{rotations} rotations, {deaths} processes killed, seed {seed}");
    assert!(deaths as usize > rotations, "only {deaths} deaths in {rotations} rotations");
}

fn rotate_often(rotations: usize, seed: u64) -> u32 {
    let mut random = StdRng::seed_from_u64(seed);
    let mut deaths = 0;
    let mut done = 0;
    while done < rotations {
        let place = Place::new();
        place.set_up("kill", super::place::ROTATION);
        let first = place.mint(KeyStatus::Active);
        place.feed(&["key", "add", "-w", NAME], &first.secret).ends(0);
        let mut current = first.id;
        for _ in 0..IN_ONE_PLACE.min(rotations - done) {
            let died;
            (current, died) = rotate(&place, &current, &mut random, &format!("rotation {done} of seed {seed}"));
            deaths += died;
            done += 1;
        }
        place.run(&["evidence", "verify"]).ends(0);
    }
    deaths
}
