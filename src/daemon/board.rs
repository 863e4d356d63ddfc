use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::app::watch::Cycle;
use crate::app::{App, AppError, metrics, status};
use crate::ports::ProviderError;
use crate::report::metrics::MetricsView;
use crate::report::status::StatusView;

/// What the status server shows: the records through the newest [`App`], and counts of this process.
#[derive(Debug)]
pub struct Board(Mutex<Posted>);

struct Posted {
    app: App,
    poll_errors: BTreeMap<&'static str, u64>,
    notifications: BTreeMap<&'static str, u64>,
}

impl std::fmt::Debug for Posted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Posted").field("poll_errors", &self.poll_errors).finish_non_exhaustive()
    }
}

impl Board {
    /// Before the first cycle.
    pub fn new(app: App) -> Arc<Self> {
        let results = ["delivered", "postponed", "given_up"];
        // A counter that begins at zero shows its first step.
        let notifications = results.map(|result| (result, 0)).into();
        Arc::new(Self(Mutex::new(Posted { app, poll_errors: BTreeMap::new(), notifications })))
    }

    /// After each cycle.
    pub fn note(&self, app: &App, cycle: &Cycle) {
        let mut posted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        posted.app = app.clone();
        let trouble = match &cycle.poll {
            Ok(report) => report.trouble.as_ref().map(reason),
            Err(_) => Some("state"),
        };
        if let Some(reason) = trouble {
            *posted.poll_errors.entry(reason).or_default() += 1;
        }
        if let Ok(outbox) = &cycle.outbox {
            let counts =
                [("delivered", outbox.delivered), ("postponed", outbox.postponed), ("given_up", outbox.given_up)];
            for (result, count) in counts {
                *posted.notifications.entry(result).or_default() += u64::from(count);
            }
        }
    }

    fn app(&self) -> App {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).app.clone()
    }

    /// The status, read anew.
    ///
    /// # Errors
    /// The store's.
    pub fn status(&self) -> Result<StatusView, AppError> {
        status::gather(&self.app())
    }

    /// The metrics, read anew.
    ///
    /// # Errors
    /// The store's.
    pub fn metrics(&self) -> Result<MetricsView, AppError> {
        let mut view = metrics::gather(&self.app())?;
        let posted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        view.poll_errors = posted.poll_errors.clone();
        view.notifications = posted.notifications.clone();
        Ok(view)
    }
}

/// The `reason` of a failed poll, as a label.
const fn reason(error: &ProviderError) -> &'static str {
    match error {
        ProviderError::Unreachable(_) => "unreachable",
        ProviderError::Refused { .. } => "refused",
        ProviderError::NotFound(_) | ProviderError::Rejected { .. } => "rejected",
        ProviderError::RateLimited { .. } => "rate_limited",
        ProviderError::OutOfMoney(_) => "out_of_money",
        ProviderError::Server { .. } => "server",
        ProviderError::Malformed(_) => "malformed",
    }
}
