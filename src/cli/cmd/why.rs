use serde_json::{Value, json};

use crate::app::why::{Compared, Why, why};
use crate::cli::{Failure, Session};
use crate::domain::ids::{IncidentId, WorkspaceName};
use crate::domain::ledger::TripMode;
use crate::domain::redact::printable;
use crate::domain::time::{Minute, humane, rfc3339};
use crate::exit::Exit;

/// Arguments of `guard why`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The incident's number [default: the newest]
    #[arg(value_name = "INCIDENT")]
    incident: Option<u64>,
    /// Whose incident; needed where several workspaces have one of that number
    #[arg(short, long, value_name = "NAME")]
    workspace: Option<WorkspaceName>,
}

/// Explains an incident. Works from the records alone: the provider is not asked.
pub async fn run(args: Args, session: &Session) -> Result<Exit, Failure> {
    let app = session.app("why")?;
    if let Some(name) = &args.workspace {
        session.workspace(&app.ledger, name)?;
    }
    let why = why(&app, args.incident.map(IncidentId), args.workspace.as_ref())?;
    session.out.document(&json!({ "type": "why", "schema": 1, "why": why }));
    print(session, &why);
    Ok(Exit::Done)
}

fn print(session: &Session, why: &Why) {
    let out = &session.out;
    let row = |name: &str, text: &str| out.line(format!("  {name:10}{text}"));
    let by = if why.rule == "person" { "by a person".to_owned() } else { format!("rule {}", printable(&why.rule, 40)) };
    let mode = match why.mode {
        TripMode::Observe => "only observed",
        TripMode::Gate => "the gate was closed",
        TripMode::Kill => "keys were stopped",
    };
    out.line(format!("{}, incident {}, {}: {by}; {mode}", why.workspace, why.incident, rfc3339(why.at)));
    out.line(format!("  {}", printable(&why.sentence, 2_000)));
    out.line("");
    if let Some(since) = why.since {
        let before = humane(why.at - since);
        row("since", &format!("{} ({before} before guard acted)", rfc3339(since)));
    }
    if let Some(confidence) = why.confidence {
        row("sure", &format!("{:.0} %", (confidence * 100.0).floor()));
    }
    if !why.also.is_empty() {
        row("agreed", &why.also.join(", "));
    }
    for (i, key) in why.keys.iter().enumerate() {
        row(if i == 0 { "keys" } else { "" }, key.as_str());
    }
    let figures: Vec<String> =
        why.figures.iter().filter(|(name, _)| *name != "kind").map(|(name, value)| figure(name, value)).collect();
    if !figures.is_empty() {
        row("figures", &figures.join(", "));
    }
    if let Some(usage) = &why.usage {
        print_usage(&row, usage);
    }
    for (i, step) in why.steps.iter().enumerate() {
        let what = printable(&step.what, 500);
        row(if i == 0 { "then" } else { "" }, &format!("{}  {what}", rfc3339(step.at)));
    }
    if let Some((first, last)) = why.evidence {
        row("evidence", &format!("records {first} to {last}; `guard evidence verify` checks the chain"));
    }
    if why.released.is_none() {
        let rearm =
            format!("`guard rearm -w {} --incident {} --cause TEXT --reason TEXT`", why.workspace, why.incident);
        row("open", &format!("nobody has released it yet: {rearm}"));
    }
}

fn print_usage(row: &impl Fn(&str, &str), usage: &Compared) {
    let Compared { from, until, used, usual, models } = usage;
    let span = format!("{used} from {} to {}; usually {usual} at that time", rfc3339(*from), rfc3339(*until));
    row("usage", &format!("{span} (median of seven days)"));
    for (model, cost) in models {
        row("", &format!("{cost}  {}", printable(model, 80)));
    }
}

/// Figures that are money, and figures that are minutes.
const MONEY: [&str; 6] = ["used", "cap", "projected", "limit", "lost", "accepted"];
const MINUTES: [&str; 1] = ["first"];

/// `times_most` and 7.3421 as "times most 7.34".
fn figure(name: &str, value: &Value) -> String {
    let (money, minute) = (MONEY.contains(&name), MINUTES.contains(&name));
    let name = printable(&name.replace('_', " "), 60);
    match value {
        Value::String(text) if money => format!("{name} ${}", printable(text, 40)),
        Value::Number(number) if minute => {
            format!("{name} {}", Minute::from_epoch(number.as_i64().unwrap_or_default()))
        }
        Value::Number(number) if number.is_f64() => format!("{name} {:.2}", number.as_f64().unwrap_or_default()),
        Value::String(text) => format!("{name} {}", printable(text, 200)),
        other => format!("{name} {other}"),
    }
}
