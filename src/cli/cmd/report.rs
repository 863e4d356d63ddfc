use chrono::TimeDelta;
use comfy_table::{Table, presets};
use serde_json::{Value, json};

use crate::app::report::report;
use crate::cli::{Failure, Session};
use crate::domain::ids::WorkspaceName;
use crate::domain::rotation::Tally;
use crate::exit::Exit;

/// Arguments of `guard report`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only this workspace
    #[arg(short, long, value_name = "NAME")]
    workspace: Option<WorkspaceName>,
    /// Only the last so many days
    #[arg(long, value_name = "N")]
    days: Option<u32>,
}

/// Prints how rotations, revocations and trips went, from the records alone.
pub async fn run(args: Args, session: &Session) -> Result<Exit, Failure> {
    let app = session.app("report")?;
    if let Some(name) = &args.workspace {
        session.workspace(&app.ledger, name)?;
    }
    let since = args.days.and_then(|days| app.clock.now().checked_sub_signed(TimeDelta::days(days.into())));
    let (mut rows, mut all, mut damaged) = (Vec::new(), Tally::default(), 0);
    for (name, tally) in report(&app, args.workspace.as_ref(), since) {
        match tally {
            Ok(tally) => {
                all.add(&tally);
                rows.push((name.to_string(), tally));
            }
            Err(error) => {
                damaged += 1;
                session.out.note(format!("guard: {name} is left out: {error}"));
            }
        }
    }
    let workspaces: Vec<Value> = rows.iter().map(|(name, tally)| document(Some(name), tally)).collect();
    session.out.document(&json!({
        "type": "report", "schema": 1, "since": since, "workspaces": workspaces, "all": document(None, &all),
    }));
    if rows.len() > 1 {
        rows.push(("all".to_owned(), all));
    }
    session.out.line(table(&rows));
    session.out.line(
        "REVOKED keys are proven dead. The seconds are from guard's first request until the provider refused the key.",
    );
    match damaged {
        0 => Ok(Exit::Done),
        _ => Err(Failure::new(Exit::Failed, format!("{damaged} workspaces could not be read"))
            .hint("`guard doctor` says what is wrong with the state")),
    }
}

fn document(name: Option<&str>, tally: &Tally) -> Value {
    json!({ "workspace": name, "rotations": tally, "revocation_seconds": tally.spread() })
}

fn table(rows: &[(String, Tally)]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header([
        "WORKSPACE",
        "ROTATIONS",
        "DONE",
        "BACK",
        "INCIDENTS",
        "REVOKED",
        "MIN s",
        "MEDIAN s",
        "P95 s",
        "MAX s",
    ]);
    for (name, tally) in rows {
        let mut row = vec![name.clone()];
        row.extend(
            [tally.begun, tally.completed, tally.rolled_back, tally.incidents, tally.revoked].map(|n| n.to_string()),
        );
        match tally.spread() {
            Some(s) => row.extend([s.min, s.median, s.p95, s.max].map(|n| n.to_string())),
            None => row.extend(["-"; 4].map(str::to_owned)),
        }
        table.add_row(row);
    }
    table.trim_fmt()
}
