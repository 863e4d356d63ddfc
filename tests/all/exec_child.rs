//! Jobs as real processes: environment, open files, process group, signals, statuses.

use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use guard::adapters::child::Children;
use guard::app::exec::{Outcome, Request, exec};
use guard::domain::secret::Secret;
use guard::ports::{JobCommand, JobEnd, Jobs, Signal, StartError};
use rustix::fs::{FileType, Mode};
use tokio::io::AsyncReadExt;

use super::jobs_fakes::{SECRET, World, ledger, prod};

fn children() -> Children {
    Children::new(Mode::WGRP | Mode::WOTH)
}

fn command(program: impl Into<OsString>, args: &[&str]) -> JobCommand {
    JobCommand {
        program: program.into(),
        args: args.iter().map(Into::into).collect(),
        set: vec![("GUARD_ACTIVE".into(), "prod".into())],
        remove: vec!["GUARD_ADMIN_KEY".into(), "PATH".into()],
        key: ("ANTHROPIC_API_KEY".into(), Secret::new(SECRET.into()).unwrap()),
    }
}

/// Runs a shell script whose working directory is `$1`, and returns how it ended.
async fn shell(script: &str, dir: &Path) -> JobEnd {
    let script = format!("cd \"$1\" || exit 99\n{script}");
    let command = command("/bin/sh", &["-c", &script, "sh", dir.to_str().unwrap()]);
    children().start(command).unwrap().wait().await.unwrap()
}

fn read(dir: &Path, name: &str) -> String {
    std::fs::read_to_string(dir.join(name)).unwrap()
}

#[tokio::test]
async fn the_key_is_in_the_environment_and_in_no_argument() {
    let dir = tempfile::tempdir().unwrap();
    let end = shell("env > env; tr '\\0' ' ' < /proc/$$/cmdline > cmdline", dir.path()).await;
    assert_eq!(end, JobEnd::Exited(0));
    let env = read(dir.path(), "env");
    assert!(env.contains(&format!("ANTHROPIC_API_KEY={SECRET}\n")) && env.contains("GUARD_ACTIVE=prod\n"));
    // Every process has a PATH; this job was not to inherit it, and its shell looks where it always does.
    assert!(std::env::var_os("PATH").is_some() && !env.lines().any(|line| line.starts_with("PATH=")));
    assert!(!read(dir.path(), "cmdline").contains(SECRET));
}

#[tokio::test]
async fn no_open_file_of_guards_reaches_the_job() {
    let dir = tempfile::tempdir().unwrap();
    let mine = std::fs::File::create(dir.path().join("mine")).unwrap();
    let end = shell("ls -l /proc/self/fd > fds", dir.path()).await;
    drop(mine);
    assert_eq!(end, JobEnd::Exited(0));
    let fds = read(dir.path(), "fds");
    assert!(fds.contains(" 1 -> "), "{fds}");
    assert!(!fds.contains("/mine"), "{fds}");
}

#[tokio::test]
async fn files_of_the_job_have_the_mode_they_would_have_without_guard() {
    let dir = tempfile::tempdir().unwrap();
    shell("touch made", dir.path()).await;
    let mode = std::fs::metadata(dir.path().join("made")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o644);
}

#[tokio::test]
async fn statuses_and_deadly_signals_come_back() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(shell("exit 42", dir.path()).await.status(), 42);
    assert_eq!(shell("kill -9 $$", dir.path()).await, JobEnd::Killed(9));
    assert_eq!(shell("kill -TERM $$", dir.path()).await.status(), 143);
}

#[tokio::test]
async fn a_program_that_cannot_run_is_told_from_one_that_is_not_there() {
    let dir = tempfile::tempdir().unwrap();
    let plain = dir.path().join("plain");
    std::fs::write(&plain, "no program").unwrap();
    assert_eq!(children().start(command("/no/such/program", &[])).err(), Some(StartError::NotFound));
    assert!(matches!(children().start(command(plain, &[])).err(), Some(StartError::NotRunnable(_))));
}

#[tokio::test]
async fn a_signal_reaches_everything_that_the_job_started() {
    if std::fs::File::open("/dev/tty").is_ok() {
        // A terminal controls the tests: jobs then share its process group, and the terminal signals them all.
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let fifo = dir.path().join("fifo");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let mut pipe = tokio::net::unix::pipe::OpenOptions::new().open_receiver(&fifo).unwrap();
    let script = "(echo up; exec sleep 600) > \"$1\" & wait";
    let mut job = children().start(command("/bin/sh", &["-c", script, "sh", fifo.to_str().unwrap()])).unwrap();
    let story = async {
        let mut said = [0; 3];
        // Nothing can be read before somebody has opened the other end.
        while pipe.read_exact(&mut said).await.is_err() {
            tokio::task::yield_now().await;
        }
        job.signal(Signal::Terminate);
        assert_eq!(job.wait().await.unwrap(), JobEnd::Killed(15));
        // The end of the pipe: the grandchild is gone, too.
        assert_eq!(pipe.read(&mut said).await.unwrap(), 0);
        // A signal that comes too late is no error.
        job.signal(Signal::Kill);
    };
    tokio::time::timeout(Duration::from_secs(60), story).await.expect("a process was left behind");
}

/// The only test that signals its own process: every listener in the process hears it.
#[tokio::test]
async fn signals_that_reach_guard_are_passed_on_and_the_run_s_end_is_recorded() {
    let dir = tempfile::tempdir().unwrap();
    let fifo = dir.path().join("fifo");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let mut pipe = tokio::net::unix::pipe::OpenOptions::new().open_receiver(&fifo).unwrap();
    let script =
        "exec 3> \"$1\"; trap 'echo usr1 >&3' USR1; trap 'exit 5' TERM; echo up >&3; while :; do sleep 0.01; done";
    let world = World::healthy();
    let (app, jobs) = (world.app(ledger()), children());
    let request = Request {
        workspace: prod(),
        program: "/bin/sh".into(),
        args: ["-c", script, "sh", fifo.to_str().unwrap()].map(Into::into).into(),
        variable: None,
        ladder: None,
    };
    let send = |signal| rustix::process::kill_process(rustix::process::getpid(), signal).unwrap();
    let sender = async {
        let mut said = [0; 3];
        while pipe.read_exact(&mut said).await.is_err() {
            tokio::task::yield_now().await;
        }
        send(rustix::process::Signal::USR1);
        let mut answer = [0; 5];
        pipe.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"usr1\n");
        send(rustix::process::Signal::TERM);
    };
    let story = async { tokio::join!(exec(&app, &jobs, request), sender).0 };
    let outcome = tokio::time::timeout(Duration::from_secs(60), story).await.expect("a signal was lost");
    assert_eq!(outcome.unwrap(), Outcome::Ended(JobEnd::Exited(5)));
    let runs = world.runs.lock().unwrap();
    assert_eq!((runs[0].program.as_str(), runs[0].exit_status), ("sh", Some(5)));
}
