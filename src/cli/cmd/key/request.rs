use serde_json::json;

use crate::app::key_request::{KeyRequest, key_request};
use crate::cli::{Failure, Session};
use crate::domain::ids::WorkspaceName;
use crate::exit::Exit;

/// Arguments of `guard key request`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// For whom
    #[arg(short, long, value_name = "NAME")]
    workspace: WorkspaceName,
}

/// Prints what a person must make; works without the provider.
pub async fn run(args: Args, session: &Session) -> Result<Exit, Failure> {
    let app = session.app("key request")?;
    session.workspace(&app.ledger, &args.workspace)?;
    let request = key_request(&app, &args.workspace)?;
    session.out.document(&json!({ "type": "key_request", "schema": 1, "request": request }));
    print(session, &request);
    Ok(Exit::Done)
}

fn print(session: &Session, request: &KeyRequest) {
    let out = &session.out;
    let KeyRequest { workspace, workspace_id, name, .. } = request;
    let default = if request.is_default { ", the organization's default workspace" } else { "" };
    out.line(format!("A key for `{workspace}` must be made by a person: the provider's API cannot make one."));
    out.line("");
    out.line("  1. In the Console, open Settings → API keys and choose to create a key.");
    out.line(format!("     workspace   {workspace} ({workspace_id}){default}"));
    out.line(format!("     name        {name}"));
    out.line(format!("     expiry      none, or later than {}", request.expires_after.format("%Y-%m-%d")));
    out.line("  2. Hand the key over at once, and keep no copy. It is asked for, and not shown while you paste it:");
    out.line(format!("     {}", request.hand_over));
    out.line("     From a password manager: pass show ENTRY | the same command.");
    out.line("");
    out.line("guard finds the key at the provider by its first and last characters and its workspace, and tries it.");
    match (request.waiting_rotation, request.first) {
        (_, true) => out.line("It is the first key of its workspace and goes to the consumers at once."),
        (Some(rotation), _) => out.line(format!(
            "Rotation {rotation} waits for it and goes on with the next `guard rotate -w {workspace}` or `guard tick`."
        )),
        (None, _) => out.line(format!(
            "Then it waits as a standby, inactive at the provider, until it is needed ({} of {} are ready).",
            request.ready, request.wanted
        )),
    }
}
