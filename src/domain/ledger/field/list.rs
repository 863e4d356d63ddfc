use serde_json::{Value, json};
use toml::Spanned;
use toml::de::DeValue;

use super::{FieldType, type_name};
use crate::domain::ledger::notes::Notes;

/// A list of values of one type. One wrong element makes the list `None`, but all its elements are judged.
pub(in crate::domain::ledger) struct List<F>(pub F);

impl<F: FieldType> FieldType for List<F> {
    type Value = Vec<F::Value>;

    fn read(&self, value: &Spanned<DeValue<'_>>, path: &str, notes: &mut Notes<'_>) -> Option<Self::Value> {
        let DeValue::Array(elements) = value.get_ref() else {
            let found = type_name(value.get_ref());
            notes
                .error(
                    value.span(),
                    path,
                    format!("{found} cannot stand here"),
                    format!("write a list: `{}`", self.example()),
                )
                .allowed(self.allowed());
            return None;
        };
        let read: Vec<_> = elements
            .iter()
            .enumerate()
            .map(|(index, element)| self.0.read(element, &format!("{path}[{index}]"), notes))
            .collect();
        read.into_iter().collect()
    }

    fn allowed(&self) -> String {
        format!("a list; each element is {}", self.0.allowed())
    }

    fn example(&self) -> String {
        format!("[{}]", self.0.example())
    }

    fn schema(&self) -> Value {
        json!({ "type": "array", "items": self.0.schema() })
    }

    fn show(&self, values: &Self::Value) -> Value {
        values.iter().map(|value| self.0.show(value)).collect()
    }
}
