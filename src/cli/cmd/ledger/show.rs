use serde_json::json;

use crate::cli::{Failure, Session};
use crate::domain::ids::WorkspaceName;
use crate::domain::ledger::{self, Setting};
use crate::exit::Exit;
use crate::wiring;

/// Prints the fields of one workspace, or those outside of workspaces, as they hold.
pub(super) fn run(session: &Session, workspace: Option<&WorkspaceName>) -> Result<Exit, Failure> {
    let loaded = session.judged(wiring::load_ledger(&session.paths))?;
    let prefix = match workspace {
        Some(name) => format!("workspace[{}].", session.workspace(&loaded.parsed.ledger, name)?.name),
        None => String::new(),
    };
    // The text was judged a moment ago, so that it cannot be refused now.
    let settings = ledger::settings(&loaded.text).unwrap_or_default();
    let wanted: Vec<Setting> = settings
        .into_iter()
        .filter(|setting| workspace.is_some() || !setting.field.starts_with("workspace["))
        .filter_map(|setting| {
            let field = setting.field.strip_prefix(&prefix)?.to_owned();
            Some(Setting { field, ..setting })
        })
        .collect();
    session.out.document(&json!({ "schema": 1, "workspace": workspace, "settings": wanted }));
    for setting in &wanted {
        let origin = if setting.default { "  # default" } else { "" };
        session.out.line(format!("{} = {}{origin}", setting.field, setting.value));
    }
    Ok(Exit::Done)
}
