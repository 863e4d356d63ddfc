use serde::Deserialize;
use serde_json::json;

use crate::adapters::http::{Client, Limits, Request, Url};
use crate::cli::{Failure, Session};
use crate::exit::Exit;

/// Arguments of `guard sandbox mint`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The sandbox
    #[arg(long, value_name = "URL", env = "GUARD_PROVIDER_URL")]
    url: String,
    /// The workspace, by name or id
    #[arg(short, long, value_name = "WORKSPACE")]
    workspace: String,
    /// What to call the key
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Make it inactive, as a standby should be
    #[arg(long)]
    inactive: bool,
}

#[derive(Deserialize)]
struct Minted {
    id: String,
    secret: String,
}

/// Prints the secret alone on standard output, to be piped, and the key's id on standard error.
pub async fn run(args: Args, session: &Session) -> Result<Exit, Failure> {
    let url = Url::parse(&args.url).map_err(|error| Failure::new(Exit::Usage, error.to_string()))?;
    if !url.is_loopback() {
        return Err(Failure::new(Exit::Usage, "keys can only be made in a sandbox, which is on this machine")
            .hint("a provider's keys are made by a person in its Console"));
    }
    let unreachable = |why: String| {
        Failure::new(Exit::Unreachable, format!("no sandbox answers at {url}: {why}")).hint("start one: guard sandbox")
    };
    let client = Client::new(Limits::default()).map_err(|error| unreachable(error.to_string()))?;
    let status = if args.inactive { "inactive" } else { "active" };
    let order = json!({ "workspace": args.workspace, "name": args.name, "status": status });
    let request = Request::post_json(url.join(["sandbox", "keys"]), &order)
        .map_err(|error| Failure::new(Exit::Internal, error.to_string()))?;
    let answer = client.send(request).await.map_err(|error| unreachable(error.to_string()))?;
    if !answer.is_success() {
        let workspace = args.workspace.escape_debug();
        return Err(Failure::new(
            Exit::Refused,
            format!("the sandbox makes no key in `{workspace}` ({})", answer.status),
        )
        .hint("it lists its workspaces when it starts"));
    }
    let Minted { id, secret } = answer.json().map_err(|error| unreachable(error.to_string()))?;
    // The one form that is not scrubbed: handing the secret over is what this is for.
    session.out.data(secret);
    session.out.note(format!("made {id}, {status}; the secret is not shown again"));
    Ok(Exit::Done)
}
