use serde_json::json;

use crate::app::enroll::{self, AddOptions};
use crate::cli::{Failure, Session, prompt};
use crate::domain::ids::{KeyId, WorkspaceName};
use crate::domain::rotation::{Enrolment, Role};
use crate::domain::secret::Secret;
use crate::exit::Exit;

/// Arguments of `guard key add`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The workspace that the key was made in
    #[arg(short, long, value_name = "NAME")]
    workspace: WorkspaceName,
    /// The key's id at the provider, when several keys fit the secret
    #[arg(long, value_name = "ID")]
    id: Option<KeyId>,
    /// Enrol it as bait: guard never hands it out, and any use of it is an alarm
    #[arg(long)]
    canary: bool,
    /// `-` reads the key from standard input, as does a pipe; without it guard asks
    #[arg(value_name = "-", value_parser = ["-"])]
    stdin: Option<String>,
}

/// Reads the key and hands it to custody.
pub async fn run(args: Args, session: &Session) -> Result<Exit, Failure> {
    let question = format!("Paste the new key of {}", args.workspace);
    let secret = prompt::secret(&session.out, &question, args.stdin.is_some(), session.globals.no_input)?;
    enroll(session, args.workspace, args.id, args.canary.then_some(Enrolment::Canary), secret).await
}

/// Matches the secret to one key of the workspace, seals it, and makes it the first key or a standby.
async fn enroll(
    session: &Session,
    workspace: WorkspaceName,
    key: Option<KeyId>,
    role: Option<Enrolment>,
    secret: Secret,
) -> Result<Exit, Failure> {
    let app = session.app("key add")?;
    session.workspace(&app.ledger, &workspace)?;
    let added = enroll::add(&app, &workspace, secret, AddOptions { role, id: key }).await?;
    session.out.document(&json!({ "type": "key", "schema": 1, "enrolled": added }));
    let role = added.role.map_or("taken into custody", Role::as_str);
    session.out.line(format!("{} ({}) is sealed in the vault of `{workspace}`: {role}.", added.key, added.hint));
    match &added.waiting_for {
        Some(what) => session.out.line(format!("Still open: {what}. `guard status` says who must act.")),
        None if added.role == Some(Role::Active) => {
            session
                .out
                .line("Its consumers hold it and the gate is open. Next, add a standby in the same way, so that a");
            session.out.line("rotation or a trip need not wait for a person.");
        }
        None if added.role == Some(Role::Standby) => {
            session.out.line("It is inactive at the provider until it is needed, so that stealing it is worthless.");
            session.out.line(format!("Next: `guard rotate -w {workspace} --dry-run` shows what a rotation would do."));
        }
        None => {}
    }
    Ok(Exit::Done)
}
