//! The JSON Schema of the ledger (draft 2020-12), taken from the parser itself.

use serde_json::{Value, json};

use super::build;
use super::section::schema_of;

/// The schema, for editors that complete and check TOML by it.
pub fn schema() -> Value {
    let mut schema = schema_of(build::ledger);
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!("guard.toml");
    schema["description"] =
        json!("The ledger of guard: what the keys of each workspace are for, and what may happen to them.");
    schema
}
