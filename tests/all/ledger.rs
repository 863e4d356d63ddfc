//! The ledger's parser, its JSON Schema and the examples agree.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use guard::domain::ledger::{self, ConsumerKind, Level, TripMode};
use jsonschema::Validator;
use proptest::prelude::*;
use serde_json::Value;

const FULL: &str = include_str!("../../config/guard.example.toml");
const TEAM: &str = include_str!("../../examples/ledgers/team.toml");

/// Every ledger that is shipped, and the full one with all its fields switched on.
fn examples() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found: Vec<(String, String)> = fs::read_dir(root.join("examples/ledgers"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.display().to_string(), fs::read_to_string(path).unwrap()))
        .collect();
    assert!(found.len() >= 4, "the examples have gone");
    found.push(("guard.example.toml".into(), FULL.into()));
    found.push(("guard.example.toml, every field".into(), every_field()));
    found
}

/// `config/guard.example.toml` with the fields that are commented out.
fn every_field() -> String {
    let field = |line: &'static str| {
        line.strip_prefix('#').filter(|l| l.starts_with(|c: char| c.is_ascii_lowercase() || c == '['))
    };
    FULL.lines().map(|line| field(line).unwrap_or(line).to_owned() + "\n").collect()
}

fn validator() -> Validator {
    jsonschema::options().with_draft(jsonschema::Draft::Draft202012).build(&ledger::schema()).unwrap()
}

/// The text as JSON; TOML's dates become strings, as editors see them.
fn json(text: &str) -> Value {
    fn convert(value: toml::Value) -> Value {
        match value {
            toml::Value::Datetime(date) => date.to_string().into(),
            toml::Value::Array(list) => list.into_iter().map(convert).collect(),
            toml::Value::Table(table) => table.into_iter().map(|(k, v)| (k, convert(v))).collect(),
            other => serde_json::to_value(other).unwrap(),
        }
    }
    convert(toml::from_str(text).unwrap())
}

#[test]
fn every_example_is_valid_for_parser_and_schema() {
    let schema = validator();
    for (name, text) in examples() {
        match ledger::parse(&text) {
            Ok(parsed) => assert_eq!(parsed.warnings, [], "{name}"),
            Err(problems) => panic!("{name}: {problems:#?}"),
        }
        let errors: Vec<String> =
            schema.iter_errors(&json(&text)).map(|e| format!("{}: {e}", e.instance_path())).collect();
        assert!(errors.is_empty(), "{name}: {errors:#?}");
    }
}

#[test]
fn an_unknown_field_is_refused_by_parser_and_schema_in_every_table() {
    /// Every copy of `value` in which one table has one more field.
    fn with_one_more(value: &toml::Value) -> Vec<toml::Value> {
        match value {
            toml::Value::Table(table) => {
                let mut more = table.clone();
                more.insert("zzz".into(), 1.into());
                let inside = table.iter().flat_map(|(name, below)| {
                    with_one_more(below).into_iter().map(|changed| {
                        let mut copy = table.clone();
                        copy.insert(name.clone(), changed);
                        copy
                    })
                });
                std::iter::once(more).chain(inside).map(toml::Value::Table).collect()
            }
            toml::Value::Array(list) => (0..list.len())
                .flat_map(|index| {
                    with_one_more(&list[index]).into_iter().map(move |changed| {
                        let mut copy = list.clone();
                        copy[index] = changed;
                        toml::Value::Array(copy)
                    })
                })
                .collect(),
            _ => Vec::new(),
        }
    }
    let (schema, full) = (validator(), toml::from_str(&every_field()).unwrap());
    let changed = with_one_more(&full);
    assert!(changed.len() > 20, "only {} tables were seen", changed.len());
    for ledger in changed {
        let text = toml::to_string(&ledger).unwrap();
        let problems = ledger::parse(&text).unwrap_err();
        assert!(problems.iter().any(|p| p.field.ends_with("zzz")), "{text}");
        assert!(!schema.is_valid(&json(&text)), "{text}");
    }
}

#[test]
fn the_full_example_shows_every_field_of_the_schema() {
    fn fields(schema: &Value, path: &str, found: &mut BTreeSet<String>) {
        for (name, below) in schema["properties"].as_object().into_iter().flatten() {
            let path = format!("{path}.{name}");
            fields(below, &path, found);
            found.insert(path);
        }
        for variant in schema["oneOf"].as_array().into_iter().flatten() {
            fields(variant, path, found);
        }
        if schema["items"].is_object() {
            fields(&schema["items"], path, found);
        }
    }
    fn used(value: &Value, path: &str, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(table) => {
                for (name, below) in table {
                    let path = format!("{path}.{name}");
                    used(below, &path, found);
                    found.insert(path);
                }
            }
            Value::Array(list) => list.iter().for_each(|below| used(below, path, found)),
            _ => {}
        }
    }
    let (mut known, mut shown) = (BTreeSet::new(), BTreeSet::new());
    fields(&ledger::schema(), "", &mut known);
    used(&json(&every_field()), "", &mut shown);
    // Inside a program or a source of a secret one form stands for all; a ledger has one vault, of one kind.
    let forms = [".vault.service", ".command", ".timeout", ".file", ".credential", ".environment"];
    let missing: Vec<&String> =
        known.difference(&shown).filter(|path| !forms.iter().any(|form| path.ends_with(form))).collect();
    assert!(missing.is_empty(), "config/guard.example.toml does not show {missing:?}");
    assert!(known.len() > 90, "the schema has only {} fields", known.len());
}

#[test]
fn commented_defaults_of_the_example_are_the_defaults() {
    let full = ledger::settings(&every_field()).unwrap();
    let bare = ledger::settings(FULL).unwrap();
    let mut compared = 0;
    // Where the example says "default", it has to be right: durations, numbers and words that are commented out.
    for default in bare.iter().filter(|s| s.default && !s.value.is_array()) {
        let shown = full.iter().find(|s| s.field == default.field).unwrap();
        assert_eq!(shown.value, default.value, "{}", default.field);
        compared += 1;
    }
    assert!(compared > 20, "only {compared} defaults were compared");
}

#[test]
fn values_arrive() {
    let ledger = ledger::parse(TEAM).unwrap().ledger;
    let prod = &ledger.workspaces[0];
    assert_eq!(prod.trip.mode, TripMode::Kill);
    assert_eq!(prod.rotation.interval.as_secs(), 30 * 86_400);
    assert_eq!(prod.monthly_limit.unwrap().micros(), 1_200_000_000);
    assert_eq!(prod.ceilings.tokens.day, Some(60_000_000));
    assert_eq!(prod.models.exceptions[0].until.to_string(), "2026-12-31");
    let ConsumerKind::File { mode, .. } = prod.consumers[1].kind else { panic!("{:?}", prod.consumers[1]) };
    assert_eq!(mode, 0o640);
    assert_eq!(prod.consumers[0].verify.as_ref().unwrap().args, ["--quick"]);
}

#[test]
fn a_thousand_workspaces_are_no_trouble() {
    let mut text = String::new();
    for n in 0..1_000 {
        write!(
            text,
            "[[workspace]]\nname = \"w{n}\"\nid = \"wrkspc_{n:024}\"\nenvironment = \"prod\"\ntrip.mode = \"kill\"\n\
             [[workspace.consumer]]\nname = \"app\"\nkind = \"file\"\npath = \"/run/w{n}/key\"\n"
        )
        .unwrap();
    }
    assert_eq!(ledger::parse(&text).unwrap().ledger.workspaces.len(), 1_000);
    assert!(validator().is_valid(&json(&text)));
}

/// Text, and for each problem the line, the field, a part of the message, and a part of the remedy.
fn problems_of(text: &str) -> Vec<(usize, String, String)> {
    let problems = ledger::parse(text).unwrap_err();
    problems.into_iter().map(|p| (p.line, p.field, format!("{} → {}", p.message, p.suggestion))).collect()
}

const HEAD: &str = "[[workspace]]\nname = \"a\"\nid = \"wrkspc_1\"\nenvironment = \"prod\"\n";

#[test]
fn rules_between_fields_hold() {
    let second = HEAD.replace("\"a\"", "\"b\"");
    for (text, line, field, part) in [
        (format!("{HEAD}{second}"), 7, "workspace[b].id", "used twice"),
        (format!("{HEAD}{}", HEAD.replace("wrkspc_1", "wrkspc_2")), 6, "workspace[a].name", "used twice"),
        (format!("{HEAD}rotation.drain = \"4m\""), 5, "workspace[a].rotation.drain", "shorter than the feed's lag"),
        (format!("{HEAD}watch.blind_after = \"5m\""), 5, "workspace[a].watch.blind_after", "blind all the time"),
        (
            format!("{HEAD}trip.mode = \"kill\"\nrotation.standbys = 0"),
            6,
            "workspace[a].rotation.standbys",
            "none is kept",
        ),
        (
            format!("{HEAD}trip.reopen = \"auto\"\nfailover.mode = \"off\""),
            5,
            "workspace[a].trip.reopen",
            "failover is off",
        ),
        (
            format!("{HEAD}rotation.interval = \"1h\"\nrotation.drain = \"50m\""),
            5,
            "workspace[a].rotation.interval",
            "before",
        ),
        (
            format!("{HEAD}models = {{ allow = [\"claude-a*\"], ladder = [\"claude-a-1\", \"claude-b\"] }}"),
            5,
            "workspace[a].models.ladder",
            "`claude-b`, which is not allowed",
        ),
        (format!("{HEAD}job = [{{ name = \"j\" }}]"), 5, "workspace[a].job[j].at", "either `every` or `at`"),
        (format!("{HEAD}job = [{{ name = \"j\", at = [] }}]"), 5, "workspace[a].job[j].at", "either `every` or `at`"),
        (
            format!("{HEAD}job = [{{ name = \"j\", every = \"1h\", on = [\"mon\"] }}]"),
            5,
            "workspace[a].job[j].on",
            "goes with `at`",
        ),
        ("[vault]\nunlock = \"vault\"".to_owned(), 2, "vault.unlock", "cannot lie in the vault"),
        ("[provider]\nfeed_lag = \"0s\"".to_owned(), 2, "provider.feed_lag", "too short"),
        ("[organization]\npoll_interval = \"1s\"".to_owned(), 2, "organization.poll_interval", "too short"),
        (
            format!("{HEAD}is_default = true\n{}is_default = true", second.replace("wrkspc_1", "wrkspc_2")),
            10,
            "workspace[b].is_default",
            "one default workspace",
        ),
        (
            format!(
                "{HEAD}consumer = [{{ name = \"x\", kind = \"file\", path = \"/k\" }}, {{ name = \"y\", kind = \"file\", path = \"/k\" }}]"
            ),
            5,
            "workspace[a].consumer[y].path",
            "same place",
        ),
    ] {
        let found = problems_of(&text);
        assert_eq!(found.len(), 1, "{text}\n{found:#?}");
        assert_eq!((found[0].0, found[0].1.as_str()), (line, field), "{text}");
        assert!(found[0].2.contains(part), "{found:#?}");
    }
}

#[test]
fn a_sandbox_may_be_faster_than_the_provider() {
    let text = format!(
        "[provider]\nurl = \"http://127.0.0.1:8787\"\nfeed_lag = \"5s\"\n[organization]\npoll_interval = \"1s\"\n\
         {HEAD}rotation.drain = \"10s\"\nwatch.blind_after = \"10s\""
    );
    assert!(ledger::parse(&text).is_ok());
}

#[test]
fn warnings_do_not_refuse() {
    let text = format!(
        "[provider]\nadmin_key = {{ environment = \"ADMIN\" }}\n{HEAD}trip.mode = \"kill\"\nfailover.mode = \"off\"\n\
         ceilings.usd = {{ minute = \"2\", hour = \"1\" }}"
    );
    let parsed = ledger::parse(&text).unwrap();
    assert!(parsed.warnings.iter().all(|w| w.level == Level::Warning));
    let fields: Vec<&str> = parsed.warnings.iter().map(|w| w.field.as_str()).collect();
    let expected = ["provider.admin_key.environment", "workspace[a].failover.mode", "workspace[a].ceilings.usd.minute"];
    assert_eq!(fields, expected);
}

#[test]
fn a_secret_is_refused_and_never_repeated() {
    let secret = "sk-ant-api03-THISisNOTtoBEseen0123456789";
    for text in [
        format!("[provider]\nadmin_key = \"{secret}\""),
        format!("# the key is {secret}\n{HEAD}"),
        format!("{HEAD}purpose = \"{secret}\"\nmonthly_limit = \"{secret}\"\n{secret} = 1"),
        format!("{HEAD}purpose = {secret}"),
    ] {
        let problems = ledger::parse(&text).unwrap_err();
        assert!(problems.iter().any(|p| p.message.contains("looks like a secret")), "{problems:#?}");
        assert!(!format!("{problems:?}").contains("THISisNOT"), "{problems:#?}");
        let (blotted, places) = ledger::redact(&text);
        assert!(!blotted.contains("THISisNOT") && blotted.len() == text.len() && !places.is_empty());
    }
    // A hint, as the provider shows it, is no secret; nor is a mention of the prefix.
    let harmless = format!("# sk-ant-api03-R2D...igAA, sk-ant-admin01-…, sk-ant-\n{HEAD}");
    assert!(ledger::parse(&harmless).is_ok());
}

#[test]
fn depth_and_size_are_bounded() {
    for text in [
        format!("a = {}", "[".repeat(200_000)),
        format!("a = {}", "{b = ".repeat(200_000)),
        format!("{} = 1", vec!["a"; 100_000].join(".")),
        format!("# {}", "x".repeat(1 << 20)),
    ] {
        let problems = ledger::parse(&text).unwrap_err();
        assert!(!problems.is_empty() && problems.len() < 10, "{}", problems.len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Cuts, doubled pieces and strange characters anywhere: a verdict, never a panic, and every place is in the file.
    #[test]
    fn damage_is_judged(at in 0..TEAM.len(), length in 0..200usize, put in "\\PC{0,12}|[\\x00-\\x1f]{1,3}") {
        prop_assume!(TEAM.is_ascii());
        let text = format!("{}{put}{}", &TEAM[..at], &TEAM[(at + length).min(TEAM.len())..]);
        if let Err(problems) = ledger::parse(&text) {
            for problem in problems {
                prop_assert!(problem.span.start <= problem.span.end && problem.span.end <= text.len(), "{problem:?}");
                prop_assert!(problem.line >= 1 && problem.line <= text.lines().count() + 1, "{problem:?}");
                prop_assert!(!problem.message.chars().any(char::is_control), "{problem:?}");
                prop_assert!(!problem.field.chars().any(char::is_control), "{problem:?}");
                prop_assert!(!problem.suggestion.is_empty());
            }
        }
    }
}
