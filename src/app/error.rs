use crate::domain::ids::WorkspaceName;
use crate::exit::{Exit, Failure};
use crate::ports::{ConsumerError, GateError, ProviderError, StoreError, VaultError};

/// Why a use case ended without doing what was asked. What it owes is in the journal, whatever the error.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The provider.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// The state.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The vault.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// A consumer.
    #[error(transparent)]
    Consumer(#[from] ConsumerError),
    /// The gate.
    #[error(transparent)]
    Gate(#[from] GateError),
    /// The gate keeps jobs from starting and keys from being handed out.
    #[error("the gate of {workspace} is closed: {why}")]
    GateClosed {
        /// Which gate.
        workspace: WorkspaceName,
        /// Why, as far as is known.
        why: String,
    },
    /// A precondition does not hold; nothing was changed.
    #[error("{what}")]
    Refused {
        /// What does not hold.
        what: String,
        /// What to do about it.
        remedy: String,
    },
    /// Not now; what is open goes on by itself or with the same command later.
    #[error("{what}")]
    Later {
        /// What is waited for.
        what: String,
    },
    /// guard contradicts itself: a bug.
    #[error("internal contradiction: {0}")]
    Bug(String),
}

impl From<AppError> for Failure {
    fn from(error: AppError) -> Self {
        let message = error.to_string();
        match error {
            AppError::Provider(ProviderError::Refused { .. }) => Self::new(Exit::Unauthorized, message)
                .hint("check guard's admin key: `guard doctor` says where it was read from"),
            AppError::Provider(e) if e.temporary() => {
                Self::new(Exit::Later, message).hint("run the same command again later")
            }
            AppError::Provider(_) => Self::new(Exit::Failed, message),
            AppError::Store(StoreError::Busy { .. } | StoreError::Conflict { .. }) => {
                Self::new(Exit::Later, message).hint("wait for the other guard to finish, or raise --lock-timeout")
            }
            AppError::Store(StoreError::Newer { .. } | StoreError::Untrusted(_)) => Self::new(Exit::Config, message),
            AppError::Store(_) | AppError::Gate(_) => Self::new(Exit::Failed, message),
            AppError::Vault(_) => Self::new(Exit::Config, message).hint("`guard doctor` checks the vault"),
            AppError::Consumer(_) => Self::new(Exit::Unreachable, message),
            AppError::GateClosed { workspace, .. } => Self::new(Exit::GateClosed, message).hint(format!(
                "`guard status` shows what happened and what to do; after an incident \
                 `guard rearm -w {workspace} --incident N --cause TEXT --reason TEXT` opens the gate again"
            )),
            AppError::Refused { remedy, .. } => Self::new(Exit::Refused, message).hint(remedy),
            AppError::Later { .. } => Self::new(Exit::Later, message),
            AppError::Bug(_) => {
                Self::new(Exit::Internal, message).hint("please report this with the output of `guard status --json`")
            }
        }
    }
}
