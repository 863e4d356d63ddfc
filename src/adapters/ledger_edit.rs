//! Proposes a changed ledger: the person's text with a few values set, comments and order kept.

use toml_edit::{DocumentMut, Item, Table, TableLike, Value};

/// A value to set in a workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Where below the workspace; the last word is the field.
    pub path: Vec<&'static str>,
    /// To what.
    pub value: NewValue,
}

/// What is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NewValue {
    /// Text.
    Text(String),
    /// Yes or no.
    Flag(bool),
    /// Several texts.
    List(Vec<String>),
}

/// Why no changed ledger can be proposed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The text is no TOML.
    #[error("the ledger cannot be read: {0}")]
    Toml(String),
    /// The workspace is not in it.
    #[error("the ledger has no workspace `{0}`")]
    NoWorkspace(String),
    /// Something on the way is no table.
    #[error("`{0}` is not a table")]
    NotATable(String),
}

/// The ledger's text with these values of one workspace set. Nothing is written.
///
/// # Errors
/// [`EditError`] when the text is not a ledger with that workspace.
pub fn with_changes(text: &str, workspace: &str, changes: &[Change]) -> Result<String, EditError> {
    let mut document: DocumentMut =
        text.parse().map_err(|error: toml_edit::TomlError| EditError::Toml(error.to_string()))?;
    let workspaces = document.get_mut("workspace").and_then(Item::as_array_of_tables_mut);
    let named = |table: &&mut Table| table.get("name").and_then(Item::as_str) == Some(workspace);
    let table = workspaces.and_then(|tables| tables.iter_mut().find(named));
    let table = table.ok_or_else(|| EditError::NoWorkspace(workspace.to_owned()))?;
    for change in changes {
        set(table, &change.path, &change.value)?;
    }
    Ok(document.to_string())
}

fn set(table: &mut dyn TableLike, path: &[&'static str], value: &NewValue) -> Result<(), EditError> {
    let [name, rest @ ..] = path else { return Ok(()) };
    if rest.is_empty() {
        let mut new = match value {
            NewValue::Text(text) => Value::from(text.as_str()),
            NewValue::Flag(flag) => Value::from(*flag),
            NewValue::List(texts) => Value::from(texts.iter().map(String::as_str).collect::<toml_edit::Array>()),
        };
        match table.get_mut(name).and_then(Item::as_value_mut) {
            // A comment behind the old value stays.
            Some(old) => {
                *new.decor_mut() = old.decor().clone();
                *old = new;
            }
            None => {
                table.insert(name, Item::Value(new));
            }
        }
        return Ok(());
    }
    if table.get(name).is_none() {
        let mut dotted = Table::new();
        dotted.set_dotted(true);
        table.insert(name, Item::Table(dotted));
    }
    let inner = table.get_mut(name).and_then(Item::as_table_like_mut);
    set(inner.ok_or_else(|| EditError::NotATable((*name).to_owned()))?, rest, value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEDGER: &str = r#"# Ours.
[[workspace]]
name = "other"
trip.mode = "kill"

[[workspace]]
name = "prod"
trip.mode = "observe" # until June
owner = "ada" # she knows

[workspace.rotation]
overlap = "20m"
"#;

    fn change(path: &[&'static str], value: &str) -> Change {
        Change { path: path.to_vec(), value: NewValue::Text(value.to_owned()) }
    }

    #[test]
    fn values_are_set_and_everything_else_stays() {
        let changes = [
            change(&["trip", "mode"], "gate"),
            change(&["ceilings", "usd", "day"], "5.00"),
            change(&["rotation", "overlap"], "30m"),
            Change { path: vec!["watch", "runs_registered"], value: NewValue::Flag(true) },
            Change { path: vec!["models", "allow"], value: NewValue::List(vec!["a-1".to_owned(), "b*".to_owned()]) },
        ];
        let changed = with_changes(LEDGER, "prod", &changes).unwrap();
        let expected = LEDGER
            .replace("\"observe\" # until June", "\"gate\" # until June")
            .replace("\"20m\"", "\"30m\"")
            .replace("# she knows\n", "# she knows\nceilings.usd.day = \"5.00\"\nwatch.runs_registered = true\nmodels.allow = [\"a-1\", \"b*\"]\n");
        assert_eq!(changed, expected);
    }

    #[test]
    fn what_is_not_there_is_an_error() {
        assert_eq!(with_changes(LEDGER, "nope", &[]), Err(EditError::NoWorkspace("nope".to_owned())));
        assert!(matches!(with_changes("[", "prod", &[]), Err(EditError::Toml(_))));
        let wrong = with_changes(LEDGER, "prod", &[change(&["owner", "name"], "x")]);
        assert_eq!(wrong, Err(EditError::NotATable("owner".to_owned())));
    }
}
