//! Exit statuses: an interface. New ones may be added; treat an unknown non-zero status as failure.

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done, or nothing to do.
    Done,
    /// Failed; details on standard error.
    Failed,
    /// Wrong usage.
    Usage,
    /// Refused: a precondition does not hold (no standby, key dead, wrong workspace).
    Refused,
    /// Rolled back: the old key is the one in use again.
    RolledBack,
    /// The gate is closed.
    GateClosed,
    /// Provider or consumer unreachable.
    Unreachable,
    /// A bug in guard.
    Internal,
    /// Not now: lock held, drain unfinished, provider busy. Run again later.
    Later,
    /// The provider refused guard's credential.
    Unauthorized,
    /// The ledger, a setting or a file's permissions are wrong.
    Config,
    /// `guard exec`: found but not runnable.
    NotRunnable,
    /// `guard exec`: not found.
    NotFound,
    /// The child's own status, or the status of `guard check`.
    Other(u8),
}

impl Exit {
    /// The number that the process returns.
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Refused => 10,
            Self::RolledBack => 11,
            Self::GateClosed => 12,
            Self::Unreachable => 69,
            Self::Internal => 70,
            Self::Later => 75,
            Self::Unauthorized => 77,
            Self::Config => 78,
            Self::NotRunnable => 126,
            Self::NotFound => 127,
            Self::Other(code) => code,
        }
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
/// What a person reads when a command did not do what was asked: what, where, why, and what to do next.
#[derive(Debug)]
pub struct Failure {
    /// The exit status.
    pub exit: Exit,
    /// What happened, with its causes, in one paragraph. May span lines (a list of ledger errors).
    pub message: String,
    /// What to do next.
    pub hint: Option<String>,
}

impl Failure {
    /// A failure without a hint.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), hint: None }
    }

    /// Adds what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}
