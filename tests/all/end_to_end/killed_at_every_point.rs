//! The process is killed at every place before and after a durable write and an effect; the same command is run again.

use std::time::Duration;

use guard::app::points;
use guard::domain::ids::KeyId;
use guard::domain::key::KeyStatus;

use super::place::{NAME, Place, Ran};

/// Something that a person or a timer gets done with guard, however often it dies.
struct Scenario {
    name: &'static str,
    /// What the places that it passes are called like.
    passes: &'static [&'static str],
    /// Carries it out. Commands that are killed are run again.
    act: fn(&Attempt),
    /// What must hold in the end.
    holds: fn(&Attempt),
}

struct Attempt {
    place: Place,
    old: KeyId,
    new: KeyId,
    at: String,
    died: std::cell::Cell<bool>,
}

impl Attempt {
    /// Runs the command; once more when it was killed. The second one is not.
    fn again(&self, run: impl Fn(&Place) -> Ran) -> Ran {
        let ran = run(&self.place);
        if ran.signal.is_none() {
            return ran;
        }
        assert_eq!(ran.signal, Some(6), "{}: {ran:#?}", self.at);
        self.died.set(true);
        self.place.disarm();
        run(&self.place)
    }
}

fn rotation(attempt: &Attempt) {
    let place = &attempt.place;
    for _ in 0..40 {
        let ran = attempt.again(|place| {
            // One that was killed after the end has nothing to go on with; asking again would be another rotation.
            let finished = attempt.died.get() && place.status(&attempt.old) == KeyStatus::Inactive && {
                let status = place.run(&["rotate", "-w", NAME, "--status", "--json"]).ends(0);
                status.json()["rotation"].is_null()
            };
            place.run(if finished { &["tick"] } else { &["rotate", "-w", NAME] })
        });
        match ran.code {
            Some(0) => break,
            Some(75) => place.meanwhile(),
            _ => panic!("{}: {ran:#?}", attempt.at),
        }
    }
    // The grace time passes, and a timer archives the old key.
    place.pass(Duration::from_secs(25 * 3600));
    attempt.again(|place| place.run(&["tick"])).ends(0);
    place.run(&["tick"]).ends(0);
}

fn rotated(attempt: &Attempt) {
    let Attempt { place, old, new, at, .. } = attempt;
    assert_eq!(place.status(old), KeyStatus::Archived, "{at}");
    assert!(!place.works(old) && place.works(new), "{at}");
    let secret = place.sandbox.shared().world().organization.key(new.as_str()).unwrap().secret.clone();
    assert_eq!(place.held().as_deref(), Some(secret.as_str()), "{at}");
    let env = std::fs::read_to_string(place.env_file()).unwrap();
    assert!(env.starts_with("# The job's settings.\nPORT=8080\n"), "{at}: {env}");
    place.always_served(at);
}

fn trip(attempt: &Attempt) {
    let place = &attempt.place;
    // By its id: a second trip of whatever is deployed would stop the standby that took over meanwhile.
    let key = attempt.old.as_str();
    let ran = attempt.again(|place| place.run(&["trip", "-w", NAME, "--key", key, "--reason", "leaked"]));
    assert!(matches!(ran.code, Some(0 | 75)), "{}: {ran:#?}", attempt.at);
    for _ in 0..3 {
        place.pass(Duration::from_secs(120));
        attempt.again(|place| place.run(&["tick"])).ends(0);
    }
    let incidents = place.run(&["status", "--json"]).ends(0).json()["workspaces"][0]["gate"]["incident"].clone();
    let newest = incidents.as_u64().unwrap_or_else(|| panic!("{}: {}", attempt.at, place.run(&["status"]).stdout));
    let rearm =
        ["rearm", "-w", NAME, "--incident", &newest.to_string(), "--cause", "stolen", "--reason", "cause found"]
            .map(str::to_owned);
    attempt.again(|place| {
        let ran = place.run(&rearm.each_ref().map(String::as_str));
        // The one that was killed may have released the incident already.
        if attempt.died.get() && ran.code == Some(10) { place.run(&["tick"]) } else { ran }
    });
    attempt.again(|place| place.run(&["tick"])).ends(0);
}

fn tripped(attempt: &Attempt) {
    let Attempt { place, old, new, at, .. } = attempt;
    assert_eq!(place.status(old), KeyStatus::Inactive, "{at}");
    assert!(!place.works(old) && place.works(new), "{at}");
    let secret = place.sandbox.shared().world().organization.key(new.as_str()).unwrap().secret.clone();
    assert_eq!(place.held().as_deref(), Some(secret.as_str()), "{at}");
    place.run(&["check", "-q", "-w", NAME]);
    let gate = place.run(&["status", "--json"]).ends(0).json()["workspaces"][0]["gate"].clone();
    assert!(gate["incident"].is_null(), "{at}: {gate}");
    assert_eq!(place.job(), 200, "{at}");
}

/// After a trip, somebody restores the gate from a backup of the state directory.
fn restored(attempt: &Attempt) {
    let place = &attempt.place;
    place.run(&["trip", "-w", NAME, "--reason", "leaked"]).ends(0);
    let gate = place.gate_file();
    assert!(!gate.exists(), "{}", attempt.at);
    std::fs::remove_file(gate.with_extension("closed")).unwrap();
    std::fs::write(&gate, format!(r#"{{"schema":1,"generation":0,"key":"{}"}}"#, attempt.old)).unwrap();
    std::fs::set_permissions(&gate, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    attempt.again(|place| place.run(&["tick"])).ends(0);
}

/// The first tick has closed it again, and it opens as after any trip.
fn closed_again(attempt: &Attempt) {
    let Attempt { place, at, .. } = attempt;
    assert!(!place.gate_file().exists(), "{at}");
    assert_eq!(place.run(&["check", "-q", "-w", NAME]).code, Some(2), "{at}");
    place.run(&["exec", "-w", NAME, "--", "true"]).ends(12);
    place.run(&["rearm", "-w", NAME, "--incident", "1", "--reason", "cause found"]).ends(0);
    tripped(attempt);
}

fn custody(attempt: &Attempt) {
    let minted = attempt.place.mint(KeyStatus::Active);
    let ran = attempt.again(|place| place.feed(&["key", "add", "-w", NAME], &minted.secret));
    assert_eq!(ran.code, Some(0), "{}: {ran:#?}", attempt.at);
    assert_eq!(attempt.place.status(&minted.id), KeyStatus::Inactive, "{}", attempt.at);
    let ran = attempt.again(|place| place.run(&["key", "forget", "-w", NAME, "--yes", minted.id.as_str()]));
    assert_eq!(ran.code, Some(0), "{}: {ran:#?}", attempt.at);
    let sealed = attempt.place.state_dir().join(format!("vault/key.{}.age", minted.id));
    assert!(!sealed.exists(), "{}: the secret is still in the vault", attempt.at);
}

fn as_before(attempt: &Attempt) {
    let Attempt { place, old, new, at, .. } = attempt;
    assert!(place.works(old), "{at}");
    assert_eq!(place.status(new), KeyStatus::Inactive, "{at}");
    place.always_served(at);
}

const ROTATION: Scenario = Scenario { name: "rotation", passes: &["drive."], act: rotation, holds: rotated };
const TRIP: Scenario =
    Scenario { name: "trip", passes: &["trip.", "drive.open_gate.", "drive.read_gate."], act: trip, holds: tripped };
const RESTORED: Scenario =
    Scenario { name: "restored gate", passes: &["drive.close_gate."], act: restored, holds: closed_again };
const CUSTODY: Scenario = Scenario { name: "custody", passes: &["enroll.", "forget."], act: custody, holds: as_before };

impl Scenario {
    fn points(&self) -> impl Iterator<Item = &'static str> {
        let passed = |point: &&str| self.passes.iter().any(|part| point.starts_with(part));
        points::ALL.iter().map(|point| point.0).filter(passed)
    }

    /// Kills at the n-th passage of each point, for every n that there is; the points that are never reached.
    fn kill_everywhere(&self) -> Vec<&'static str> {
        let (mut missed, mut deaths) = (Vec::new(), 0);
        for point in self.points() {
            for nth in 1.. {
                let (place, old, new) = Place::enrolled();
                let at = format!("{} {point} #{nth}", self.name);
                place.arm(&format!("{point}:{nth}"));
                let attempt = Attempt { place, old, new, at, died: false.into() };
                (self.act)(&attempt);
                attempt.place.disarm();
                (self.holds)(&attempt);
                attempt.place.run(&["evidence", "verify"]).ends(0);
                if !attempt.died.get() {
                    missed.extend((nth == 1).then_some(point));
                    break;
                }
                deaths += 1;
            }
        }
        println!("{}: killed {deaths} times", self.name);
        missed
    }
}

#[test]
fn a_rotation_is_finished_and_no_job_is_ever_without_a_working_key() {
    // The gate is closed by trips only.
    assert_eq!(ROTATION.kill_everywhere(), ["drive.close_gate.before", "drive.close_gate.after"]);
}

#[test]
fn a_trip_is_finished_and_a_standby_takes_over() {
    assert_eq!(TRIP.kill_everywhere(), [""; 0]);
}

#[test]
fn a_gate_that_somebody_opened_behind_a_trip_is_closed_again() {
    assert_eq!(RESTORED.kill_everywhere(), [""; 0]);
}

#[test]
fn taking_a_key_into_custody_and_forgetting_it_is_finished() {
    assert_eq!(CUSTODY.kill_everywhere(), [""; 0]);
}

#[test]
fn every_point_belongs_to_a_scenario() {
    let covered: Vec<&str> = [ROTATION, TRIP, RESTORED, CUSTODY].iter().flat_map(Scenario::points).collect();
    let missing: Vec<&str> = points::ALL.iter().map(|point| point.0).filter(|point| !covered.contains(point)).collect();
    assert_eq!(missing, [""; 0]);
}
