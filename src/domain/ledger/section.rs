//! Reading a table of the ledger. Reading a field *is* declaring it: the calls of a reader are at once the parser, the
//! list of known fields, and (with [`schema_of`]) the JSON Schema, so that the three cannot disagree.

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::{Map, Value, json};
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::field::{FieldType, type_name};
use super::problem::{Problem, Problems, nearest, one_of, shown};

/// One kind of a thing that comes in kinds (a consumer, a notifier, a vault): an entry of its registry.
pub(super) struct KindOf<T> {
    /// The word in the ledger.
    pub name: &'static str,
    /// What it is, for the schema.
    pub doc: &'static str,
    /// Reads the fields that only this kind has.
    pub read: fn(&mut Section<'_, '_, '_>) -> Option<T>,
}

/// What a reader said about a field.
struct Declared {
    name: &'static str,
    required: bool,
    /// Only filled when a schema is wanted.
    schema: Value,
}

/// A table of the ledger while it is read.
pub(super) struct Section<'d, 'p, 't> {
    table: &'d DeTable<'d>,
    span: Range<usize>,
    path: String,
    problems: &'p mut Problems<'t>,
    declared: Vec<Declared>,
    /// Fields by kind; only filled when a schema is wanted.
    kinds: Vec<(&'static str, &'static str, Vec<Declared>)>,
    describing: bool,
    /// The kind is not known, so that nothing can be said about the other fields.
    fields_unknown: bool,
}

/// Reads `table` with `read` and reports fields that `read` did not ask for.
pub(super) fn read_table<'d, 't, T>(
    table: &'d DeTable<'d>,
    span: Range<usize>,
    path: String,
    problems: &mut Problems<'t>,
    read: impl FnOnce(&mut Section<'d, '_, 't>) -> T,
) -> T {
    let mut section = Section::new(table, span, path, problems, false);
    let value = read(&mut section);
    section.report_unknown_fields();
    value
}

/// The JSON Schema of the table that `read` reads.
pub(super) fn schema_of<T>(read: impl FnOnce(&mut Section<'_, '_, '_>) -> T) -> Value {
    let (empty, mut problems) = (DeTable::new(), Problems::default());
    let mut section = Section::new(&empty, 0..0, String::new(), &mut problems, true);
    read(&mut section);
    section.schema()
}

impl<'d, 'p, 't> Section<'d, 'p, 't> {
    fn new(
        table: &'d DeTable<'d>,
        span: Range<usize>,
        path: String,
        problems: &'p mut Problems<'t>,
        describing: bool,
    ) -> Self {
        let (declared, kinds) = (Vec::new(), Vec::new());
        Self { table, span, path, problems, declared, kinds, describing, fields_unknown: false }
    }

    /// A field that must be there. `None` after a problem was noted.
    pub(super) fn required<F: FieldType>(&mut self, name: &'static str, doc: &str, field: F) -> Option<F::Value> {
        self.declare(name, true, || described(field.schema(), doc, None));
        match self.table.get(name) {
            Some(value) => field.read(value, &self.path_of(name), self.problems),
            None => {
                let path = self.path_of(name);
                self.problems
                    .error(
                        self.span.clone(),
                        &path,
                        format!("`{name}` is missing"),
                        format!("add `{name} = {}`", field.example()),
                    )
                    .allowed(field.allowed());
                None
            }
        }
    }

    /// A field that may be left out. `None` also after a problem was noted.
    pub(super) fn optional<F: FieldType>(&mut self, name: &'static str, doc: &str, field: F) -> Option<F::Value> {
        self.declare(name, false, || described(field.schema(), doc, None));
        let value = self.table.get(name)?;
        field.read(value, &self.path_of(name), self.problems)
    }

    /// A field with a default.
    pub(super) fn with_default<F: FieldType>(
        &mut self,
        name: &'static str,
        doc: &str,
        field: F,
        default: F::Value,
    ) -> F::Value {
        self.declare(name, false, || described(field.schema(), doc, Some(field.show(&default))));
        let value = self.table.get(name).and_then(|value| field.read(value, &self.path_of(name), self.problems));
        value.unwrap_or(default)
    }

    /// A table below this one; when it is not there, `read` sees an empty one and gives the defaults.
    pub(super) fn table<T>(
        &mut self,
        name: &'static str,
        doc: &str,
        read: impl Fn(&mut Section<'_, '_, '_>) -> T,
    ) -> T {
        let describing = self.describing;
        self.declare(name, false, || if describing { described(schema_of(&read), doc, None) } else { Value::Null });
        let path = self.path_of(name);
        match self.table.get(name).map(|value| (value.span(), value.get_ref())) {
            Some((span, DeValue::Table(table))) => return read_table(table, span, path, self.problems, read),
            Some((span, other)) => {
                self.problems
                    .error(
                        span,
                        &path,
                        format!("`{name}` is a table, not {}", type_name(other)),
                        format!("write it as `[{}]` with its fields below", header(&path)),
                    )
                    .allowed("a table");
            }
            None => {}
        }
        read_table(&DeTable::new(), 0..0, path, &mut Problems::default(), read)
    }

    /// A list of tables, `[[name]]`. Elements with problems are left out.
    pub(super) fn tables<T>(
        &mut self,
        name: &'static str,
        doc: &str,
        read: impl Fn(&mut Section<'_, '_, '_>) -> Option<T>,
    ) -> Vec<T> {
        self.declare(name, false, || described(json!({ "type": "array", "items": schema_of(&read) }), doc, None));
        let Some(value) = self.table.get(name) else { return Vec::new() };
        let path = self.path_of(name);
        let wrong = |value: &Spanned<DeValue<'_>>, problems: &mut Problems<'_>| {
            let message = format!("`{name}` is a list of tables, not {}", type_name(value.get_ref()));
            let suggestion = format!("write each one as `[[{}]]` with its fields below", header(&path));
            problems.error(value.span(), &path, message, suggestion).allowed("a list of tables");
        };
        let DeValue::Array(elements) = value.get_ref() else {
            wrong(value, self.problems);
            return Vec::new();
        };
        let mut found = Vec::with_capacity(elements.len());
        for (index, element) in elements.iter().enumerate() {
            match element.get_ref() {
                DeValue::Table(table) => {
                    let path = format!("{path}[{}]", label(table, index));
                    found.extend(read_table(table, element.span(), path, self.problems, &read));
                }
                _ => wrong(element, self.problems),
            }
        }
        found
    }

    /// The field `kind` and the fields that the kind brings along.
    pub(super) fn kind<T>(&mut self, doc: &str, kinds: &[KindOf<T>], default: Option<&'static str>) -> Option<T> {
        let names = || kinds.iter().map(|k| k.name);
        if self.describing {
            for kind in kinds {
                let (empty, mut problems) = (DeTable::new(), Problems::default());
                let mut section = Section::new(&empty, 0..0, String::new(), &mut problems, true);
                section.declare("kind", default.is_none_or(|d| d != kind.name), || {
                    described(json!({ "const": kind.name }), doc, None)
                });
                (kind.read)(&mut section);
                self.kinds.push((kind.name, kind.doc, section.declared));
            }
            return None;
        }
        self.declare("kind", default.is_none(), || Value::Null);
        let path = self.path_of("kind");
        let (span, typed) = match self.table.get("kind") {
            Some(value) => (value.span(), value.get_ref().as_str()),
            None => (self.span.clone(), default),
        };
        if let Some(kind) = kinds.iter().find(|k| Some(k.name) == typed) {
            return (kind.read)(self);
        }
        self.fields_unknown = true;
        let message = match typed {
            Some(word) => format!("there is no kind `{}`", shown(word)),
            None if self.table.contains_key("kind") => "`kind` is a string".to_owned(),
            None => "`kind` is missing".to_owned(),
        };
        let suggestion = match typed.and_then(|word| nearest(word, names())) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("write for example `kind = \"{}\"`", names().next().unwrap_or_default()),
        };
        self.problems.error(span, &path, message, suggestion).allowed(one_of(names()));
        None
    }

    /// Notes an error at the field that `at` leads to (names of fields, and of list elements by their `name`), or at the
    /// innermost table that is there.
    pub(super) fn error_at(
        &mut self,
        at: &[&str],
        message: impl Into<String>,
        suggestion: impl Into<String>,
    ) -> &mut Problem {
        let (span, path) = self.locate(at);
        self.problems.error(span, &path, message, suggestion)
    }

    /// Notes a warning in the same way.
    pub(super) fn warn_at(&mut self, at: &[&str], message: impl Into<String>, suggestion: impl Into<String>) {
        let (span, path) = self.locate(at);
        self.problems.warning(span, &path, message, suggestion);
    }

    /// Where the field that `at` leads to stands, and its path.
    pub(super) fn locate(&self, at: &[&str]) -> (Range<usize>, String) {
        let (mut span, mut path) = (self.span.clone(), self.path.clone());
        let mut table = Some(self.table);
        let mut list: Option<&DeArray<'_>> = None;
        for part in at {
            let value = match (table, list) {
                (Some(table), _) => table.get(*part),
                (None, Some(list)) => list.iter().find(|element| name_of(element.get_ref()) == Some(*part)),
                (None, None) => None,
            };
            path = match list {
                Some(_) => format!("{path}[{part}]"),
                None if path.is_empty() => (*part).to_owned(),
                None => format!("{path}.{part}"),
            };
            if let Some(value) = value {
                span = value.span();
            }
            table = value.and_then(|value| value.get_ref().as_table());
            list = value.and_then(|value| value.get_ref().as_array());
        }
        (span, path)
    }

    /// Notes an error for every table of `[[list]]` whose string `field` stood in an earlier one.
    pub(super) fn unique(&mut self, list: &str, field: &str, suggestion: &str) {
        let Some(elements) = self.table.get(list).and_then(|value| value.get_ref().as_array()) else { return };
        let mut first: BTreeMap<&str, Range<usize>> = BTreeMap::new();
        for (index, element) in elements.iter().enumerate() {
            let table = element.get_ref().as_table();
            let Some(value) = table.and_then(|table| table.get(field)) else { continue };
            let (Some(typed), Some(table)) = (value.get_ref().as_str(), table) else { continue };
            match first.get(typed) {
                Some(earlier) => {
                    let path = format!("{}[{}].{field}", self.path_of(list), label(table, index));
                    self.problems
                        .error(value.span(), &path, format!("`{}` is used twice", shown(typed)), suggestion)
                        .related(earlier.clone(), "first used here");
                }
                None => _ = first.insert(typed, value.span()),
            }
        }
    }

    /// Whether the field is there.
    pub(super) fn has(&self, name: &str) -> bool {
        self.table.contains_key(name)
    }

    fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    fn declare(&mut self, name: &'static str, required: bool, schema: impl FnOnce() -> Value) {
        let schema = if self.describing { schema() } else { Value::Null };
        self.declared.push(Declared { name, required, schema });
    }

    fn report_unknown_fields(&mut self) {
        if self.fields_unknown {
            return;
        }
        for key in self.table.keys() {
            let typed = key.get_ref().as_ref();
            if self.declared.iter().any(|d| d.name == typed) {
                continue;
            }
            let path = self.path_of(&shown(typed));
            let known = || self.declared.iter().map(|d| d.name);
            let suggestion = match nearest(typed, known()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "remove it, or look the field up with `guard ledger schema`".to_owned(),
            };
            let allowed = one_of(known());
            self.problems
                .error(key.span(), &path, format!("there is no field `{}` here", shown(typed)), suggestion)
                .allowed(allowed);
        }
    }

    fn schema(&self) -> Value {
        if self.kinds.is_empty() {
            return object(self.declared.iter());
        }
        let variant = |(name, doc, fields): &(&str, &str, Vec<Declared>)| {
            let mut schema = described(object(self.declared.iter().chain(fields)), doc, None);
            schema["title"] = (*name).into();
            schema
        };
        json!({ "oneOf": self.kinds.iter().map(variant).collect::<Vec<_>>() })
    }
}

/// How an element of a list of tables is called in a path: by its name if it has a plain one, else by its number from 0.
fn label(table: &DeTable<'_>, index: usize) -> String {
    let plain = |name: &&str| {
        !name.is_empty() && name.len() <= 64 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    };
    match table.get("name").and_then(|name| name.get_ref().as_str()).filter(plain) {
        Some(name) => name.to_owned(),
        None => index.to_string(),
    }
}

/// A path without the labels of list elements, as it stands in a table header.
fn header(path: &str) -> String {
    path.split('[').map(|part| part.split_once(']').map_or(part, |(_, after)| after)).collect()
}

fn name_of<'v>(value: &'v DeValue<'_>) -> Option<&'v str> {
    value.as_table()?.get("name")?.get_ref().as_str()
}

fn described(mut schema: Value, doc: &str, default: Option<Value>) -> Value {
    if let Value::Object(map) = &mut schema {
        map.insert("description".to_owned(), doc.into());
        if let Some(default) = default {
            map.insert("default".to_owned(), default);
        }
    }
    schema
}

fn object<'f>(fields: impl Iterator<Item = &'f Declared> + Clone) -> Value {
    let properties: Map<String, Value> = fields.clone().map(|f| (f.name.to_owned(), f.schema.clone())).collect();
    let required: Vec<&str> = fields.filter(|f| f.required).map(|f| f.name).collect();
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}
