use proptest::prelude::*;

use super::edit::set;
use super::scan::scan;
use crate::domain::secret::Secret;

const KEY: &str = "ANTHROPIC_API_KEY";

fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned()).unwrap()
}

fn after(file: &[u8], text: &str) -> Result<String, String> {
    let edited = set(file, KEY, &secret(text)).map_err(|error| error.to_string())?;
    Ok(String::from_utf8_lossy(&edited.bytes).into_owned())
}

fn held(file: &[u8]) -> Result<Option<Vec<u8>>, String> {
    scan(file, KEY).map(|scan| scan.found.map(|found| found.text.to_vec())).map_err(|error| error.to_string())
}

#[test]
fn only_the_value_changes() {
    let rows = [
        ("", "ANTHROPIC_API_KEY=new\n"),
        ("A=1", "A=1\nANTHROPIC_API_KEY=new\n"),
        ("A=1\r\n", "A=1\r\nANTHROPIC_API_KEY=new\r\n"),
        ("# ANTHROPIC_API_KEY=old\n", "# ANTHROPIC_API_KEY=old\nANTHROPIC_API_KEY=new\n"),
        ("ANTHROPIC_API_KEY=old", "ANTHROPIC_API_KEY=new"),
        ("ANTHROPIC_API_KEY=", "ANTHROPIC_API_KEY=new"),
        ("ANTHROPIC_API_KEY=  \nB=2\n", "ANTHROPIC_API_KEY=new  \nB=2\n"),
        (" export\tANTHROPIC_API_KEY = old # mine\n", " export\tANTHROPIC_API_KEY = new # mine\n"),
        ("ANTHROPIC_API_KEY='old'  # mine\r\n", "ANTHROPIC_API_KEY='new'  # mine\r\n"),
        ("ANTHROPIC_API_KEY=\"old\"\n", "ANTHROPIC_API_KEY=\"new\"\n"),
        ("ANTHROPIC_API_KEY=\"\"\n", "ANTHROPIC_API_KEY=\"new\"\n"),
        (
            "A='1\nANTHROPIC_API_KEY=not\n'\nANTHROPIC_API_KEY=old\n",
            "A='1\nANTHROPIC_API_KEY=not\n'\nANTHROPIC_API_KEY=new\n",
        ),
        ("ANTHROPIC_API_KEY=a\nANTHROPIC_API_KEY=b\n", "ANTHROPIC_API_KEY=a\nANTHROPIC_API_KEY=new\n"),
        (
            "ANTHROPIC_API_KEY_2=a\nMY_ANTHROPIC_API_KEY=b",
            "ANTHROPIC_API_KEY_2=a\nMY_ANTHROPIC_API_KEY=b\nANTHROPIC_API_KEY=new\n",
        ),
        ("A=\"x\\\"y\nANTHROPIC_API_KEY=not\"\n", "A=\"x\\\"y\nANTHROPIC_API_KEY=not\"\nANTHROPIC_API_KEY=new\n"),
        ("NAME=it's\nANTHROPIC_API_KEY=old\n", "NAME=it's\nANTHROPIC_API_KEY=new\n"),
        ("\u{feff}A=1\nANTHROPIC_API_KEY=old", "\u{feff}A=1\nANTHROPIC_API_KEY=new"),
        ("\u{feff}", "\u{feff}\nANTHROPIC_API_KEY=new\n"),
        ("nonsense\n===\nexport\nexport=1\n", "nonsense\n===\nexport\nexport=1\nANTHROPIC_API_KEY=new\n"),
    ];
    for (before, expected) in rows {
        assert_eq!(after(before.as_bytes(), "new").as_deref(), Ok(expected), "{before:?}");
    }
}

#[test]
fn what_readers_take_differently_is_refused_with_its_line() {
    let rows = [
        ("A=1\nB='open\nANTHROPIC_API_KEY=old\n", "line 2: the quote is never closed"),
        ("ANTHROPIC_API_KEY=\"old\n", "line 1: the quote is never closed"),
        ("ANTHROPIC_API_KEY='old'more\n", "line 1: text after"),
        ("ANTHROPIC_API_KEY='old'#more\n", "line 1: text after"),
        ("A='one\\'two'\n", "line 1: backslashes before a quote"),
        ("A=\"one\\\\\"\n", "line 1: backslashes before a quote"),
        ("ANTHROPIC_API_KEY=a#b\n", "line 1: the variable's value"),
        ("ANTHROPIC_API_KEY= # empty?\n", "line 1: the variable's value"),
        ("ANTHROPIC_API_KEY=$OTHER\n", "line 1: the variable's value"),
        ("ANTHROPIC_API_KEY=a\"b\"\n", "line 1: the variable's value"),
        ("ANTHROPIC_API_KEY=\"$(cat key)\"\n", "line 1: the variable's value"),
        ("A=x\rANTHROPIC_API_KEY=y\n", "line 1: a carriage return"),
        ("A='x' # y\rANTHROPIC_API_KEY=y\n", "line 1: a carriage return"),
        ("A=1\n\nB=2 \\\nANTHROPIC_API_KEY=old\n", "line 4: the line before"),
        ("A=1\\", "line 1: the last line ends with a backslash"),
        ("'ANTHROPIC_API_KEY'=old\n", "line 1: a name in quotes"),
        ("\u{feff}ANTHROPIC_API_KEY=old\n", "line 1: a byte order mark"),
        ("ANTHROPIC_API_KEY=old\nexport ANTHROPIC_API_KEY # now\n", "line 2: the variable stands here"),
        ("A=1\n'B", "line 2: a name in quotes"),
        ("'ANTHROPIC_API_KEY'\n", "line 1: a name in quotes"),
        ("echo \"hello\n", "line 1: quotes on a line"),
    ];
    for (before, expected) in rows {
        let error = after(before.as_bytes(), "new").unwrap_err();
        assert!(error.starts_with(expected), "{before:?}: {error}");
    }
}

#[test]
fn quotes_follow_what_the_secret_needs() {
    assert_eq!(after(b"ANTHROPIC_API_KEY=old\n", "a$b#c").as_deref(), Ok("ANTHROPIC_API_KEY='a$b#c'\n"));
    assert_eq!(after(b"ANTHROPIC_API_KEY=\"old\"\n", "a$b").as_deref(), Ok("ANTHROPIC_API_KEY='a$b'\n"));
    assert_eq!(after(b"ANTHROPIC_API_KEY=\"old\"\n", "it's").as_deref(), Ok("ANTHROPIC_API_KEY=\"it's\"\n"));
    assert_eq!(after(b"", "a`b").as_deref(), Ok("ANTHROPIC_API_KEY='a`b'\n"));
    for impossible in ["it's", "back\\slash"] {
        let error = after(b"A=1\nANTHROPIC_API_KEY=old\n", impossible).unwrap_err();
        assert!(error.starts_with("line 2: the secret has characters") && !error.contains(impossible), "{error}");
    }
}

#[test]
fn a_name_that_is_no_variable_is_refused() {
    for name in ["", "A B", "A=B", "1A", "A\n", "É"] {
        assert!(set(b"", name, &secret("new")).is_err(), "{name:?}");
    }
}

/// Files made of what matters to a dotenv reader, and of anything else.
pub(super) fn file() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        8 => prop::sample::select(vec![
            "ANTHROPIC_API_KEY", "ANTHROPIC_API_KEY=", "\nANTHROPIC_API_KEY=sk-ant-old", "\nexport ANTHROPIC_API_KEY='old'",
            "\nANTHROPIC_API_KEY=\"old\" # c", "A", "B=2", "\nC=x # y", "export ", "=", "'", "\"", "\\", "#", " ", "\t", "\n", "\r\n",
            "\r", "$", "`", "\u{feff}", "é", "\n'Q'='q'", "\nM=\"1\n2\"", "\nM='1\n2'\n",
        ]).prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..4),
    ];
    prop::collection::vec(piece, 0..14).prop_map(|pieces| pieces.concat())
}

fn key_text() -> impl Strategy<Value = String> {
    prop_oneof![4 => "sk-ant-api03-[A-Za-z0-9_-]{1,20}", 1 => "[!-~]{1,12}"]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_file_is_edited_exactly_or_refused(before in file(), text in key_text()) {
        let Ok(edited) = set(&before, KEY, &secret(&text)) else { return Ok(()) };
        let now = edited.bytes.as_slice();
        // It reads back, and once more changes nothing.
        prop_assert_eq!(held(now).unwrap().unwrap(), text.as_bytes());
        let again = set(now, KEY, &secret(&text)).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(again.bytes.as_slice(), now);
        match scan(&before, KEY).unwrap().found {
            // Whatever stands around the value is there, byte for byte.
            Some(found) => {
                let (head, tail) = (&before[..found.place.start], &before[found.place.end..]);
                prop_assert!(now.starts_with(head) && now.ends_with(tail));
                let value = &now[head.len()..now.len() - tail.len()];
                let forms = [text.clone(), format!("'{text}'"), format!("\"{text}\"")];
                prop_assert!(forms.iter().any(|form| form.as_bytes() == value));
                prop_assert!(head.ends_with(b"=") || head.last().is_some_and(|b| b" \t\x0b\x0c".contains(b)));
            }
            None => {
                prop_assert!(now.starts_with(&before));
                let added = String::from_utf8_lossy(&now[before.len()..]).into_owned();
                prop_assert!(added.trim().starts_with("ANTHROPIC_API_KEY="), "{}", added);
            }
        }
    }
}

/// A reader written by others, when there is one: `pip install python-dotenv`, then `GUARD_TEST_DOTENV=python3`.
#[test]
fn python_reads_what_guard_wrote_and_nothing_else_changed() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    use std::io::Write;

    let Some(python) = std::env::var_os("GUARD_TEST_DOTENV") else {
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED: no foreign reader of dotenv files; set GUARD_TEST_DOTENV to a python"
        );
        return;
    };
    let mut runner = TestRunner::deterministic();
    let mut cases = Vec::new();
    while cases.len() < 3000 {
        let before = file().new_tree(&mut runner).unwrap().current();
        let text = key_text().new_tree(&mut runner).unwrap().current();
        // The other reader takes text only.
        let Ok(before) = String::from_utf8(before) else { continue };
        if let Ok(now) = after(before.as_bytes(), &text) {
            cases.push(serde_json::json!({"before": before, "now": now, "key": text}));
        }
    }
    let script = r#"
import io, json, logging, sys
from dotenv import dotenv_values
logging.disable(logging.WARNING)
read = lambda text: dotenv_values(stream=io.StringIO(text, newline=""), interpolate=False)
for case in json.load(sys.stdin):
    before, now = read(case["before"]), read(case["now"])
    assert now.pop("ANTHROPIC_API_KEY", None) == case["key"], (case, now)
    before.pop("ANTHROPIC_API_KEY", None)
    assert before == now, (case, before, now)
"#;
    #[expect(clippy::disallowed_methods, reason = "the foreign parser that answers are compared with")]
    let mut child = std::process::Command::new(python)
        .args(["-c", script])
        .stdin(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(serde_json::to_string(&cases).unwrap().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
