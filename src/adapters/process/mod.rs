//! Programs: the one place that starts them. Each runs without a shell in a process group of its own, with a fixed
//! environment, none of guard's open files, working directory `/` and umask 077; it is bounded in time and in what is kept
//! of its output.

mod child;
mod redact;

use std::ffi::OsString;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use rustix::fs::Mode;
use zeroize::Zeroizing;

use self::child::{End, supervise};
use super::fs;
use crate::domain::ledger::Program;
use crate::domain::secret::Secret;

pub use redact::redact;

/// Where a program without a path is looked for; also the child's own `PATH`.
const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// Why a program did not do what it was run for. No variant carries secret text.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ProcessError {
    /// It was not started: missing, not executable, or others may change it.
    #[error("`{program}` was not run: {why}")]
    NotRun {
        /// Which program.
        program: String,
        /// What is wrong.
        why: String,
    },
    /// It ended, but not with status 0.
    #[error("`{program}` ended with {status}{said}")]
    Failed {
        /// Which program.
        program: String,
        /// "status 1", "signal 9".
        status: String,
        /// The last line of its standard error, redacted, after a colon; or nothing.
        said: String,
    },
    /// It took too long and was stopped, with everything it had started.
    #[error("`{program}` was stopped after {} seconds", after.as_secs())]
    TimedOut {
        /// Which program.
        program: String,
        /// Its limit.
        after: std::time::Duration,
    },
    /// Nobody waited for it any longer; it was stopped.
    #[error("`{program}` was stopped because guard is stopping")]
    Abandoned {
        /// Which program.
        program: String,
    },
}

/// What a program wrote, at most 64 KiB each; wiped on drop, because it may be a secret.
pub struct Finished {
    /// Standard output.
    pub stdout: Zeroizing<Vec<u8>>,
    /// Standard error.
    pub stderr: Zeroizing<Vec<u8>>,
}

/// Runs the ledger's programs for use cases.
#[derive(Debug, Clone, Copy)]
pub struct Programs;

#[async_trait::async_trait]
impl crate::ports::Programs for Programs {
    async fn run(&self, program: &Program, environment: &[(&'static str, String)]) -> Result<(), String> {
        let call = environment.iter().fold(Call::new(program), |call, (name, value)| call.env(name, value));
        call.run().await.map(drop).map_err(|error| error.to_string())
    }
}

/// One run of a program.
pub struct Call {
    program: Program,
    input: Zeroizing<Vec<u8>>,
    secret: Option<Secret>,
    environment: Vec<(&'static str, OsString)>,
}

impl Call {
    /// The program with empty standard input and the fixed environment.
    pub fn new(program: &Program) -> Self {
        Self { program: program.clone(), input: Zeroizing::default(), secret: None, environment: Vec::new() }
    }

    /// Gives the program this text on standard input.
    #[must_use]
    pub fn input(mut self, text: &str) -> Self {
        self.input = Zeroizing::new(text.as_bytes().to_vec());
        self
    }

    /// Gives the program the secret on standard input, without a line break.
    #[must_use]
    pub fn secret(mut self, secret: &Secret) -> Self {
        self.secret = Some(secret.duplicate());
        self.input(secret.expose())
    }

    /// Adds a variable to the fixed environment. Never a secret.
    #[must_use]
    pub fn env(mut self, name: &'static str, value: impl Into<OsString>) -> Self {
        self.environment.push((name, value.into()));
        self
    }

    /// Runs it and waits; blocks the thread for at most the program's limit and the few seconds that stopping it takes.
    ///
    /// # Errors
    /// [`ProcessError`], also when it ends with another status than 0.
    pub fn run_blocking(self) -> Result<Finished, ProcessError> {
        self.supervised(None)
    }

    /// Runs it and waits. When the future is dropped, the program is stopped.
    ///
    /// # Errors
    /// As [`Call::run_blocking`].
    pub async fn run(self) -> Result<Finished, ProcessError> {
        let program = self.program.path.clone();
        let not_run = |why: String| ProcessError::NotRun { program: program.clone(), why };
        // The other end closes when this future is dropped, finished or not.
        let (cancelled, _alive) = std::io::pipe().map_err(|error| not_run(error.to_string()))?;
        tokio::task::spawn_blocking(move || self.supervised(Some(&cancelled)))
            .await
            .unwrap_or_else(|error| Err(not_run(error.to_string())))
    }

    fn supervised(mut self, cancelled: Option<&std::io::PipeReader>) -> Result<Finished, ProcessError> {
        let program = self.program.path.clone();
        let not_run = |why: String| ProcessError::NotRun { program: program.clone(), why };
        let path = find(&program).map_err(not_run)?;
        fs::program(&path).map_err(|error| not_run(error.to_string()))?;
        #[expect(clippy::disallowed_methods, reason = "the one place that runs programs of the ledger")]
        let mut command = Command::new(path);
        command.args(&self.program.args).env_clear().current_dir("/");
        command.envs([("PATH", PATH), ("LANG", "C.UTF-8"), ("HOME", "/")]).envs(self.environment);
        let ended = supervise(
            || privately(|| child::spawn(&mut command)),
            std::mem::take(&mut self.input),
            self.program.timeout,
            cancelled.map(AsFd::as_fd),
        )
        .map_err(|error| not_run(error.to_string()))?;
        match ended.end {
            End::Exited(status) if status.success() => Ok(Finished { stdout: ended.stdout, stderr: ended.stderr }),
            End::Exited(status) => {
                let said = redact::last_line(&ended.stderr, self.secret.as_ref());
                Err(ProcessError::Failed { program, status: describe(status), said })
            }
            End::TimedOut => Err(ProcessError::TimedOut { program, after: self.program.timeout }),
            End::Abandoned => Err(ProcessError::Abandoned { program }),
        }
    }
}

fn describe(status: std::process::ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("status {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => status.to_string(),
    }
}

/// An absolute path as it is, a bare name in the fixed directories. The child works in `/`, so that a relative path would mean
/// one file to guard and another to the child.
fn find(program: &str) -> Result<PathBuf, String> {
    if program.starts_with('/') {
        return Ok(PathBuf::from(program));
    }
    if program.contains('/') {
        return Err("it is a relative path; write the whole path".to_owned());
    }
    let mut places = PATH.split(':').map(|directory| PathBuf::from(directory).join(program));
    places.find(|path| path.is_file()).ok_or_else(|| format!("it is not in {PATH}"))
}

/// Starts a child with umask 077. The umask belongs to the whole process: one at a time, and files that another thread makes
/// meanwhile become more private, never less.
fn privately<T>(start: impl FnOnce() -> T) -> T {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let before = rustix::process::umask(Mode::RWXG | Mode::RWXO);
    let started = start();
    rustix::process::umask(before);
    started
}
