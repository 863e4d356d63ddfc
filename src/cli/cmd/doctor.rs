use crate::app::doctor::{self, Finding, Grade};
use crate::cli::{Failure, Session};
use crate::exit::Exit;
use crate::wiring;

/// Arguments of `guard doctor`.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs every check that can be run and prints what was found. 0 when nothing failed, else 1.
pub async fn run(_args: Args, session: &Session) -> Result<Exit, Failure> {
    let mut findings = doctor::look_around(&wiring::surroundings(&session.paths));
    match session.ledger() {
        Err(failure) => findings.insert(0, broken("ledger", failure)),
        Ok(ledger) => {
            let text = format!("{}, {} workspaces", session.paths.ledger.display(), ledger.workspaces.len());
            findings.insert(0, Finding::ok("ledger", text));
            match session.app("doctor") {
                Err(failure) => findings.push(broken("set-up", failure)),
                Ok(app) => findings.extend(doctor::examine(&app).await),
            }
        }
    }
    session.out.document(&serde_json::json!({ "type": "doctor", "schema": 1, "findings": findings }));
    for finding in &findings {
        print(finding, session);
    }
    let what = match findings.iter().filter(|f| f.grade == Grade::Fail).count() {
        0 => return Ok(Exit::Done),
        1 => "one check failed".to_owned(),
        n => format!("{n} checks failed"),
    };
    Err(Failure::new(Exit::Failed, what).hint("each FAIL above names its remedy"))
}

fn print(finding: &Finding, session: &Session) {
    let line = format!("{:<4}  {:<15}  {}", finding.grade.as_str(), finding.check, finding.text);
    if finding.grade == Grade::Ok {
        session.out.calm(line);
    } else {
        session.out.line(line);
    }
    if let Some(remedy) = &finding.remedy {
        session.out.line(format!("{:<4}  {:<15}  → {remedy}", "", ""));
    }
}

fn broken(check: &'static str, failure: Failure) -> Finding {
    Finding::fail(check, failure.message, failure.hint.unwrap_or_else(|| "see the message".to_owned()))
}
