use serde_json::json;

use crate::app::channels;
use crate::cli::{Failure, Session};
use crate::domain::ids::NotifierName;
use crate::domain::redact::printable;
use crate::exit::Exit;

/// Arguments of `guard notify test`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The channel; without it, all of them
    #[arg(value_name = "NAME")]
    name: Option<NotifierName>,
}

/// Sends a test message through one channel or all.
pub async fn run(args: Args, session: &Session) -> Result<Exit, Failure> {
    let app = session.app("notify test")?;
    let tested = channels::test(&app, args.name.as_ref()).await?;
    session.out.document(&json!({ "type": "notify_test", "schema": 1, "channels": tested }));
    for one in &tested {
        let answer = printable(&one.answer, 200);
        if one.delivered {
            session.out.line(format!("{} ({}): arrived; the other side answered: {answer}", one.name, one.kind));
        } else {
            let outlook = if one.temporary { "may mend itself" } else { "will not mend itself" };
            session.out.note(format!("guard: {} ({}): NOT delivered: {answer} ({outlook})", one.name, one.kind));
        }
    }
    let failed: Vec<_> = tested.iter().filter(|one| !one.delivered).collect();
    if failed.is_empty() {
        return Ok(Exit::Done);
    }
    let exit = if failed.iter().all(|one| one.temporary) { Exit::Unreachable } else { Exit::Failed };
    let names: Vec<&str> = failed.iter().map(|one| one.name.as_str()).collect();
    Err(Failure::new(exit, format!("no test message arrived through {}", names.join(", ")))
        .hint("mend the channel in the ledger; docs/notifiers.md says what each kind needs"))
}
