//! Finds a string in TOML 1.0.

use toml_edit::{Document, Item, Value};
use zeroize::Zeroizing;

use super::{EditError, Field, Notation, position};
use crate::domain::ledger::{DocumentFormat, FieldPath, Step};

/// A table or a value, whichever way the document writes it.
enum Node<'d> {
    Item(&'d Item),
    Value(&'d Value),
    Table(&'d dyn toml_edit::TableLike),
}

impl<'d> Node<'d> {
    fn get(self, step: &Step) -> Option<Self> {
        match (step, self) {
            (Step::Name(name), Self::Item(item)) => item.as_table_like()?.get(name).map(Node::Item),
            (Step::Name(name), Self::Value(value)) => value.as_inline_table()?.get(name).map(Node::Value),
            (Step::Name(name), Self::Table(table)) => table.get(name).map(Node::Item),
            (Step::Index(index), Self::Item(Item::ArrayOfTables(tables))) => tables.get(*index).map(|t| Node::Table(t)),
            (Step::Index(index), Self::Item(item)) => item.as_array()?.get(*index).map(Node::Value),
            (Step::Index(index), Self::Value(value)) => value.as_array()?.get(*index).map(Node::Value),
            (Step::Index(_), Self::Table(_)) => None,
        }
    }
}

pub(super) fn find(text: &str, path: &FieldPath) -> Result<Field, EditError> {
    let document = Document::parse(text).map_err(|e| {
        // Only the position: the parser's own text quotes the line.
        let (line, column) = position(text, e.span().map_or(0, |s| s.start));
        EditError::Malformed { format: DocumentFormat::Toml, line, column, remark: "" }
    })?;
    let mut here = Node::Item(document.as_item());
    for step in path.steps() {
        here = here.get(step).ok_or_else(|| EditError::Missing { path: path.clone() })?;
    }
    let value = match here {
        Node::Item(item) => item.as_value(),
        Node::Value(value) => Some(value),
        Node::Table(_) => None,
    };
    let ambiguous = |why| EditError::Ambiguous { path: path.clone(), why };
    let Some(Value::String(string)) = value else { return Err(ambiguous("is not a string")) };
    let span = string.span().ok_or_else(|| ambiguous("has no place of its own in the text"))?;
    let notation = if text[span.clone()].starts_with('\'') { Notation::Single } else { Notation::Double };
    Ok(Field { span, value: Some(Zeroizing::new(string.value().clone())), notation })
}
