use std::ffi::OsString;

use async_trait::async_trait;

use crate::domain::secret::Secret;

/// A job to start: the program, and how its environment differs from guard's own.
#[derive(Debug)]
pub struct JobCommand {
    /// What to run; looked up in `PATH` when it has no slash.
    pub program: OsString,
    /// Its arguments. Never a secret.
    pub args: Vec<OsString>,
    /// Variables that the job gets beside those it inherits.
    pub set: Vec<(String, String)>,
    /// Variables that the job does not inherit: where guard's own credentials might stand.
    pub remove: Vec<String>,
    /// The variable that carries the key, and the key.
    pub key: (String, Secret),
}

/// A signal that people, init systems and guard send to jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGHUP.
    Hangup,
    /// SIGINT.
    Interrupt,
    /// SIGQUIT.
    Quit,
    /// SIGTERM.
    Terminate,
    /// SIGUSR1.
    User1,
    /// SIGUSR2.
    User2,
    /// SIGKILL. Only guard sends it; nobody can receive it.
    Kill,
}

/// How a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobEnd {
    /// It exited with this status.
    Exited(u8),
    /// It was killed by the signal of this number.
    Killed(u8),
}

impl JobEnd {
    /// The status that a shell would report: the job's own, or 128 + the signal's number.
    pub const fn status(self) -> u8 {
        match self {
            Self::Exited(status) => status,
            Self::Killed(signal) => 128_u8.saturating_add(signal),
        }
    }
}

/// Why a job did not start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// There is no such program.
    #[error("there is no such program")]
    NotFound,
    /// The program is there but cannot be run.
    #[error("{0}")]
    NotRunnable(String),
}

/// The signals that reach guard while it runs a job, and that are meant for the job.
#[async_trait]
pub trait Signals: Send {
    /// The next one; waits for ever when none comes. Dropping the future loses nothing.
    async fn next(&mut self) -> Signal;
}

/// A job that was started.
#[async_trait]
pub trait Job: Send {
    /// Its process id.
    fn pid(&self) -> u32;
    /// Waits for its end. Dropping the future loses nothing.
    ///
    /// # Errors
    /// The operating system's words when it no longer knows the process.
    async fn wait(&mut self) -> Result<JobEnd, String>;
    /// Sends a signal to the job: to all its processes when it has a group of its own. A job that has ended is no error.
    fn signal(&self, signal: Signal);
}

/// Starts jobs and listens for signals on their behalf.
pub trait Jobs: Send + Sync {
    /// From here on no signal in [`Signal`] ends guard; each is kept for the job.
    ///
    /// # Errors
    /// The operating system's words.
    fn listen(&self) -> Result<Box<dyn Signals>, String>;
    /// Starts the job with guard's standard input, output and error, and with no other open file of guard's.
    fn start(&self, command: JobCommand) -> Result<Box<dyn Job>, StartError>;
}
