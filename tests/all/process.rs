//! Programs that guard runs: bounded, alone, and told nothing they should not know.

use std::time::Duration;

use guard::adapters::process::{Call, ProcessError};
use guard::domain::ledger::Program;
use guard::domain::secret::Secret;

pub fn shell(script: &str) -> Program {
    Program { path: "/bin/sh".into(), args: vec!["-c".into(), script.into()], timeout: Duration::from_secs(600) }
}

fn output(call: Call) -> String {
    String::from_utf8(call.run_blocking().map_err(|e| e.to_string()).unwrap().stdout.to_vec()).unwrap()
}

fn secret() -> Secret {
    Secret::new("sk-ant-api03-ThisIsTheSecretOfTheTest".into()).unwrap()
}

#[test]
fn the_surroundings_are_fixed() {
    let said =
        output(Call::new(&shell("env | sort; pwd; umask; read -r x || echo no input")).env("GUARD_EVENT", "test"));
    let lines: Vec<_> = said.lines().filter(|line| !line.starts_with("_=") && !line.starts_with("PWD=")).collect();
    let path = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
    assert_eq!(lines, ["GUARD_EVENT=test", "HOME=/", "LANG=C.UTF-8", path, "/", "0077", "no input"]);
}

#[test]
fn it_leads_its_own_group_and_inherits_none_of_guards_files() {
    let open = tempfile::NamedTempFile::new().unwrap();
    let said = output(Call::new(&shell("cut -d' ' -f5 /proc/$$/stat; echo $$; ls -l /proc/$$/fd")));
    let (group, rest) = said.split_once('\n').unwrap();
    let (pid, files) = rest.split_once('\n').unwrap();
    assert_eq!(group, pid, "the group is not the child's own");
    assert!(files.contains("pipe:") && !files.contains(open.path().to_str().unwrap()), "{files}");
    drop(open);
}

#[test]
fn the_secret_goes_in_by_standard_input_only_and_does_not_come_back_in_errors() {
    let echo = Call::new(&shell("cat; echo; tr '\\0' ' ' </proc/$$/cmdline; env")).secret(&secret());
    let said = output(echo);
    assert_eq!(said.lines().next(), Some(secret().expose()));
    assert_eq!(said.matches(secret().expose()).count(), 1);

    let fail = Call::new(&shell("read -r x; echo \"$x\"; echo \"cannot store $x here\" >&2; exit 3")).secret(&secret());
    let error = fail.run_blocking().err().unwrap();
    assert_eq!(error.to_string(), "`/bin/sh` ended with status 3: cannot store [redacted] here");
    assert!(!format!("{error:?}").contains("ThisIs"));
}

#[test]
fn a_name_is_looked_up_in_the_fixed_path_and_a_suspect_file_is_not_run() {
    let named = |path: &str| Program { path: path.into(), args: vec![], timeout: Duration::from_secs(600) };
    assert!(Call::new(&named("true")).run_blocking().is_ok());
    for missing in ["no-such-program-here", "/no/such/program", "bin/true", "./true"] {
        let error = Call::new(&named(missing)).run_blocking().err().unwrap();
        assert!(matches!(error, ProcessError::NotRun { .. }), "{error}");
    }
    let directory = tempfile::tempdir().unwrap();
    let script = directory.path().join("hook");
    std::fs::write(&script, "#!/bin/sh\nexit 0\n").unwrap();
    for (mode, runs) in [(0o755, true), (0o700, true), (0o644, false), (0o775, false), (0o757, false)] {
        std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
        assert_eq!(Call::new(&named(script.to_str().unwrap())).run_blocking().is_ok(), runs, "{mode:o}");
    }
}

#[test]
fn output_is_cut_and_a_flood_does_not_block() {
    let finished = Call::new(&shell("head -c 1000000 /dev/zero; head -c 300000 /dev/zero >&2")).run_blocking();
    let finished = finished.map_err(|e| e.to_string()).unwrap();
    assert_eq!((finished.stdout.len(), finished.stderr.len()), (65_536, 65_536));
}

#[test]
fn input_that_nobody_reads_is_no_error() {
    let long = "x".repeat(1_000_000);
    Call::new(&shell("exec true")).input(&long).run_blocking().map_err(|e| e.to_string()).unwrap();
    assert_eq!(output(Call::new(&shell("wc -c")).input(&long)).trim(), "1000000");
}

#[test]
fn past_its_limit_the_whole_group_is_gone() {
    let directory = tempfile::tempdir().unwrap();
    let pids = directory.path().join("pids");
    // The leader ends when asked to; its child does not listen and must be killed.
    let script =
        format!("sh -c 'trap \"\" TERM; sleep 600' & echo $! $$ >{0}.new; mv {0}.new {0}; wait", pids.display());
    let program = Program { timeout: Duration::from_millis(500), ..shell(&script) };
    let error = Call::new(&program).run_blocking().err().unwrap();
    assert!(matches!(error, ProcessError::TimedOut { .. }), "{error}");
    for pid in std::fs::read_to_string(&pids).unwrap().split_whitespace() {
        // Killed; the kernel takes a moment, and whoever adopts it may not have reaped it yet.
        while std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z ")) {
            std::thread::yield_now();
        }
    }
}

#[tokio::test]
async fn a_dropped_future_stops_the_program() {
    let directory = tempfile::tempdir().unwrap();
    let (started, stopped) = (directory.path().join("started"), directory.path().join("stopped"));
    let script = format!(
        "trap 'echo stopped >{}; exit 1' TERM; echo >{}; while :; do sleep 0.01; done",
        stopped.display(),
        started.display()
    );
    let program = shell(&script);
    let run = tokio::spawn(Call::new(&program).run());
    while !started.exists() {
        tokio::task::yield_now().await;
    }
    run.abort();
    while std::fs::read_to_string(&stopped).unwrap_or_default() != "stopped\n" {
        tokio::task::yield_now().await;
    }
}

#[test]
fn what_it_leaves_in_the_background_does_not_hold_guard_up() {
    let said = output(Call::new(&shell("sleep 600 & echo $!")));
    let pid = said.trim().parse().ok().and_then(rustix::process::Pid::from_raw).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}
