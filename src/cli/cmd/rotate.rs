use std::time::Duration;

use serde::Serialize;
use serde_json::json;

use crate::app::drive::Patience;
use crate::app::rotate::{self, Order, RotateReport, RotateRequest};
use crate::app::{App, hold};
use crate::cli::{Failure, Session};
use crate::domain::ids::WorkspaceName;
use crate::domain::rotation::{Ending, Phase, Plan};
use crate::domain::time::rfc3339;
use crate::exit::Exit;

/// Arguments of `guard rotate`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit status: 0 done, 10 a person must act first, 11 rolled back, 75 waiting (run again, or --wait)"
)]
pub struct Args {
    /// Whose key
    #[arg(short, long, value_name = "NAME", required_unless_present = "all")]
    workspace: Option<WorkspaceName>,
    /// Every workspace; only with --due
    #[arg(long, requires = "due", conflicts_with = "workspace")]
    all: bool,
    /// Only where the key is older than its rotation interval, or a rotation is open
    #[arg(long)]
    due: bool,
    /// Print what would be done and change nothing
    #[arg(short = 'n', long, conflicts_with_all = ["status", "rollback", "force", "wait"])]
    dry_run: bool,
    /// Print how the rotation stands and change nothing
    #[arg(long, conflicts_with_all = ["rollback", "force", "wait"])]
    status: bool,
    /// Go back to the old key, as long as it is recoverable
    #[arg(long, conflicts_with_all = ["force", "due"])]
    rollback: bool,
    /// Do not wait for proof that the old key is out of use; the reason is recorded
    #[arg(long, value_name = "REASON", conflicts_with = "due")]
    force: Option<String>,
    /// Wait until the rotation is over or a person must act
    #[arg(long)]
    wait: bool,
    /// Before anything is begun with --due, wait up to so long, at random; not when somebody is watching
    #[arg(long, value_name = "DURATION", requires = "due", default_value = "0s", value_parser = humantime::parse_duration)]
    jitter: Duration,
    /// Why, for the record: a schedule, a change of roles, a suspicion
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// Replaces a key, or shows how that stands.
pub async fn run(args: Args, session: &Session) -> Result<Exit, Failure> {
    let app = session.app("rotate")?;
    if let Some(name) = args.workspace.as_ref() {
        session.workspace(&app.ledger, name)?;
        if args.dry_run {
            return Ok(show_plan(session, name, &rotate::dry_run(&app, name)?));
        }
        if args.status {
            let report = rotate::status(&app, name)?;
            show(session, &report);
            return Ok(Exit::Done);
        }
        if !args.due {
            let order = match (args.rollback, &args.force) {
                (true, _) => Order::RollBack,
                (false, Some(reason)) => Order::Force(reason.clone()),
                (false, None) => Order::Forward,
            };
            return one(session, &app, name, &args, order).await;
        }
    }
    due(session, &app, &args).await
}

async fn one(session: &Session, app: &App, name: &WorkspaceName, args: &Args, order: Order) -> Result<Exit, Failure> {
    let patience = if args.wait { Patience::UntilDone } else { Patience::Short };
    let lock_wait = session.globals.lock_timeout;
    let usual = if args.due { rotate::SCHEDULED } else { "by hand" };
    let reason = args.reason.clone().unwrap_or_else(|| usual.to_owned());
    let wanted = order.clone();
    let report = rotate::rotate(app, name, &RotateRequest { order, reason, patience, lock_wait }).await?;
    show(session, &report);
    outcome(&report, &wanted)
}

/// What the caller is told by the exit status.
fn outcome(report: &RotateReport, wanted: &Order) -> Result<Exit, Failure> {
    let name = &report.workspace;
    match (report.ended, &report.needs, &report.waiting_for) {
        (Some(Ending::Completed), ..) => Ok(Exit::Done),
        (Some(Ending::RolledBack), ..) if *wanted == Order::RollBack => Ok(Exit::Done),
        (Some(Ending::RolledBack), ..) => Err(Failure::new(
            Exit::RolledBack,
            format!("rotation of `{name}` was rolled back: the old key is in use again"),
        )
        .hint("`guard status` says what was wrong with the new key")),
        (None, Some(needs), _) if report.phase == Phase::Requested => Err(Failure::new(
            Exit::Refused,
            format!("the rotation of `{name}` cannot go on: {needs}"),
        )
        .hint(format!(
            "`guard key request -w {name}` says what to make in the Console; then hand it over: `guard key add -w {name}`"
        ))),
        (None, Some(needs), _) => Err(Failure::new(Exit::Refused, format!("the rotation of `{name}` cannot go on: {needs}"))
            .hint("`guard status` shows the details")),
        (None, None, Some(waiting)) => Err(Failure::new(Exit::Later, format!("waiting: {waiting}"))
            .hint("run the same command again, add --wait, or let `guard watch` drive it")),
        (None, None, None) => Err(Failure::new(Exit::Failed, format!("the rotation of `{name}` was superseded"))
            .hint("`guard status` says by what")),
    }
}

/// Every workspace whose rotation is due, each for itself.
async fn due(session: &Session, app: &App, args: &Args) -> Result<Exit, Failure> {
    if !args.jitter.is_zero() && !session.out.interactive() {
        // So that the hosts of a fleet do not all begin at the same moment.
        app.clock.sleep(args.jitter.mul_f64(rand::random::<f64>())).await;
    }
    hold::refuse(app, "no rotation begins or goes on")?;
    let mut worst: Option<Failure> = None;
    for (name, due) in rotate::due(app) {
        if args.workspace.as_ref().is_some_and(|only| *only != name) {
            continue;
        }
        let result = match due {
            Ok(false) => continue,
            Ok(true) => one(session, app, &name, args, Order::Forward).await,
            Err(error) => Err(error.into()),
        };
        if let Err(failure) = result {
            // What merely waits must not hide what failed.
            if let Some(before) = worst.take_if(|before| before.exit == Exit::Later || failure.exit != Exit::Later) {
                session.out.note(format!("guard: {}", before.message));
            }
            match worst {
                None => worst = Some(failure),
                Some(_) => session.out.note(format!("guard: {}", failure.message)),
            }
        }
    }
    worst.map_or(Ok(Exit::Done), Err)
}

#[derive(Serialize)]
struct Document<'a, T> {
    #[serde(rename = "type")]
    kind: &'static str,
    schema: u32,
    #[serde(flatten)]
    body: &'a T,
}

fn show(session: &Session, report: &RotateReport) {
    let out = &session.out;
    out.document(&Document { kind: "rotation", schema: 1, body: report });
    let name = &report.workspace;
    let number = report.rotation.map_or_else(String::new, |r| format!(" {r}"));
    match report.ended {
        Some(Ending::Completed) => {
            let seconds = report.effective_seconds.map_or_else(String::new, |s| format!(", {s} s after the request"));
            let (old, new) = (key(report.old.as_ref()), key(report.new.as_ref()));
            out.calm(format!("{name}: rotation{number} done: {new} is in use; {old} is proven dead{seconds}"));
        }
        Some(Ending::RolledBack) => {
            out.calm(format!("{name}: rotation{number} rolled back: {} is in use", key(report.desired.as_ref())));
        }
        None if report.rotation.is_none() => out.calm(format!("{name}: no rotation is open")),
        None => {
            let since = report.since.map_or_else(String::new, |at| format!(" since {}", rfc3339(at)));
            out.calm(format!("{name}: rotation{number} is in phase {}{since}", report.phase.as_str()));
            out.calm(format!("  from {} to {}", key(report.old.as_ref()), key(report.new.as_ref())));
            if !report.behind.is_empty() && report.phase > Phase::Overlap {
                let behind: Vec<&str> = report.behind.iter().map(|c| c.as_str()).collect();
                out.calm(format!("  without the current key: {}", behind.join(", ")));
            }
            if let Some(waiting) = &report.waiting_for {
                out.calm(format!("  waiting: {waiting}"));
            }
            if let Some(next) = report.next {
                out.calm(format!("  next look at {}", rfc3339(next)));
            }
        }
    }
}

fn key(key: Option<&crate::domain::ids::KeyId>) -> &str {
    key.map_or("a key that is still to be made", |k| k.as_str())
}

fn show_plan(session: &Session, name: &WorkspaceName, plan: &Plan) -> Exit {
    let out = &session.out;
    out.document(
        &json!({ "type": "rotation_plan", "schema": 1, "workspace": name, "steps": plan.steps, "needs": plan.needs }),
    );
    out.line(format!("{name}: nothing is changed; this is what a rotation would do"));
    if let Some(needs) = &plan.needs {
        out.line(format!("  first: {needs}; hand one over with `guard key add -w {name}`"));
    }
    for (number, step) in plan.steps.iter().enumerate() {
        if step.point_of_no_return {
            out.line(format!(
                "  ── point of no return: before this step `guard rotate -w {name} --rollback` goes back ──"
            ));
        }
        out.line(format!("  {}. {}: {}", number + 1, step.phase, step.what));
    }
    Exit::Done
}
