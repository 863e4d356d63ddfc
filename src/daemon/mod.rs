//! The long-running service: cycles at a steady pace until it is told to stop, and never because one of them failed.

mod board;
pub mod http;
mod pace;
mod signals;

pub use board::Board;
pub use pace::Pace;
pub use signals::{Signal, Signals};

use sd_notify::NotifyState;

use crate::app::App;
use crate::app::poll::PollReport;
use crate::app::watch::{Cycle, cycle};

/// Runs cycles until `signals` says stop. `reload` makes the App anew after SIGHUP; when it fails, it has said so and the old one
/// stays. Every cycle is shown to `seen`.
pub async fn watch(
    mut app: App,
    mut signals: Signals,
    mut reload: impl FnMut() -> Option<App>,
    mut seen: impl FnMut(&App, &Cycle),
) {
    say(&[NotifyState::Ready]);
    let mut pace = Pace::new(app.ledger.organization.poll_interval, app.clock.now());
    loop {
        let outcome = cycle(&app).await;
        // From this loop alone: a service whose cycles do not end is a dead one, whatever its other tasks do.
        say(&[NotifyState::Watchdog, NotifyState::Status(&summary(&outcome))]);
        seen(&app, &outcome);
        let pause = pace.pause(app.clock.now());
        let signal = tokio::select! {
            signal = signals.next() => signal,
            () = app.clock.sleep(pause) => continue,
        };
        match signal {
            Signal::Stop => break,
            Signal::Reload => {
                reloading();
                if let Some(fresh) = reload() {
                    app = fresh;
                    pace = Pace::new(app.ledger.organization.poll_interval, app.clock.now());
                }
                say(&[NotifyState::Ready]);
            }
        }
    }
    say(&[NotifyState::Stopping]);
}

/// Tells the service manager, if there is one. That nobody listens is no trouble.
fn say(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "the service manager was not told");
    }
}

/// From version 253 on the service manager wants to know when the reloading began.
fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(since) => say(&[NotifyState::Reloading, since]),
        Err(_) => say(&[NotifyState::Reloading]),
    }
}

/// One line for `systemctl status`.
fn summary(cycle: &Cycle) -> String {
    match &cycle.poll {
        Ok(PollReport { trouble: Some(trouble), .. }) => format!("blind: {trouble}"),
        Ok(report) => {
            format!("{} principals, {} verdicts, {} trips", report.principals, report.verdicts.len(), cycle.trips.len())
        }
        Err(error) => format!("blind: {error}"),
    }
}
