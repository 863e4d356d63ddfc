//! Hooks as people write them: scripts in directories, run by the real binary.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use guard::domain::key::KeyStatus;

use super::place::{NAME, Place, ROTATION};

/// A workspace whose hooks each write down what they are told.
fn hooked() -> (Place, PathBuf, [String; 2]) {
    let place = Place::new();
    let hooks = place.dir().join("hooks");
    let log = place.dir().join("hooks.log");
    for stage in ["pre", "switch", "verify", "post", "incident"] {
        let folder = hooks.join(format!("{stage}.d"));
        fs::create_dir_all(&folder).unwrap();
        let script = format!(
            "#!/bin/sh\ncat > '{0}/{stage}.json'\nenv | sort > '{0}/{stage}.env'\n\
             echo \"$GUARD_EVENT $GUARD_RUN_ID $GUARD_STATUS\" >> '{1}'\n",
            place.dir().display(),
            log.display()
        );
        write(&folder.join("10-note"), &script, 0o755);
        write(&folder.join(".hidden"), "#!/bin/sh\nexit 1\n", 0o755);
    }
    place.set_up("kill", &format!("{ROTATION}\nhooks = \"{}\"", hooks.display()));
    let keys = [place.mint(KeyStatus::Active), place.mint(KeyStatus::Inactive)];
    for key in &keys {
        place.feed(&["key", "add", "-w", NAME], &key.secret).ends(0);
    }
    (place, log, keys.map(|key| key.secret))
}

fn write(path: &std::path::Path, text: &str, mode: u32) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn they_run_in_turn_and_never_see_a_key() {
    let (place, log, secrets) = hooked();
    place.rotate_to_the_end();
    place.run(&["trip", "-w", NAME, "--reason", "leaked"]).ends(0);
    let lines = fs::read_to_string(&log).unwrap();
    let expected = "pre rotation-1 \nswitch rotation-1 \nverify rotation-1 \npost rotation-1 completed\nincident incident-1 contained\n";
    assert_eq!(lines, expected);
    for stage in ["pre", "switch", "verify", "post", "incident"] {
        let environment = fs::read_to_string(place.dir().join(format!("{stage}.env"))).unwrap();
        let document: serde_json::Value =
            serde_json::from_slice(&fs::read(place.dir().join(format!("{stage}.json"))).unwrap()).unwrap();
        assert_eq!((&document["event"], &document["workspace"]), (&stage.into(), &NAME.into()));
        for secret in &secrets {
            assert!(!format!("{environment}{document}").contains(&secret[12..40]), "{stage} was told a key");
        }
        let names: Vec<&str> = environment.lines().filter_map(|line| line.split('=').next()).collect();
        for name in names.iter().filter(|name| !["_", "PWD", "SHLVL", "OLDPWD"].contains(name)) {
            assert!(["PATH", "LANG", "HOME"].contains(name) || name.starts_with("GUARD_"), "{stage}: {name}");
        }
    }
    place.run(&["evidence", "verify"]).ends(0);
}

#[test]
fn one_that_fails_or_that_others_could_have_written_keeps_both_keys_alive() {
    let (place, _, _) = hooked();
    let hook = place.dir().join("hooks/verify.d/20-smoke");
    for (text, mode, why) in [
        ("#!/bin/sh\necho 'no article came out' >&2\nexit 3\n", 0o755, "no article came out"),
        ("#!/bin/sh\nexit 0\n", 0o777, "other users may write it"),
    ] {
        write(&hook, text, mode);
        let mut said = String::new();
        for _ in 0..8 {
            said.push_str(&place.run(&["rotate", "-w", NAME]).ends(75).stderr);
            place.meanwhile();
        }
        assert!(said.contains("verify.d/20-smoke"), "{said}");
        let status = place.run(&["status"]).ends(0).stdout;
        assert!(
            status.contains("The old key stays active until its hooks succeed") && status.contains("you can:"),
            "{status}"
        );
        assert!(said.contains(why) || status.contains(why), "{why}: {said}{status}");
    }
    fs::remove_file(&hook).unwrap();
    for _ in 0..40 {
        match place.run(&["rotate", "-w", NAME]).code {
            Some(0) => break,
            _ => place.meanwhile(),
        }
    }
    let history = place.run(&["rotate", "-w", NAME, "--status", "--json"]).ends(0).json();
    assert!(history["rotation"].is_null(), "{history}");
    place.always_served("hooks");
}
