use serde_json::{Value, json};
use toml::Spanned;
use toml::de::DeValue;

use super::{FieldType, ProgramField, Text, absolute_path, environment_variable, wrong_type};
use crate::domain::ledger::SecretSource;
use crate::domain::ledger::notes::Notes;
use crate::domain::ledger::section::{Section, read_table, schema_of};

/// Where a secret is read from: `"vault"`, or a table with exactly one of `file`, `credential`, `command`, `environment`.
pub(in crate::domain::ledger) struct SecretFrom;

/// The name of a systemd credential.
pub(in crate::domain::ledger) fn credential_name() -> Text<String> {
    Text {
        parse: |typed| {
            let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
            match !typed.is_empty() && !typed.starts_with('.') && typed.len() <= 255 && typed.bytes().all(plain) {
                true => Ok(typed.to_owned()),
                false => Err("this is not the name of a systemd credential".to_owned()),
            }
        },
        show: String::clone,
        allowed: "the name of a systemd credential: letters, digits, `-`, `_`, `.`",
        example: "admin-key",
        pattern: r"^[A-Za-z0-9_-][A-Za-z0-9._-]*$",
    }
}

fn table(section: &mut Section<'_, '_, '_>) -> Option<SecretSource> {
    let names = ["file", "credential", "command", "environment"];
    let found = [
        section
            .optional("file", "A file that only its owner can read.", absolute_path("/etc/guard/admin-key"))
            .map(SecretSource::File),
        section
            .optional("credential", "A systemd credential below `$CREDENTIALS_DIRECTORY`.", credential_name())
            .map(SecretSource::Credential),
        section
            .optional("command", "A program that prints the secret; no shell is involved.", ProgramField)
            .map(SecretSource::Command),
        section
            .optional(
                "environment",
                "An environment variable; every child process can read it.",
                environment_variable(),
            )
            .map(SecretSource::Environment),
    ];
    let given = names.iter().filter(|name| section.has(name)).count();
    if given != 1 {
        let message = if given == 0 { "it does not say where the secret is" } else { "it names more than one place" };
        section
            .error_at(&[], message, format!("write for example `{}`", SecretFrom.example()))
            .allowed(SecretFrom.allowed());
        return None;
    }
    if section.has("environment") {
        section.warn_at(
            &["environment"],
            "a secret in an environment variable can be read by every child process",
            "prefer `vault`, `credential` or `file`",
        );
    }
    found.into_iter().flatten().next()
}

impl FieldType for SecretFrom {
    type Value = SecretSource;

    fn read(&self, value: &Spanned<DeValue<'_>>, path: &str, notes: &mut Notes<'_>) -> Option<SecretSource> {
        match value.get_ref() {
            DeValue::String(word) if word == "vault" => Some(SecretSource::Vault),
            DeValue::String(_) => {
                // The text is not repeated: it may be the secret itself.
                notes
                    .error(
                        value.span(),
                        path,
                        "this is not the name of a place",
                        format!("write for example `{}`", self.example()),
                    )
                    .allowed(self.allowed());
                None
            }
            DeValue::Table(fields) => read_table(fields, value.span(), path.to_owned(), notes, table),
            _ => {
                wrong_type(self, value, path, notes);
                None
            }
        }
    }

    fn allowed(&self) -> String {
        "`\"vault\"`, or a table with one of `file`, `credential`, `command`, `environment`".to_owned()
    }

    fn example(&self) -> String {
        "{ file = \"/etc/guard/admin-key\" }".to_owned()
    }

    fn schema(&self) -> Value {
        let mut table = schema_of(table);
        if let Value::Object(map) = &mut table {
            map.extend([("minProperties".to_owned(), json!(1)), ("maxProperties".to_owned(), json!(1))]);
        }
        json!({ "oneOf": [{ "const": "vault" }, table] })
    }

    fn show(&self, source: &SecretSource) -> Value {
        match source {
            SecretSource::Vault => json!("vault"),
            SecretSource::File(path) => json!({ "file": path }),
            SecretSource::Credential(name) => json!({ "credential": name }),
            SecretSource::Command(program) => json!({ "command": ProgramField.show(program) }),
            SecretSource::Environment(name) => json!({ "environment": name }),
        }
    }
}
