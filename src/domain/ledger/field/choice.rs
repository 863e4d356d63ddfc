use serde_json::{Value, json};
use toml::Spanned;
use toml::de::DeValue;

use super::{FieldType, wrong_type};
use crate::domain::ledger::notes::Notes;
use crate::domain::ledger::words::{nearest, one_of, shown};

/// One of a few words: each with what it stands for.
pub(in crate::domain::ledger) struct Choice<T: 'static>(pub &'static [(&'static str, T)]);

impl<T: Copy + PartialEq> Choice<T> {
    fn words(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().map(|(word, _)| *word)
    }
}

impl<T: Copy + PartialEq> FieldType for Choice<T> {
    type Value = T;

    fn read(&self, value: &Spanned<DeValue<'_>>, path: &str, notes: &mut Notes<'_>) -> Option<T> {
        let DeValue::String(typed) = value.get_ref() else {
            wrong_type(self, value, path, notes);
            return None;
        };
        let found = self.0.iter().find(|(word, _)| word == typed).map(|(_, meaning)| *meaning);
        if found.is_none() {
            let suggestion = match nearest(typed, self.words()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("write for example `{}`", self.example()),
            };
            notes
                .error(value.span(), path, format!("`{}` is not a word for this", shown(typed)), suggestion)
                .allowed(self.allowed());
        }
        found
    }

    fn allowed(&self) -> String {
        one_of(self.words())
    }

    fn example(&self) -> String {
        format!("{:?}", self.words().next().unwrap_or_default())
    }

    fn schema(&self) -> Value {
        json!({ "type": "string", "enum": self.words().collect::<Vec<_>>() })
    }

    fn show(&self, value: &T) -> Value {
        json!(self.0.iter().find(|(_, meaning)| meaning == value).map(|(word, _)| *word))
    }
}
