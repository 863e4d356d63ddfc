//! Finds a string in YAML 1.2. Only what every YAML parser reads alike is touched: no aliases, anchors, tags, merge keys,
//! block scalars or multi-line scalars on the way to the value, and one document a file.

use saphyr_parser::{Event, Parser, ScalarStyle, Span};
use zeroize::Zeroizing;

use super::{EditError, Field, Notation};
use crate::domain::ledger::{DocumentFormat, FieldPath, Step};

type Events<'t> = [(Event<'t>, Span)];

pub(super) fn find(text: &str, path: &FieldPath) -> Result<Field, EditError> {
    let ambiguous = |why| EditError::Ambiguous { path: path.clone(), why };
    let events = parse(text)?;
    if events.iter().filter(|(event, _)| matches!(event, Event::DocumentStart(_))).count() > 1 {
        return Err(ambiguous("is in a file of several documents; keep the key in a file of its own"));
    }
    let missing = || EditError::Missing { path: path.clone() };
    let root = events.iter().position(|(e, _)| matches!(e, Event::DocumentStart(_))).ok_or_else(missing)? + 1;

    let mut here = root;
    for step in path.steps() {
        reject_sharing(&events[here].0).map_err(ambiguous)?;
        here = match step {
            Step::Name(name) => member(&events, here, name).map_err(ambiguous)?,
            Step::Index(index) => element(&events, here, *index).map_err(ambiguous)?,
        }
        .ok_or_else(missing)?;
    }
    let (event, span) = &events[here];
    reject_sharing(event).map_err(ambiguous)?;
    let Event::Scalar(value, style, ..) = event else { return Err(ambiguous("is not a string")) };
    scalar(text, *span, value, *style).map_err(ambiguous)
}

fn parse(text: &str) -> Result<Vec<(Event<'_>, Span)>, EditError> {
    Parser::new_from_str(text).collect::<Result<_, _>>().map_err(|e| EditError::Malformed {
        format: DocumentFormat::Yaml,
        line: e.marker().line(),
        column: e.marker().col() + 1,
        remark: "",
    })
}

/// A value that another place of the document shares, or whose type a tag changes, is not ours to replace.
fn reject_sharing(event: &Event<'_>) -> Result<(), &'static str> {
    let (anchor, tag) = match event {
        Event::Alias(_) => return Err("passes through an alias (`*name`); write the value out at this place"),
        Event::Scalar(_, _, anchor, tag) | Event::SequenceStart(anchor, tag) | Event::MappingStart(anchor, tag) => {
            (*anchor, tag.is_some())
        }
        _ => (0, false),
    };
    match (anchor, tag) {
        (0, false) => Ok(()),
        (0, true) => Err("has a tag (`!…`) on its way; remove the tag"),
        _ => Err("has an anchor (`&name`) on its way, so that other places would change with it; remove the anchor"),
    }
}

/// The place after the node that begins at `at`.
fn after(events: &Events<'_>, at: usize) -> usize {
    let mut depth = 0usize;
    for (index, (event, _)) in events.iter().enumerate().skip(at) {
        match event {
            Event::MappingStart(..) | Event::SequenceStart(..) => depth += 1,
            Event::MappingEnd | Event::SequenceEnd => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return index + 1;
        }
    }
    events.len()
}

fn member(events: &Events<'_>, mapping: usize, wanted: &str) -> Result<Option<usize>, &'static str> {
    if !matches!(events[mapping].0, Event::MappingStart(..)) {
        return Err("passes through something that is no mapping");
    }
    let (mut found, mut merges, mut key) = (None, false, mapping + 1);
    while key < events.len() && events[key].0 != Event::MappingEnd {
        let value = after(events, key);
        match &events[key].0 {
            Event::Scalar(name, ..) if name == wanted && found.is_some() => return Err("is there twice; remove one"),
            Event::Scalar(name, ..) if name == wanted => found = Some(value),
            Event::Scalar(name, ..) => merges |= name == "<<",
            _ => {}
        }
        key = after(events, value);
    }
    if found.is_none() && merges {
        return Err("would come from a merge key (`<<`); write the value out at this place");
    }
    Ok(found)
}

fn element(events: &Events<'_>, sequence: usize, wanted: usize) -> Result<Option<usize>, &'static str> {
    if !matches!(events[sequence].0, Event::SequenceStart(..)) {
        return Err("passes through something that is no sequence");
    }
    let mut at = sequence + 1;
    for _ in 0..wanted {
        if at >= events.len() || events[at].0 == Event::SequenceEnd {
            return Ok(None);
        }
        at = after(events, at);
    }
    Ok((at < events.len() && events[at].0 != Event::SequenceEnd).then_some(at))
}

/// The scalar's bytes, accepted only when they say by themselves what the parser says they mean.
fn scalar(text: &str, span: Span, value: &str, style: ScalarStyle) -> Result<Field, &'static str> {
    // The parser counts characters.
    let offset = |chars: usize| text.char_indices().nth(chars).map_or(text.len(), |(byte, _)| byte);
    let span = offset(span.start.index())..offset(span.end.index());
    let literal = &text[span.clone()];
    let quoted = |quote, notation| {
        // The parser's span of a quoted text goes on over the blanks and the comment behind it.
        let end = closing_quote(literal, quote)
            .ok_or("is written in a way that guard does not edit; put it in double quotes")?;
        if literal[..end].contains(['\n', '\r']) {
            return Err("goes over several lines; write it on one");
        }
        Ok(Field { span: span.start..span.start + end, value: Some(Zeroizing::new(value.to_owned())), notation })
    };
    match style {
        ScalarStyle::Literal | ScalarStyle::Folded => Err("is a block of lines; write it on one line in quotes"),
        ScalarStyle::SingleQuoted => quoted('\'', Notation::Single),
        ScalarStyle::DoubleQuoted => quoted('"', Notation::Double),
        ScalarStyle::Plain if literal.is_empty() => Err("is empty; write \"\" there once"),
        ScalarStyle::Plain if literal != value => Err("goes over several lines; write it on one line in quotes"),
        ScalarStyle::Plain if matches!(literal, "null" | "~") => {
            Ok(Field { span, value: None, notation: Notation::Plain })
        }
        ScalarStyle::Plain if !is_text(literal) => Err("may be a number, a date or a truth value; put it in quotes"),
        ScalarStyle::Plain => {
            Ok(Field { span, value: Some(Zeroizing::new(value.to_owned())), notation: Notation::Plain })
        }
    }
}

/// Whether every YAML version reads the plain scalar as text. YAML 1.1 has words (`yes`, `off`) that 1.2 does not.
fn is_text(plain: &str) -> bool {
    let word = plain.to_ascii_lowercase();
    plain.starts_with(|c: char| c.is_alphabetic())
        && !matches!(word.as_str(), "y" | "n" | "yes" | "no" | "on" | "off" | "true" | "false" | "null")
}

/// The end of the quoted text that `literal` begins with, its closing quote included.
fn closing_quote(literal: &str, quote: char) -> Option<usize> {
    let mut chars = literal.char_indices().peekable();
    chars.next_if(|(_, c)| *c == quote)?;
    while let Some((at, c)) = chars.next() {
        let escapes = match quote {
            '\'' => c == '\'' && chars.peek().is_some_and(|(_, next)| *next == '\''),
            _ => c == '\\',
        };
        if escapes {
            chars.next();
        } else if c == quote {
            return Some(at + 1);
        }
    }
    None
}
