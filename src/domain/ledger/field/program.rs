use std::time::Duration;

use serde_json::{Value, json};
use toml::Spanned;
use toml::de::DeValue;

use super::{FieldType, HOUR, Lasting, List, SECOND, Text, wrong_type};
use crate::domain::ledger::Program;
use crate::domain::ledger::notes::Notes;
use crate::domain::ledger::section::{Section, read_table, schema_of};

/// A program: `["systemctl", "reload", "app"]`, or `{ command = […], timeout = "30s" }`.
pub(in crate::domain::ledger) struct ProgramField;

/// What a program may take when nothing is said.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The program and its arguments; run without a shell.
fn arguments() -> List<Text<String>> {
    List(Text {
        parse: |typed| match typed.contains('\0') {
            true => Err("an argument has a NUL character".to_owned()),
            false => Ok(typed.to_owned()),
        },
        show: String::clone,
        allowed: "a program or one of its arguments, as a string",
        example: "/usr/local/bin/reload-app",
        pattern: "",
    })
}

impl ProgramField {
    fn of(
        mut arguments: Vec<String>,
        timeout: Duration,
        value: &Spanned<DeValue<'_>>,
        path: &str,
        notes: &mut Notes<'_>,
    ) -> Option<Program> {
        if arguments.first().is_none_or(|program| program.trim().is_empty()) {
            notes
                .error(
                    value.span(),
                    path,
                    "the command is empty",
                    format!("write for example `{}`", ProgramField.example()),
                )
                .allowed(ProgramField.allowed());
            return None;
        }
        let program = arguments.remove(0);
        Some(Program { path: program, args: arguments, timeout })
    }
}

fn table(section: &mut Section<'_, '_, '_>) -> (Option<Vec<String>>, Duration) {
    (
        section.required("command", "The program and its arguments; no shell is involved.", arguments()),
        section.with_default("timeout", "Killed after this long.", Lasting(SECOND, HOUR), TIMEOUT),
    )
}

impl FieldType for ProgramField {
    type Value = Program;

    fn read(&self, value: &Spanned<DeValue<'_>>, path: &str, notes: &mut Notes<'_>) -> Option<Program> {
        match value.get_ref() {
            DeValue::Array(_) => {
                let arguments = arguments().read(value, path, notes)?;
                Self::of(arguments, TIMEOUT, value, path, notes)
            }
            DeValue::Table(fields) => {
                let (arguments, timeout) = read_table(fields, value.span(), path.to_owned(), notes, table);
                Self::of(arguments?, timeout, value, path, notes)
            }
            _ => {
                wrong_type(self, value, path, notes);
                None
            }
        }
    }

    fn allowed(&self) -> String {
        "a program and its arguments as a list, or a table with `command` and `timeout`".to_owned()
    }

    fn example(&self) -> String {
        r#"["systemctl", "reload", "app.service"]"#.to_owned()
    }

    fn schema(&self) -> Value {
        json!({ "oneOf": [{ "type": "array", "items": { "type": "string" }, "minItems": 1 }, schema_of(table)] })
    }

    fn show(&self, program: &Program) -> Value {
        let command: Vec<&str> = std::iter::once(&program.path).chain(&program.args).map(String::as_str).collect();
        json!({ "command": command, "timeout": super::duration_text(program.timeout) })
    }
}
