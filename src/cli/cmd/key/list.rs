use comfy_table::{Table, presets};

use crate::app::key_list::{self, KeyRow};
use crate::cli::{Failure, Session};
use crate::domain::ids::WorkspaceName;
use crate::domain::redact::printable;
use crate::domain::time::{Timestamp, humane};
use crate::exit::Exit;

/// Arguments of `guard key list`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only this workspace's keys
    #[arg(short, long, value_name = "NAME")]
    workspace: Option<WorkspaceName>,
    /// Do not ask the provider for states and dates
    #[arg(long)]
    offline: bool,
}

/// Prints the table. A provider that cannot be reached leaves its columns empty and is remarked.
pub async fn run(args: Args, session: &Session) -> Result<Exit, Failure> {
    let app = session.app("key list")?;
    if let Some(name) = &args.workspace {
        session.workspace(&app.ledger, name)?;
    }
    let listed = if args.offline { None } else { Some(app.keys.keys().await) };
    let listed = match listed {
        Some(Err(error)) => {
            session.out.note(format!("guard: states and dates are missing: {error}"));
            None
        }
        Some(Ok(keys)) => Some(keys),
        None => None,
    };
    let rows = key_list::keys(&app, args.workspace.as_ref(), listed.as_deref())?;
    session.out.document(&serde_json::json!({ "type": "keys", "schema": 1, "keys": rows }));
    if rows.is_empty() {
        session.out.calm("The vault holds no key. `guard key add -w NAME` seals one.");
    } else {
        session.out.line(table(&rows, app.clock.now()));
    }
    Ok(Exit::Done)
}

fn table(rows: &[KeyRow], now: Timestamp) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["WORKSPACE", "KEY", "HINT", "ROLE", "STATE", "AGE", "EXPIRES IN"]);
    for row in rows {
        table.add_row([
            row.workspace.as_ref().map_or("-", |w| w.as_str()).to_owned(),
            row.id.to_string(),
            row.hint.clone(),
            row.role.as_str().to_owned(),
            row.state.as_deref().map_or_else(|| "?".to_owned(), |state| printable(state, 20)),
            row.created_at.map_or_else(|| "?".to_owned(), |at| humane(now - at)),
            row.expires_at.map_or_else(|| "-".to_owned(), |at| humane(at - now)),
        ]);
    }
    table.trim_fmt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::key_list::Role;
    use crate::domain::ids::KeyId;

    #[test]
    fn the_table_shows_what_is_known_and_marks_what_is_not() {
        let now = chrono::DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        let row = KeyRow {
            id: KeyId::new("apikey_01").unwrap(),
            hint: "…igAA".into(),
            workspace: Some(WorkspaceName::new("prod").unwrap()),
            role: Role::Active,
            state: Some("strange\u{1b}[0m".into()),
            created_at: Some(now - chrono::TimeDelta::days(3)),
            expires_at: Some(now + chrono::TimeDelta::days(9)),
        };
        let unknown = KeyRow {
            id: KeyId::new("apikey_02").unwrap(),
            workspace: None,
            state: None,
            created_at: None,
            expires_at: None,
            role: Role::Sealed,
            ..row.clone()
        };
        insta::assert_snapshot!(table(&[row, unknown], now));
    }
}
