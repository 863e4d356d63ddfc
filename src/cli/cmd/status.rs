use crate::app::status;
use crate::cli::{Failure, Session};
use crate::exit::Exit;
use crate::report::status as page;

/// Arguments of `guard status`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print nothing but what is owed, and exit 1 when something is
    #[arg(long)]
    check: bool,
}

/// Shows what guard knows. Works from the records alone: the provider is not asked.
pub async fn run(args: Args, session: &Session) -> Result<Exit, Failure> {
    let app = session.app("status")?;
    let view = status::gather(&app)?;
    match view.json() {
        Ok(document) => session.out.document(&document),
        Err(error) => return Err(Failure::new(Exit::Internal, format!("the JSON form could not be made: {error}"))),
    }
    if !args.check {
        session.out.line(page::text(&view, session.out.charset()).trim_end());
        return Ok(Exit::Done);
    }
    let owed = view.owed();
    for (workspace, obligation) in &owed {
        let whose = workspace.map_or("guard", |name| name.as_str());
        session.out.note(format!("{whose}: {}", obligation.what));
        if let Some(remedy) = &obligation.remedy {
            session.out.note(format!("  → {remedy}"));
        }
    }
    Ok(if owed.is_empty() { Exit::Done } else { Exit::Failed })
}
