//! The types of fields: how each is read, what it allows, and how the JSON Schema says so. One type a file.

mod choice;
mod date;
mod duration;
mod list;
mod number;
mod program;
mod secret_source;
mod text;
mod url;

use serde_json::Value;
use toml::Spanned;
use toml::de::DeValue;

use super::notes::Notes;

pub(super) use choice::Choice;
pub(super) use date::Date;
pub(super) use duration::{DAY, HOUR, Lasting, MINUTE, SECOND, duration_text};
pub(super) use list::List;
pub(super) use number::{Flag, Whole};
pub(super) use program::ProgramField;
pub(super) use secret_source::{SecretFrom, credential_name};
pub(super) use text::{
    Text, absolute_path, environment_variable, field_path, file_mode, free_text, id, model_pattern, money, one_word,
    slug, time_of_day, time_zone,
};
pub(super) use url::{is_loopback, web_address};

/// How a field of one type is read.
pub(super) trait FieldType {
    /// What it becomes.
    type Value;
    /// Reads `value`, the field at `path`. `None` after a problem was noted.
    fn read(&self, value: &Spanned<DeValue<'_>>, path: &str, notes: &mut Notes<'_>) -> Option<Self::Value>;
    /// What may stand there, for people: "a duration from 1m to 30d".
    fn allowed(&self) -> String;
    /// One valid value as it is typed.
    fn example(&self) -> String;
    /// The JSON Schema of the value.
    fn schema(&self) -> Value;
    /// A value as it would be typed, in JSON, for defaults.
    fn show(&self, value: &Self::Value) -> Value;
}

/// What stands there, for "… is a string, not an integer".
pub(super) fn type_name(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// Notes that a value has the wrong type.
fn wrong_type(field: &impl FieldType, value: &Spanned<DeValue<'_>>, path: &str, notes: &mut Notes<'_>) {
    let found = type_name(value.get_ref());
    notes
        .error(
            value.span(),
            path,
            format!("{found} cannot stand here"),
            format!("write for example `{}`", field.example()),
        )
        .allowed(field.allowed());
}
