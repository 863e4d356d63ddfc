//! Random documents, written in many ways, with the place of every string in them.

use guard::domain::ledger::{DocumentFormat, FieldPath};
use proptest::prelude::*;
use serde_json::{Map, Value};

/// A document with at least one string, at `key`.
pub fn tree() -> impl Strategy<Value = Value> {
    let text =
        prop_oneof!["[a-z]{3,8}-[a-z]{1,4}".prop_map(Value::String), "[ -~äß€😀\n\t]{0,12}".prop_map(Value::String),];
    let leaf = prop_oneof![text.clone(), any::<bool>().prop_map(Value::from), any::<i32>().prop_map(Value::from)];
    let node = leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::btree_map("[a-zA-Z._ é\"-]{1,5}", inner, 0..4)
                .prop_map(|m| Value::Object(m.into_iter().collect())),
        ]
    });
    (prop::collection::btree_map("[a-z]{1,4}", node, 0..4), text).prop_map(|(members, text)| {
        let mut root: Map<String, Value> = members.into_iter().collect();
        root.insert("key-".to_owned(), text);
        Value::Object(root)
    })
}

/// What a parser that is not guard's says about the text.
pub fn foreign(format: DocumentFormat, text: &str) -> Option<Value> {
    match format {
        DocumentFormat::Json => serde_json::from_str(text).ok(),
        DocumentFormat::Toml => toml::from_str(text).ok(),
        DocumentFormat::Yaml => serde_yaml_ng::from_str(text).ok(),
    }
}

/// A text and its strings.
pub struct Written {
    pub text: String,
    pub leaves: Vec<Leaf>,
}

/// One string: where it is in the tree, what it says, which bytes it takes.
#[derive(Clone)]
pub struct Leaf {
    steps: Vec<Result<String, usize>>,
    pub value: String,
    pub start: usize,
    pub end: usize,
}

impl Leaf {
    pub fn path(&self) -> FieldPath {
        let mut text = String::new();
        for step in &self.steps {
            match step {
                Ok(name) => {
                    text.push_str(if text.is_empty() { "" } else { "." });
                    text.push_str(&format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\"")));
                }
                Err(index) => text.push_str(&format!("[{index}]")),
            }
        }
        text.parse().unwrap()
    }

    /// `document` with this leaf replaced.
    pub fn replaced(&self, document: &Value, by: &str) -> Value {
        let mut document = document.clone();
        let mut here = &mut document;
        for step in &self.steps {
            here = match step {
                Ok(name) => &mut here[name.as_str()],
                Err(index) => &mut here[*index],
            };
        }
        *here = Value::String(by.to_owned());
        document
    }
}

/// Writes `document`; `noise` chooses among the ways to say the same.
pub fn written(format: DocumentFormat, document: &Value, noise: &[u8]) -> Written {
    let mut writer =
        Writer { format, noise, used: 0, steps: Vec::new(), out: Written { text: String::new(), leaves: Vec::new() } };
    match format {
        DocumentFormat::Json => {
            writer.space();
            writer.flow(document);
            writer.space();
        }
        DocumentFormat::Toml => writer.toml_root(document.as_object().unwrap()),
        DocumentFormat::Yaml if writer.choose(3) == 0 => writer.flow(document),
        DocumentFormat::Yaml => writer.block(document, 0),
    }
    writer.out
}

struct Writer<'n> {
    format: DocumentFormat,
    noise: &'n [u8],
    used: usize,
    steps: Vec<Result<String, usize>>,
    out: Written,
}

impl Writer<'_> {
    fn choose(&mut self, ways: u8) -> u8 {
        self.used += 1;
        // The position is mixed in, so that a short noise does not repeat itself.
        (self.noise[self.used % self.noise.len()] ^ (self.used as u8).wrapping_mul(31)) % ways
    }

    fn put(&mut self, text: &str) {
        self.out.text.push_str(text);
    }

    fn space(&mut self) {
        let spaces: &[&str] = match self.format {
            DocumentFormat::Json => &["", " ", "\n", "\r\n\t", "  "],
            DocumentFormat::Toml | DocumentFormat::Yaml => &["", " ", "   "],
        };
        let chosen = spaces[self.choose(spaces.len() as u8) as usize];
        self.put(chosen);
    }

    fn line_end(&mut self) {
        let end = ["\n", " # a 'comment': \"x\"\n", "\n\n", "\r\n"][self.choose(4) as usize];
        self.put(end);
    }

    /// A string in one of the notations that can hold it.
    fn literal(&mut self, text: &str) {
        let double = match self.choose(3) {
            0 => text
                .chars()
                .map(|c| if c.is_ascii_alphabetic() { format!("\\u{:04x}", c as u32) } else { escaped(c) })
                .collect(),
            _ => text.chars().map(escaped).collect::<String>(),
        };
        let printable = !text.contains(['\n', '\t']);
        let plain =
            text.contains('-') && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'-') && !text.starts_with('-');
        match (self.format, self.choose(3)) {
            (DocumentFormat::Yaml, 0) if plain => self.put(text),
            (DocumentFormat::Yaml, 1) if printable => self.put(&format!("'{}'", text.replace('\'', "''"))),
            (DocumentFormat::Toml, 1) if printable && !text.contains('\'') => self.put(&format!("'{text}'")),
            _ => self.put(&format!("\"{double}\"")),
        }
    }

    fn value_string(&mut self, text: &str) {
        let start = self.out.text.len();
        self.literal(text);
        let leaf = Leaf { steps: self.steps.clone(), value: text.to_owned(), start, end: self.out.text.len() };
        self.out.leaves.push(leaf);
    }

    /// JSON, YAML's flow style, and TOML's inline values.
    fn flow(&mut self, value: &Value) {
        let between = if self.format == DocumentFormat::Toml { " = " } else { ": " };
        match value {
            Value::String(text) => self.value_string(text),
            Value::Array(items) => {
                self.put("[");
                for (index, item) in items.iter().enumerate() {
                    self.put(if index > 0 { "," } else { "" });
                    self.space();
                    self.steps.push(Err(index));
                    self.flow(item);
                    self.steps.pop();
                    self.space();
                }
                self.put("]");
            }
            Value::Object(members) => {
                self.put("{");
                for (index, (name, member)) in members.iter().enumerate() {
                    self.put(if index > 0 { "," } else { "" });
                    self.space();
                    self.literal_name(name);
                    self.put(between);
                    self.steps.push(Ok(name.clone()));
                    self.flow(member);
                    self.steps.pop();
                    self.space();
                }
                self.put("}");
            }
            other => self.put(&other.to_string()),
        }
    }

    fn literal_name(&mut self, name: &str) {
        match self.format {
            DocumentFormat::Json => self.literal(name),
            _ => self.put(&serde_json::to_string(name).unwrap()),
        }
    }

    fn toml_root(&mut self, members: &Map<String, Value>) {
        let (tables, values): (Vec<_>, Vec<_>) = members.iter().partition(|(_, v)| v.is_object());
        self.line_end();
        for (name, value) in values {
            self.assignment(name, value);
        }
        for (name, table) in tables {
            self.put(&format!("[{name}]"));
            self.line_end();
            self.steps.push(Ok(name.clone()));
            for (name, value) in table.as_object().unwrap() {
                self.assignment(name, value);
            }
            self.steps.pop();
        }
    }

    fn assignment(&mut self, name: &str, value: &Value) {
        self.space();
        self.literal_name(name);
        self.put(" = ");
        self.steps.push(Ok(name.to_owned()));
        self.flow(value);
        self.steps.pop();
        self.line_end();
    }

    /// YAML's block style.
    fn block(&mut self, value: &Value, indent: usize) {
        let empty = value.as_array().is_some_and(Vec::is_empty) || value.as_object().is_some_and(Map::is_empty);
        match value {
            Value::Array(items) if !empty => {
                for (index, item) in items.iter().enumerate() {
                    self.put(&format!("{}-", " ".repeat(indent)));
                    self.steps.push(Err(index));
                    self.child(item, indent);
                    self.steps.pop();
                }
            }
            Value::Object(members) if !empty => {
                for (name, member) in members {
                    self.put(&format!("{}{}:", " ".repeat(indent), serde_json::to_string(name).unwrap()));
                    self.steps.push(Ok(name.clone()));
                    self.child(member, indent);
                    self.steps.pop();
                }
            }
            flat => {
                self.flow(flat);
                self.line_end();
            }
        }
    }

    fn child(&mut self, value: &Value, indent: usize) {
        let nested =
            value.as_array().is_some_and(|a| !a.is_empty()) || value.as_object().is_some_and(|o| !o.is_empty());
        if nested && self.choose(4) > 0 {
            self.line_end();
            self.block(value, indent + 2);
        } else {
            self.put(" ");
            self.space();
            self.flow(value);
            self.line_end();
        }
    }
}

fn escaped(c: char) -> String {
    match c {
        '"' => "\\\"".to_owned(),
        '\\' => "\\\\".to_owned(),
        '\n' => "\\n".to_owned(),
        '\t' => "\\t".to_owned(),
        c => c.to_string(),
    }
}
