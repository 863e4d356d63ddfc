use crate::app::check::{self, Facts, Level, Verdict};
use crate::cli::{Failure, Session};
use crate::domain::ids::WorkspaceName;
use crate::exit::Exit;

/// Arguments of `guard check`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Whose gate
    #[arg(short, long, value_name = "NAME")]
    workspace: WorkspaceName,
}

/// Prints one line and returns 0 (OK), 1 (warning), 2 (critical) or 3 (unknown).
pub async fn run(args: Args, session: &Session) -> Result<Exit, Failure> {
    // Whatever keeps guard from looking is "unknown" to a monitor, not a status of guard's own.
    let (verdict, hint) = match facts(&args, session) {
        Ok(facts) => (check::judge(&facts), None),
        Err(failure) => (Verdict::unknown(&failure.message), failure.hint),
    };
    session.out.document(&serde_json::json!({
        "type": "check", "schema": 1, "workspace": args.workspace, "state": verdict.level.as_str().to_lowercase(),
        "code": verdict.level.status(), "text": verdict.text, "perfdata": verdict.perfdata,
    }));
    if verdict.level == Level::Ok {
        session.out.calm(verdict.line());
    } else {
        session.out.line(verdict.line());
        // A monitor reads standard output; cron and scripts that drop it still get a line.
        session.out.note(format!("guard: {}", verdict.text));
        if let Some(hint) = hint {
            session.out.note(format!("  → {hint}"));
        }
    }
    Ok(Exit::Other(verdict.level.status()))
}

fn facts(args: &Args, session: &Session) -> Result<Facts, Failure> {
    let app = session.app("check")?;
    let workspace = session.workspace(&app.ledger, &args.workspace)?;
    Ok(check::facts(&app, workspace))
}
