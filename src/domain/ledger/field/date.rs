use chrono::NaiveDate;
use serde_json::{Value, json};
use toml::Spanned;
use toml::de::DeValue;

use super::{FieldType, wrong_type};
use crate::domain::ledger::notes::Notes;
use crate::domain::ledger::words::shown;

/// A day, `"2026-12-31"`; TOML's own dates (without quotes) are as good.
pub(in crate::domain::ledger) struct Date;

impl FieldType for Date {
    type Value = NaiveDate;

    fn read(&self, value: &Spanned<DeValue<'_>>, path: &str, notes: &mut Notes<'_>) -> Option<NaiveDate> {
        let typed = match value.get_ref() {
            DeValue::String(text) => text.to_string(),
            DeValue::Datetime(date) => date.to_string(),
            _ => {
                wrong_type(self, value, path, notes);
                return None;
            }
        };
        // The length is checked because chrono also takes `2026-1-1`, which the schema's format does not.
        let date = NaiveDate::parse_from_str(&typed, "%Y-%m-%d").ok().filter(|_| typed.len() == 10);
        if date.is_none() {
            notes
                .error(
                    value.span(),
                    path,
                    format!("`{}` is not a day", shown(&typed)),
                    format!("write for example `{}`", self.example()),
                )
                .allowed(self.allowed());
        }
        date
    }

    fn allowed(&self) -> String {
        "a day of the calendar as YYYY-MM-DD".to_owned()
    }

    fn example(&self) -> String {
        "\"2026-12-31\"".to_owned()
    }

    fn schema(&self) -> Value {
        json!({ "type": "string", "format": "date", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$" })
    }

    fn show(&self, value: &NaiveDate) -> Value {
        json!(value.to_string())
    }
}
