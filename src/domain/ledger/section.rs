//! Reading a table of the ledger. Reading a field *is* declaring it: the calls of a reader are at once the parser, the
//! list of known fields, and (with [`schema_of`]) the JSON Schema, so that the three cannot disagree.

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::{Value, json};
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::declared::{Declared, described, object};
use super::field::{FieldType, type_name};
use super::notes::Notes;
use super::problem::Problem;
use super::words::{nearest, one_of, shown};

/// One kind of a thing that comes in kinds (a consumer, a notifier, a vault): an entry of its registry.
pub(super) struct KindOf<T> {
    /// The word in the ledger.
    pub name: &'static str,
    /// What it is, for the schema.
    pub doc: &'static str,
    /// Reads the fields that only this kind has.
    pub read: fn(&mut Section<'_, '_, '_>) -> Option<T>,
}

/// A table of the ledger while it is read.
pub(super) struct Section<'d, 'p, 't> {
    table: &'d DeTable<'d>,
    span: Range<usize>,
    path: String,
    notes: &'p mut Notes<'t>,
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
    notes: &mut Notes<'t>,
    read: impl FnOnce(&mut Section<'d, '_, 't>) -> T,
) -> T {
    let mut section = Section::new(table, span, path, notes, false);
    let value = read(&mut section);
    section.report_unknown_fields();
    value
}

/// The JSON Schema of the table that `read` reads.
pub(super) fn schema_of<T>(read: impl FnOnce(&mut Section<'_, '_, '_>) -> T) -> Value {
    let (empty, mut notes) = (DeTable::new(), Notes::default());
    let mut section = Section::new(&empty, 0..0, String::new(), &mut notes, true);
    read(&mut section);
    section.schema()
}

impl<'d, 'p, 't> Section<'d, 'p, 't> {
    fn new(
        table: &'d DeTable<'d>,
        span: Range<usize>,
        path: String,
        notes: &'p mut Notes<'t>,
        describing: bool,
    ) -> Self {
        let (declared, kinds) = (Vec::new(), Vec::new());
        Self { table, span, path, notes, declared, kinds, describing, fields_unknown: false }
    }

    /// A field that must be there. `None` after a problem was noted.
    pub(super) fn required<F: FieldType>(&mut self, name: &'static str, doc: &str, field: F) -> Option<F::Value> {
        self.declare(name, true, || described(field.schema(), doc, None));
        match self.table.get(name) {
            Some(value) => self.typed(name, &field, value),
            None => {
                let path = path_of(&self.path, name);
                self.notes
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
        self.typed(name, &field, value)
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
        if let Some(value) = self.table.get(name) {
            return self.typed(name, &field, value).unwrap_or(default);
        }
        let path = || path_of(&self.path, name);
        self.notes.setting(path, || field.show(&default), true);
        default
    }

    fn typed<F: FieldType>(&mut self, name: &str, field: &F, value: &Spanned<DeValue<'_>>) -> Option<F::Value> {
        let path = path_of(&self.path, name);
        // A value that is itself a table (a program) is one setting, not one for each of its fields.
        let settings = self.notes.take_settings();
        let meaning = field.read(value, &path, self.notes);
        self.notes.put_settings(settings);
        let meaning = meaning?;
        self.notes.setting(|| path, || field.show(&meaning), false);
        Some(meaning)
    }

    /// A table below this one; when it is not there, `read` sees an empty one and gives the defaults.
    pub(super) fn table<T>(
        &mut self,
        name: &'static str,
        doc: &str,
        read: impl Fn(&mut Section<'_, '_, '_>) -> T,
    ) -> T {
        self.declare(name, false, || described(schema_of(&read), doc, None));
        let path = path_of(&self.path, name);
        match self.table.get(name).map(|value| (value.span(), value.get_ref())) {
            Some((span, DeValue::Table(table))) => return read_table(table, span, path, self.notes, read),
            Some((span, other)) => {
                self.notes
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
        let mut scratch = self.notes.scratch();
        let value = read_table(&DeTable::new(), 0..0, path, &mut scratch, read);
        self.notes.adopt_settings(scratch);
        value
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
        let path = path_of(&self.path, name);
        let wrong = |value: &Spanned<DeValue<'_>>, notes: &mut Notes<'_>| {
            let message = format!("`{name}` is a list of tables, not {}", type_name(value.get_ref()));
            let suggestion = format!("write each one as `[[{}]]` with its fields below", header(&path));
            notes.error(value.span(), &path, message, suggestion).allowed("a list of tables");
        };
        let DeValue::Array(elements) = value.get_ref() else {
            wrong(value, self.notes);
            return Vec::new();
        };
        let mut found = Vec::with_capacity(elements.len());
        for (index, element) in elements.iter().enumerate() {
            match element.get_ref() {
                DeValue::Table(table) => {
                    let path = format!("{path}[{}]", label(table, index));
                    found.extend(read_table(table, element.span(), path, self.notes, &read));
                }
                _ => wrong(element, self.notes),
            }
        }
        found
    }

    /// The field `kind` and the fields that the kind brings along.
    pub(super) fn kind<T>(&mut self, doc: &str, kinds: &[KindOf<T>], default: Option<&'static str>) -> Option<T> {
        let names = || kinds.iter().map(|k| k.name);
        if self.describing {
            for kind in kinds {
                let (empty, mut notes) = (DeTable::new(), Notes::default());
                let mut section = Section::new(&empty, 0..0, String::new(), &mut notes, true);
                section.declare("kind", default.is_none_or(|d| d != kind.name), || {
                    described(json!({ "const": kind.name }), doc, None)
                });
                (kind.read)(&mut section);
                self.kinds.push((kind.name, kind.doc, section.declared));
            }
            return None;
        }
        self.declare("kind", default.is_none(), || Value::Null);
        let path = path_of(&self.path, "kind");
        let (span, typed) = match self.table.get("kind") {
            Some(value) => (value.span(), value.get_ref().as_str()),
            None => (self.span.clone(), default),
        };
        if let Some(kind) = kinds.iter().find(|k| Some(k.name) == typed) {
            self.notes.setting(|| path, || kind.name.into(), !self.table.contains_key("kind"));
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
        self.notes.error(span, &path, message, suggestion).allowed(one_of(names()));
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
        self.notes.error(span, &path, message, suggestion)
    }

    /// Notes a warning in the same way.
    pub(super) fn warn_at(&mut self, at: &[&str], message: impl Into<String>, suggestion: impl Into<String>) {
        let (span, path) = self.locate(at);
        self.notes.warning(span, &path, message, suggestion);
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
                    let path = format!("{}[{}].{field}", path_of(&self.path, list), label(table, index));
                    self.notes
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
            let path = path_of(&self.path, &shown(typed));
            let known = || self.declared.iter().map(|d| d.name);
            let suggestion = match nearest(typed, known()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "remove it, or look the field up with `guard ledger schema`".to_owned(),
            };
            let allowed = one_of(known());
            self.notes
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

fn path_of(table: &str, field: &str) -> String {
    if table.is_empty() { field.to_owned() } else { format!("{table}.{field}") }
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
