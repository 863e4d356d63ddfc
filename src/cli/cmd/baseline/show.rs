use rustix::termios::tcgetwinsize;
use serde_json::{Value, json};

use crate::app::baseline::{self, BaselineView, Usual};
use crate::app::watch::Remembered;
use crate::cli::{Failure, Session};
use crate::domain::ids::{KeyId, WorkspaceName};
use crate::domain::time::{Minute, Timestamp, humane, rfc3339};
use crate::exit::Exit;
use crate::report::axis::Scale;
use crate::report::status::Level;
use crate::report::terminal_plot::TerminalPlot;

/// Characters a line where the terminal does not say.
const WIDTH: usize = 100;
/// Lines of the plot.
const HEIGHT: usize = 12;

/// Arguments of `guard baseline show`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Whose usage
    #[arg(short, long, value_name = "NAME")]
    workspace: WorkspaceName,
    /// Only this key's
    #[arg(long, value_name = "ID")]
    key: Option<KeyId>,
    /// How many hours to draw
    #[arg(long, value_name = "N", default_value_t = 48, value_parser = clap::value_parser!(u32).range(1..=744))]
    hours: u32,
}

/// Draws usage and baseline.
pub fn run(args: &Args, session: &Session) -> Result<Exit, Failure> {
    let app = session.app("baseline show")?;
    session.workspace(&app.ledger, &args.workspace)?;
    let view = baseline::show(&app, &args.workspace, args.key.as_ref(), args.hours)?;
    let remembered = Remembered::load(app.watch_state.as_ref()).map_err(crate::app::AppError::from)?;
    let verdicts: Vec<(Timestamp, Level)> = remembered
        .verdicts
        .iter()
        .filter(|v| v.workspace.as_ref() == Some(&args.workspace))
        .filter(|v| args.key.is_none() || v.view.principal.key() == args.key.as_ref())
        .map(|v| (v.view.at, v.view.level))
        .collect();
    let whole = match serde_json::to_value(&view.usage) {
        Ok(usage) => usage,
        Err(error) => return Err(Failure::new(Exit::Internal, format!("the JSON form could not be made: {error}"))),
    };
    session.out.document(&json!({
        "type": "baseline", "schema": 1, "workspace": args.workspace,
        "principals": view.principals.iter().map(document).collect::<Vec<_>>(), "usage": whole,
    }));
    print(args, session, &view, &verdicts, app.clock.now());
    Ok(Exit::Done)
}

fn document(usual: &Usual) -> Value {
    let outlook = &usual.outlook;
    let days = |days: &[Minute]| days.iter().map(|day| day.start().date_naive().to_string()).collect::<Vec<_>>();
    json!({
        "principal": usual.principal,
        "watched_since": rfc3339(usual.since.start()),
        "days": outlook.days,
        "maturity": format!("{:?}", outlook.maturity).to_lowercase(),
        "usual_day_usd": outlook.usual_day,
        "most": outlook.most.iter().map(|(width, usd)| json!({ "minutes": width, "usd": usd })).collect::<Vec<_>>(),
        "kept_out": { "warned": days(&outlook.warned), "tripped": days(&outlook.tripped) },
        "statistics_only_warn": usual.unproven,
        "accepted_at": usual.accepted.map(rfc3339),
    })
}

fn print(args: &Args, session: &Session, view: &BaselineView, verdicts: &[(Timestamp, Level)], now: Timestamp) {
    let (out, name) = (&session.out, &args.workspace);
    let usage = &view.usage;
    out.line(format!("{name}: {} from {} to {}", usage.total(usage.from, usage.until), usage.from, usage.until));
    out.line("");
    let width = tcgetwinsize(std::io::stdout()).map_or(WIDTH, |size| usize::from(size.ws_col)).clamp(60, 200);
    let plot =
        TerminalPlot { series: usage, verdicts, width, height: HEIGHT, scale: Scale::Auto, charset: out.charset() };
    for line in plot.draw().lines() {
        out.line(line);
    }
    if view.principals.is_empty() {
        out.line("");
        out.line("No key of this workspace was judged yet; `guard watch --once` reads the usage report.");
    }
    for usual in &view.principals {
        out.line("");
        principal(session, name, usual, now);
    }
}

fn principal(session: &Session, name: &WorkspaceName, usual: &Usual, now: Timestamp) {
    let (out, outlook) = (&session.out, &usual.outlook);
    let watched = humane(now - usual.since.start());
    let days = if outlook.days == 1 { "1 day teaches".to_owned() } else { format!("{} days teach", outlook.days) };
    out.line(format!("{}: watched for {watched}; {days} ({})", usual.principal, outlook.maturity.words()));
    if outlook.days > 0 {
        let most =
            outlook.most.iter().map(|(width, usd)| format!("{usd} in {}", humane(chrono::TimeDelta::minutes(*width))));
        out.line(format!("  a usual day costs {}; at most {}", outlook.usual_day, most.collect::<Vec<_>>().join(", ")));
    }
    let days = |days: &[Minute]| days.iter().map(|d| d.start().date_naive().to_string()).collect::<Vec<_>>().join(", ");
    if !outlook.warned.is_empty() {
        out.line(format!("  after a warning these teach nothing for three days: {}", days(&outlook.warned)));
    }
    if !outlook.tripped.is_empty() {
        out.line(format!("  after a trip these teach nothing until they are accepted: {}", days(&outlook.tripped)));
    }
    if let Some(at) = usual.accepted {
        out.line(format!("  accepted by a person at {}", rfc3339(at)));
    }
    if usual.unproven {
        out.line("  spike and drift only warn: this key's own past would have tripped them");
    }
    if usual.unproven || !outlook.tripped.is_empty() {
        out.line(format!("  if all of it was legitimate: `guard baseline accept -w {name} --reason TEXT`"));
    }
}
