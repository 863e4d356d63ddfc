use serde_json::{Value, json};
use toml::Spanned;
use toml::de::DeValue;

use super::{FieldType, wrong_type};
use crate::domain::ledger::notes::Notes;
use crate::domain::ledger::words::shown;

/// `true` or `false`.
pub(in crate::domain::ledger) struct Flag;

impl FieldType for Flag {
    type Value = bool;

    fn read(&self, value: &Spanned<DeValue<'_>>, path: &str, notes: &mut Notes<'_>) -> Option<bool> {
        let flag = value.get_ref().as_bool();
        if flag.is_none() {
            wrong_type(self, value, path, notes);
        }
        flag
    }

    fn allowed(&self) -> String {
        "`true` or `false`, without quotes".to_owned()
    }

    fn example(&self) -> String {
        "true".to_owned()
    }

    fn schema(&self) -> Value {
        json!({ "type": "boolean" })
    }

    fn show(&self, value: &bool) -> Value {
        json!(value)
    }
}

/// A whole number between two bounds, both included.
pub(in crate::domain::ledger) struct Whole(pub u64, pub u64);

impl FieldType for Whole {
    type Value = u64;

    fn read(&self, value: &Spanned<DeValue<'_>>, path: &str, notes: &mut Notes<'_>) -> Option<u64> {
        let DeValue::Integer(number) = value.get_ref() else {
            wrong_type(self, value, path, notes);
            return None;
        };
        let parsed = u64::from_str_radix(number.as_str(), number.radix()).ok();
        let inside = parsed.filter(|n| (self.0..=self.1).contains(n));
        if inside.is_none() {
            let nearest =
                if number.as_str().starts_with('-') { self.0 } else { parsed.unwrap_or(self.1).clamp(self.0, self.1) };
            notes
                .error(
                    value.span(),
                    path,
                    format!("{} is out of range", shown(&number.to_string())),
                    format!("the nearest allowed value is {nearest}"),
                )
                .allowed(self.allowed());
        }
        inside
    }

    fn allowed(&self) -> String {
        format!("a whole number from {} to {}", self.0, self.1)
    }

    fn example(&self) -> String {
        self.0.max(1).to_string()
    }

    fn schema(&self) -> Value {
        json!({ "type": "integer", "minimum": self.0, "maximum": self.1 })
    }

    fn show(&self, value: &u64) -> Value {
        json!(value)
    }
}
