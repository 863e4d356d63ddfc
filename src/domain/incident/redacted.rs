use serde::{Deserialize, Serialize};
use toml::{Table, Value};

/// The ledger as it may be handed to strangers. Whatever it is made from, credentials in it are gone: values under telling
/// names, paths and user names of addresses on the network, programs with their arguments, people's numbers, and comments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct RedactedLedger(String);

const REDACTED: &str = "[redacted]";

/// Words in names whose values are credentials, lead to them, or may hold them: programs are handed secrets now and then, and
/// whom to call at night is nobody else's business.
const TELLING: &[&str] = &[
    "args",
    "authorization",
    "command",
    "credential",
    "escalation",
    "headers",
    "key",
    "passphrase",
    "password",
    "read",
    "reload",
    "secret",
    "token",
    "verify",
    "write",
];

impl RedactedLedger {
    /// From the ledger's text. Text that is no TOML is left out as a whole: nobody can say what is in it.
    pub fn of(text: &str) -> Self {
        let redacted = text.parse::<Table>().ok().map(|mut table| {
            redact_table(&mut table);
            table
        });
        Self(match redacted.and_then(|table| toml::to_string_pretty(&table).ok()) {
            Some(text) => text,
            None => "# The ledger could not be read as TOML and is left out.\n".to_owned(),
        })
    }

    /// TOML.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn redact_table(table: &mut Table) {
    for (name, value) in table.iter_mut() {
        if name.to_ascii_lowercase().split(['_', '-']).any(|word| TELLING.contains(&word)) {
            *value = Value::String(REDACTED.to_owned());
        } else {
            redact_value(value);
        }
    }
}

fn redact_value(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Some(short) = without_path(text) {
                *text = short;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(redact_value),
        Value::Table(table) => redact_table(table),
        Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) => {}
    }
}

/// `https://host/[redacted]` for an address with more than a host: webhook addresses are credentials.
fn without_path(text: &str) -> Option<String> {
    let (scheme, rest) = text.split_once("://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let host = authority.rsplit('@').next().unwrap_or_default();
    let secretive = host.len() < authority.len() || path.len() > 1;
    secretive.then(|| format!("{scheme}://{host}/{REDACTED}"))
}

impl From<String> for RedactedLedger {
    fn from(text: String) -> Self {
        Self::of(&text)
    }
}

impl From<RedactedLedger> for String {
    fn from(ledger: RedactedLedger) -> Self {
        ledger.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_gone_and_policy_stays() {
        let redacted = RedactedLedger::of(
            r#"
            # the old one was hunter2
            [provider]
            url = "https://api.example.com"
            [[notifier]]
            name = "chat"
            url = "https://hooks.example.com/services/T0/B0/hunter2"
            webhook_secret = { file = "hunter2" }
            [[notifier]]
            url = "https://ops:hunter2@mail.example.com"
            [[workspace]]
            name = "prod-publish"
            acceptable_loss = "50"
            ceilings = { tokens = { hour = 100 } }
            escalation = ["+44 hunter2"]
            [[workspace.consumer]]
            name = "ci"
            write = ["vault", "hunter2"]
            reload = ["sh", "-c", "TOKEN=hunter2 restart"]
            "#,
        );
        assert!(!redacted.as_str().contains("hunter2"), "{}", redacted.as_str());
        for kept in [
            "https://api.example.com\"",
            "https://hooks.example.com/[redacted]",
            "acceptable_loss = \"50\"",
            "hour = 100",
        ] {
            assert!(redacted.as_str().contains(kept), "{kept} is missing in {}", redacted.as_str());
        }
        assert_eq!(RedactedLedger::of(redacted.as_str()), redacted, "redacting twice changes nothing");
    }

    #[test]
    fn what_is_no_toml_is_left_out() {
        assert!(!RedactedLedger::of("hunter2 = = =").as_str().contains("hunter2"));
    }
}
