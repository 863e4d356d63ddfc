//! What readers declare about fields, as JSON Schema.

use serde_json::{Map, Value, json};

/// What a reader said about a field.
pub(super) struct Declared {
    pub name: &'static str,
    pub required: bool,
    /// Only filled when a schema is wanted.
    pub schema: Value,
}

/// Adds what a schema is about and its default.
pub(super) fn described(mut schema: Value, doc: &str, default: Option<Value>) -> Value {
    if let Value::Object(map) = &mut schema {
        map.insert("description".to_owned(), doc.into());
        if let Some(default) = default {
            map.insert("default".to_owned(), default);
        }
    }
    schema
}

/// The schema of a table with these fields and no other.
pub(super) fn object<'f>(fields: impl Iterator<Item = &'f Declared> + Clone) -> Value {
    let properties: Map<String, Value> = fields.clone().map(|f| (f.name.to_owned(), f.schema.clone())).collect();
    let required: Vec<&str> = fields.filter(|f| f.required).map(|f| f.name).collect();
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}
