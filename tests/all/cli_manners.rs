//! The manners of the command line that hold without a ledger: help, statuses, streams, colours, secrets.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use super::jobs_fakes::SECRET;

/// guard in an empty world: no ledger, no state, no variable of the person who runs the tests.
fn guard(dir: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_guard"));
    command.args(args).current_dir(dir).env_clear().env("HOME", dir).env("PATH", "/usr/bin:/bin");
    command.env("XDG_CONFIG_HOME", dir.join("config")).env("XDG_STATE_HOME", dir.join("state"));
    command.stdin(Stdio::null());
    command
}

fn run(args: &[&str]) -> (i32, String, String) {
    let dir = tempfile::tempdir().unwrap();
    ended(guard(dir.path(), args).output().unwrap())
}

fn ended(output: Output) -> (i32, String, String) {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn help_is_data_and_names_every_status() {
    let (code, out, err) = run(&["--help"]);
    assert_eq!((code, err.as_str()), (0, ""));
    for status in [0, 1, 2, 10, 11, 12, 69, 70, 75, 77, 78, 126, 127] {
        assert!(out.lines().any(|line| line.trim_start().starts_with(&format!("{status}  "))), "{status}");
    }
    let (code, out, _) = run(&["exec", "--help"]);
    assert!(code == 0 && out.contains("Examples:") && out.ends_with('\n'));
}

#[test]
fn wrong_usage_is_status_2_with_a_suggestion_and_no_data() {
    for (args, expected) in [
        (vec!["chekc"], "'check'"),
        (vec!["exec", "--workspce", "x", "--", "true"], "'--workspace'"),
        (vec!["exec", "-w", "x"], "<CMD>"),
        (vec!["exec", "-w", "Not/A/Name", "--", "true"], "lower-case"),
        (vec!["exec", "-w", "x", "--env", "A=B", "--", "true"], "a variable's name"),
        (vec!["man", "chekc"], "check"),
        (vec![], "Usage:"),
    ] {
        let (code, out, err) = run(&args);
        assert_eq!((code, out.as_str()), (2, ""), "{args:?}");
        assert!(err.contains(expected), "{args:?}: {err}");
    }
}

#[test]
fn every_failure_says_something_on_standard_error_and_nothing_secret() {
    for args in [
        vec!["exec", "-w", "prod", "--", "true"],
        vec!["check", "-w", "prod"],
        vec!["key", "print", "-w", "prod"],
        vec!["key", "list"],
        vec!["doctor"],
        vec!["-q", "doctor"],
    ] {
        let (code, _, err) = run(&args);
        assert!(code != 0 && !err.trim().is_empty(), "{args:?}");
    }
    let (_, out, err) = run(&["key", "add", "-w", "prod", SECRET]);
    assert!(!out.contains(&SECRET[20..]) && !err.contains(&SECRET[20..]), "{err}");
}

#[test]
fn with_json_the_last_line_of_a_failure_is_an_object() {
    let (code, _, err) = run(&["--json", "key", "list"]);
    let last: serde_json::Value = serde_json::from_str(err.lines().last().unwrap()).unwrap();
    assert_eq!((&last["type"], &last["schema"], &last["code"]), (&"exit_error".into(), &1.into(), &code.into()));
    assert!(!last["message"].as_str().unwrap().is_empty());
}

#[test]
fn a_monitor_gets_one_line_and_unknown_when_guard_cannot_look() {
    let (code, out, _) = run(&["check", "-w", "prod"]);
    assert_eq!(code, 3);
    assert!(out.starts_with("GUARD UNKNOWN - ") && out.lines().count() == 1, "{out}");
    let (code, out, _) = run(&["--json", "check", "-w", "prod"]);
    let document: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &document["state"], &document["code"]), (3, &"unknown".into(), &3.into()));
}

#[test]
fn a_helper_that_fails_prints_no_part_of_a_key() {
    let (code, out, err) = run(&["key", "print", "-w", "prod"]);
    assert!(code != 0 && out.is_empty() && !err.is_empty());
}

#[test]
fn a_job_cannot_start_another_one() {
    let dir = tempfile::tempdir().unwrap();
    let (code, out, err) = ended(
        guard(dir.path(), &["exec", "-w", "dev", "--", "true"]).env("GUARD_ACTIVE", "prod\u{1b}[31m").output().unwrap(),
    );
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(err.contains("`guard exec` for prod") && !err.contains('\u{1b}'), "{err:?}");
}

#[test]
fn doctor_names_what_is_wrong_and_the_remedy() {
    let (code, out, err) = run(&["doctor"]);
    assert_eq!(code, 1);
    assert!(out.lines().any(|line| line.starts_with("FAIL  ledger")), "{out}");
    assert!(out.lines().any(|line| line.starts_with("FAIL  state directory")), "{out}");
    assert!(out.contains("→ ") && err.contains("checks failed"), "{err}");
}

#[test]
fn colours_are_only_where_they_are_wanted() {
    let dir = tempfile::tempdir().unwrap();
    let has_colour = |args: &[&str], variables: &[(&str, &str)]| {
        let (_, out, err) = ended(guard(dir.path(), args).envs(variables.iter().copied()).output().unwrap());
        out.contains('\u{1b}') || err.contains('\u{1b}')
    };
    assert!(!has_colour(&["--help"], &[("TERM", "xterm-256color")]), "a pipe is no terminal");
    assert!(!has_colour(&["nonsense"], &[("NO_COLOR", "1"), ("TERM", "xterm")]));
    assert!(!has_colour(&["nonsense"], &[("TERM", "dumb")]));
}

#[test]
fn completions_and_pages_are_made_for_every_shell_and_command() {
    for shell in ["bash", "zsh", "fish"] {
        let (code, out, _) = run(&["completions", shell]);
        assert!(code == 0 && out.contains("rotate"), "{shell}");
    }
    let (code, out, _) = run(&["man"]);
    assert!(code == 0 && out.contains(".SH") && out.contains("the gate is closed"));
    let (code, out, _) = run(&["man", "key", "print"]);
    assert!(code == 0 && out.contains("guard\\-key\\-print"));
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let dir = tempfile::tempdir().unwrap();
    for args in [vec!["completions", "bash"], vec!["--help"], vec!["man"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = guard(dir.path(), &args).stdout(writer).stderr(Stdio::piped()).output().unwrap();
        assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]), "{args:?}");
    }
}

#[test]
fn the_process_is_closed_before_it_reads_a_secret() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = guard(dir.path(), &["key", "add", "-w", "prod", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    wait_until_hardened(&mut child);
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", child.id())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().nth(4), Some("0"), "{core}");

    // Something that is no key is refused without being repeated.
    child.stdin.take().unwrap().write_all(b"two words\n").unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(2));
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(said.contains("paste the key alone") && !said.contains("two words"), "{said}");
}

/// The mask is the last thing that is changed; guard then waits for its standard input.
fn wait_until_hardened(child: &mut Child) {
    let deadline = Instant::now() + Duration::from_secs(60);
    let status = format!("/proc/{}/status", child.id());
    while !std::fs::read_to_string(&status).unwrap().contains("Umask:\t0077") {
        assert!(child.try_wait().unwrap().is_none() && Instant::now() < deadline, "the mask is never narrowed");
        std::thread::yield_now();
    }
}

/// Runs itself in a process of its own: a panic ends the whole process.
#[test]
fn a_panic_is_one_scrubbed_line_and_status_70() {
    const CHILD: &str = "GUARD_TEST_PANICS";
    if std::env::var_os(CHILD).is_some() {
        guard::cli::Output { json: true, quiet: false }.end_process_on_panic();
        panic!("the key was {SECRET}\u{1b}[2J");
    }
    let name = "cli_manners::a_panic_is_one_scrubbed_line_and_status_70";
    let (code, _, err) = ended(
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name, "--nocapture", "--test-threads=1"])
            .env(CHILD, "1")
            .output()
            .unwrap(),
    );
    assert_eq!(code, 70, "{err}");
    assert!(err.starts_with("guard: internal error at tests/all/cli_manners.rs:"), "{err}");
    assert!(!err.contains(&SECRET[20..]) && !err.contains('\u{1b}'), "{err}");
    let last: serde_json::Value = serde_json::from_str(err.lines().last().unwrap()).unwrap();
    assert_eq!(last["code"], 70);
}
