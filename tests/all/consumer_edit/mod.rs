//! Editing one field of a document: every other byte stays, foreign parsers agree, and what is ambiguous is refused.

mod document;

use guard::adapters::consumer::edit::{EditError, read, replace};
use guard::domain::ledger::{DocumentFormat, FieldPath};
use guard::domain::secret::Secret;
use proptest::prelude::*;

use document::{Written, foreign, written};

const FORMATS: [DocumentFormat; 3] = [DocumentFormat::Json, DocumentFormat::Toml, DocumentFormat::Yaml];

fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned()).unwrap()
}

fn path(text: &str) -> FieldPath {
    text.parse().unwrap()
}

/// The edited text with `NEW-KEY` at `at`, or the refusal.
fn edited(format: DocumentFormat, text: &str, at: &str) -> Result<String, EditError> {
    replace(format, text, &path(at), &secret("NEW-KEY")).map(|edited| edited.to_string())
}

#[test]
fn each_notation_is_kept() {
    use DocumentFormat::{Json, Toml, Yaml};
    for (format, text, at, expected) in [
        (
            Json,
            "{\r\n\t\"a\" : {\"b\":[ 1,{\"c\" :\"o\\u006cd\"} ]}\r\n}\n",
            "a.b[1].c",
            "{\r\n\t\"a\" : {\"b\":[ 1,{\"c\" :\"NEW-KEY\"} ]}\r\n}\n",
        ),
        (Json, r#"{"\u0061":null}"#, "a", r#"{"\u0061":"NEW-KEY"}"#),
        (Toml, "# top\na.b = 'old' # why\n", "a.b", "# top\na.b = 'NEW-KEY' # why\n"),
        (
            Toml,
            "[[s]]\nk='x'\n[[s]]\r\nk = \"\"\"\nold\"\"\" #\n",
            "s[1].k",
            "[[s]]\nk='x'\n[[s]]\r\nk = \"NEW-KEY\" #\n",
        ),
        (Toml, "x = [ { k = \"o\" }, ]", "x[0].k", "x = [ { k = \"NEW-KEY\" }, ]"),
        (Yaml, "a:\n  - b: old   # why\n    c: 1\n", "a[0].b", "a:\n  - b: NEW-KEY   # why\n    c: 1\n"),
        (Yaml, "ä: 'é'\nk: 'it''s'\n", "k", "ä: 'é'\nk: 'NEW-KEY'\n"),
        (Yaml, "{a: {k: \"o\\\"ld\"}, b: 2}", "a.k", "{a: {k: \"NEW-KEY\"}, b: 2}"),
        (Yaml, "%YAML 1.2\n---\nk: ~\n...\n", "k", "%YAML 1.2\n---\nk: NEW-KEY\n...\n"),
        (Yaml, "x: &a 1\ny: *a\nk: old\n", "k", "x: &a 1\ny: *a\nk: NEW-KEY\n"),
    ] {
        assert_eq!(edited(format, text, at).unwrap(), expected);
    }
}

#[test]
fn a_secret_that_yaml_would_misread_is_quoted() {
    for key in ["true", "12e3", "-x", "a#b", "'q'", "k:", "2024-01-01", "null"] {
        let text = replace(DocumentFormat::Yaml, "k: old\n", &path("k"), &secret(key)).unwrap();
        assert_eq!(foreign(DocumentFormat::Yaml, &text).unwrap(), serde_json::json!({ "k": key }));
    }
}

#[test]
fn what_is_ambiguous_is_refused() {
    use DocumentFormat::{Json, Toml, Yaml};
    for (format, text, at, part) in [
        (Json, r#"{"k":"a","k":"b"}"#, "k", "twice"),
        (Json, r#"{"k":"a","\u006b":"b"}"#, "k", "twice"),
        (Json, r#"{"k":1}"#, "k", "not a string"),
        (Json, r#"{"k":"a"}"#, "k.x", "no object"),
        (Json, r#"{"k":"a"}"#, "k[0]", "no array"),
        (Toml, "k = 1", "k", "not a string"),
        (Toml, "[k]\na = ''", "k", "not a string"),
        (Yaml, "k: a\nk: b\n", "k", "twice"),
        (Yaml, "k: a\n\"k\": b\n", "k", "twice"),
        (Yaml, "k: &x a\nl: *x\n", "k", "anchor"),
        (Yaml, "k: &x a\nl: *x\n", "l", "alias"),
        (Yaml, "d: &d {k: a}\ne: *d\n", "e.k", "alias"),
        (Yaml, "d: &d {k: a}\ne: {<<: *d}\n", "e.k", "merge"),
        (Yaml, "k: !vault a\n", "k", "tag"),
        (Yaml, "k: |\n  a\n", "k", "block"),
        (Yaml, "k: \"a\n  b\"\n", "k", "several lines"),
        (Yaml, "k: a\n  b\n", "k", "several lines"),
        (Yaml, "k:\nl: 1\n", "k", "empty"),
        (Yaml, "k: 12\n", "k", "quotes"),
        (Yaml, "k: off\n", "k", "quotes"),
        (Yaml, "k: [a]\n", "k", "not a string"),
        (Yaml, "---\nk: a\n---\nk: b\n", "k", "several documents"),
    ] {
        let error = edited(format, text, at).unwrap_err();
        assert!(matches!(error, EditError::Ambiguous { .. }), "{text}: {error}");
        assert!(error.to_string().contains(part), "{text}: {error}");
    }
}

#[test]
fn what_is_missing_is_not_invented() {
    for (format, text) in [
        (DocumentFormat::Json, "{}"),
        (DocumentFormat::Toml, "a = 1"),
        (DocumentFormat::Yaml, "a: 1\n"),
        (DocumentFormat::Yaml, ""),
    ] {
        assert!(matches!(edited(format, text, "k"), Err(EditError::Missing { .. })), "{text}");
    }
    assert!(matches!(edited(DocumentFormat::Yaml, "k: [a]\n", "k[1]"), Err(EditError::Missing { .. })));
}

#[test]
fn broken_documents_are_located_and_never_quoted() {
    for (format, text, line) in [
        (DocumentFormat::Json, "{\n // comment sk-ant-secret\n}", 2),
        (DocumentFormat::Json, "{\"k\": \"sk-ant-secret\",}", 1),
        (DocumentFormat::Toml, "a = 1\nk = sk-ant-secret", 2),
        (DocumentFormat::Toml, "k = 'sk-ant-secret'\nk = 'x'", 2),
        (DocumentFormat::Yaml, "a: 1\nk: \"sk-ant-secret\n", 2),
    ] {
        let error = edited(format, text, "k").unwrap_err();
        assert!(matches!(&error, EditError::Malformed { line: l, .. } if *l == line), "{text}: {error}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}

proptest! {
    #[test]
    fn every_other_byte_stays_and_foreign_parsers_agree(
        which in 0..FORMATS.len(),
        document in document::tree(),
        noise in prop::collection::vec(any::<u8>(), 1..64),
        pick in any::<prop::sample::Index>(),
        key in "[!-~]{1,60}",
    ) {
        let format = FORMATS[which];
        let Written { text, leaves } = written(format, &document, &noise);
        prop_assert_eq!(&foreign(format, &text).unwrap(), &document);

        let leaf = pick.get(&leaves);
        let at = leaf.path();
        let before = read(format, &text, &at).unwrap();
        prop_assert_eq!(before.as_deref().map(String::as_str), Some(leaf.value.as_str()));

        let after = replace(format, &text, &at, &secret(&key)).unwrap();
        prop_assert_eq!(&after[..leaf.start], &text[..leaf.start]);
        prop_assert_eq!(&after[after.len() - (text.len() - leaf.end)..], &text[leaf.end..]);
        prop_assert_eq!(foreign(format, &after).unwrap(), leaf.replaced(&document, &key));
        prop_assert_eq!(replace(format, &after, &at, &secret(&key)).unwrap(), after);
    }

    #[test]
    fn a_damaged_document_is_edited_rightly_or_refused(
        which in 0..FORMATS.len(),
        document in document::tree(),
        noise in prop::collection::vec(any::<u8>(), 1..64),
        pick in any::<prop::sample::Index>(),
        cut in any::<prop::sample::Index>(),
        insert in prop_oneof![Just(""), Just("\n"), Just("#"), Just("\""), Just("'"), Just("&a "), Just("*a"), Just("- "), Just(": "), Just("---\n"), Just("{"), Just("\t")],
    ) {
        let format = FORMATS[which];
        let Written { text, leaves } = written(format, &document, &noise);
        let mut damaged: Vec<char> = text.chars().collect();
        let at = cut.index(damaged.len());
        damaged.splice(at..=at, insert.chars());
        let damaged: String = damaged.into_iter().collect();

        let leaf = pick.get(&leaves);
        if let (Ok(after), Some(was)) = (replace(format, &damaged, &leaf.path(), &secret("NEW-KEY")), foreign(format, &damaged)) {
            prop_assert_eq!(foreign(format, &after).unwrap(), leaf.replaced(&was, "NEW-KEY"));
        }
    }

    #[test]
    fn no_text_makes_it_panic(which in 0..FORMATS.len(), text in "[\\[\\]{}:,\"'\\\\\n\r\t &*!|>%@#a-c=.0é\u{feff}-]{0,80}") {
        let _ = replace(FORMATS[which], &text, &path("a.b[0]"), &secret("NEW-KEY"));
        let _ = read(FORMATS[which], &text, &path("a"));
    }
}
