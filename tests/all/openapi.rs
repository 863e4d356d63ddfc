//! The provider's contract, as the OpenAPI document in `tests/fixtures/` describes it.

use std::path::Path;

use serde_json::{Map, Value, json};

/// The document.
pub struct Contract(Value);

/// An operation of the document.
pub struct Operation<'c> {
    contract: &'c Contract,
    /// Its path template and method, for messages.
    pub name: String,
    operation: &'c Value,
    path: &'c Value,
}

impl Contract {
    pub fn load() -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/anthropic-admin-openapi.yaml");
        let text = std::fs::read_to_string(path).unwrap();
        Self(serde_yaml_ng::from_str(&text).unwrap())
    }

    /// The operation that serves `method path`.
    pub fn operation(&self, method: &str, path: &str) -> Operation<'_> {
        let fits = |template: &str| {
            let (a, b): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
            a.len() == b.len() && a.iter().zip(&b).all(|(t, p)| t == p || (t.starts_with('{') && !p.is_empty()))
        };
        let paths = self.0["paths"].as_object().unwrap();
        // A literal template wins over one with parameters.
        let mut found: Vec<_> = paths.iter().filter(|(template, _)| fits(template)).collect();
        found.sort_by_key(|(template, _)| template.contains('{'));
        let (template, item) = found.first().unwrap_or_else(|| panic!("the document has no path for {path}"));
        let operation = item.get(method.to_lowercase()).unwrap_or_else(|| panic!("no {method} {template}"));
        Operation { contract: self, name: format!("{method} {template}"), operation, path: item }
    }

    fn resolve<'c>(&'c self, value: &'c Value) -> &'c Value {
        match value.get("$ref").and_then(Value::as_str) {
            Some(reference) => self.resolve(self.0.pointer(reference.trim_start_matches('#')).unwrap()),
            None => value,
        }
    }

    /// Problems of `value` under `schema`, whose references are resolved within the document.
    fn problems(&self, schema: &Value, value: &Value) -> Vec<String> {
        let whole = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "allOf": [schema],
            "components": self.0["components"],
        });
        let validator =
            jsonschema::options().should_validate_formats(true).offline().build(&whole).expect("the document's schema");
        validator.iter_errors(value).map(|error| format!("{} at `{}`", error, error.instance_path())).collect()
    }
}

impl Operation<'_> {
    /// The statuses that the document knows for this operation.
    pub fn statuses(&self) -> Vec<u16> {
        self.operation["responses"].as_object().unwrap().keys().map(|status| status.parse().unwrap()).collect()
    }

    /// Every example of the answer with `status`.
    pub fn examples(&self, status: u16) -> Vec<Value> {
        let content = &self.response(status)["content"]["application/json"];
        let examples = content["examples"].as_object().cloned().unwrap_or_default();
        examples.values().map(|example| self.contract.resolve(example)["value"].clone()).collect()
    }

    fn response(&self, status: u16) -> &Value {
        let response = &self.operation["responses"][status.to_string()];
        assert!(!response.is_null(), "{}: the document does not know the status {status}", self.name);
        self.contract.resolve(response)
    }

    /// Fails unless an answer is one that the document describes.
    pub fn check_answer(&self, status: u16, body: &Value) {
        let schema = &self.response(status)["content"]["application/json"]["schema"];
        let problems = self.contract.problems(schema, body);
        assert!(problems.is_empty(), "{} answers {status} with {body}:\n  {}", self.name, problems.join("\n  "));
    }

    fn parameters(&self) -> impl Iterator<Item = &Value> {
        let of = |value: &'_ Value| value["parameters"].as_array().cloned().unwrap_or_default().len();
        let count = (of(self.path), of(self.operation));
        (0..count.0)
            .map(|at| &self.path["parameters"][at])
            .chain((0..count.1).map(|at| &self.operation["parameters"][at]))
            .map(|parameter| self.contract.resolve(parameter))
    }

    /// Fails unless a request has every required parameter, no unknown one, and values that the document allows.
    pub fn check_request(&self, query: &[(String, String)], header: impl Fn(&str) -> Option<String>, body: &[u8]) {
        let mut known = Map::new();
        for parameter in self.parameters() {
            let name = parameter["name"].as_str().unwrap();
            let (schema, required) = (&parameter["schema"], parameter["required"] == json!(true));
            let given: Vec<String> = match parameter["in"].as_str().unwrap() {
                "query" => query.iter().filter(|(n, _)| n == name).map(|(_, v)| v.clone()).collect(),
                "header" => header(name).into_iter().collect(),
                _ => continue,
            };
            known.insert(name.to_owned(), Value::Null);
            assert!(!required || !given.is_empty(), "{}: {name} is required", self.name);
            if given.is_empty() {
                continue;
            }
            let schema = self.contract.resolve(schema);
            let value = match schema["type"].as_str() {
                Some("array") => json!(given),
                Some("integer") => json!(given[0].parse::<i64>().unwrap()),
                Some("boolean") => json!(given[0].parse::<bool>().unwrap()),
                _ => json!(given[0]),
            };
            let problems = self.contract.problems(schema, &value);
            assert!(problems.is_empty(), "{}: {name} = {value}: {}", self.name, problems.join("; "));
        }
        for (name, _) in query {
            assert!(known.contains_key(name), "{}: the document has no query parameter {name}", self.name);
        }
        let schema = &self.operation["requestBody"]["content"]["application/json"]["schema"];
        if schema.is_null() {
            assert!(body.is_empty(), "{} takes no body", self.name);
        } else {
            let problems = self.contract.problems(schema, &serde_json::from_slice(body).unwrap());
            assert!(problems.is_empty(), "{}: {}", self.name, problems.join("; "));
        }
    }
}
