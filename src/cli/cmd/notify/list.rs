use serde_json::json;

use crate::app::channels::{self, Channel};
use crate::app::heartbeat::{self, Pulse};
use crate::app::silence::{self, Silence};
use crate::cli::{Failure, Session};
use crate::domain::redact::printable;
use crate::domain::time::rfc3339;
use crate::exit::Exit;

/// Arguments of `guard notify list`.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Shows every channel and every silence.
pub fn run(_: Args, session: &Session) -> Result<Exit, Failure> {
    let app = session.app("notify list")?;
    let store = |error: crate::ports::StoreError| Failure::from(crate::app::AppError::from(error));
    let channels = channels::list(&app)?;
    let silences = silence::current(&app, app.clock.now()).map_err(store)?;
    let pulse = app.ledger.heartbeat.as_ref().map(|_| heartbeat::pulse(&app)).transpose().map_err(store)?;
    session.out.document(&json!({
        "type": "notifiers", "schema": 1, "channels": channels, "silences": silences, "heartbeat": pulse,
    }));
    if channels.is_empty() {
        session.out.line("The ledger has no notifier: nobody is told when something happens.");
        session.out.line("Next: add a [[notifier]] (docs/notifiers.md shows each kind), then `guard notify test`.");
    }
    for channel in &channels {
        session.out.line(line(channel));
    }
    if let Some(pulse) = &pulse {
        session.out.line(alive(pulse));
    }
    for silence in &silences {
        session.out.line(quiet(silence));
    }
    Ok(Exit::Done)
}

fn line(channel: &Channel) -> String {
    let state = match (&channel.failing, &channel.last_delivered) {
        (Some(why), _) => format!("FAILING: {}", printable(why, 120)),
        (None, Some(at)) => {
            let answer = channel.last_answer.as_deref().unwrap_or_default();
            format!("last delivered {}, answered: {}", rfc3339(*at), printable(answer, 80))
        }
        (None, None) => "not used yet".to_owned(),
    };
    let waiting = match (channel.waiting, channel.oldest_waiting) {
        (0, _) | (_, None) => String::new(),
        (n, Some(oldest)) => format!("; {n} waiting since {}", rfc3339(oldest)),
    };
    let told = channel.at_least.as_str();
    format!("{:<16} {:<12} {told} and worse; {state}{waiting}", channel.name, channel.kind)
}

fn alive(pulse: &Pulse) -> String {
    let state = match (&pulse.failing, &pulse.last_good) {
        (Some(why), _) => format!("FAILING: {}", printable(why, 120)),
        (None, Some((at, answer))) => {
            format!("last sign of life {}, answered: {}", rfc3339(*at), printable(answer, 80))
        }
        (None, None) => "no sign of life yet; each follows a look at usage that succeeded".to_owned(),
    };
    format!("{:<16} {:<12} {state}", "heartbeat", "")
}

fn quiet(silence: &Silence) -> String {
    let mut about = Vec::new();
    about.extend(silence.channel.as_ref().map(|channel| format!("channel {channel}")));
    about.extend(silence.workspace.as_ref().map(|workspace| format!("workspace {workspace}")));
    let about = if about.is_empty() { "everything".to_owned() } else { about.join(", ") };
    let critical = if silence.even_critical { "EVEN CRITICAL" } else { "except what is critical" };
    format!(
        "silence {}: {about}, {critical}, until {}: {} ({})",
        silence.id,
        rfc3339(silence.until),
        silence.reason,
        silence.by
    )
}
