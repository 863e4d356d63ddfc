//! Real programs through a rotation that guard makes: the agent that asks a helper for its key, the Python SDK, curl. Judged by
//! the sandbox's log.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use guard::domain::key::KeyStatus;
use guard::sandbox::org::Minted;
use serde_json::{Value, json};

use super::place::{NAME, Place, ROTATION};
use crate::again::skipped;
use crate::pipelines::{example, works};

/// What the sandbox says to everybody who asks.
const SAYING: &str = "This is the sandbox; it spends, but it does not think.";

fn url(place: &Place) -> String {
    format!("http://127.0.0.1:{}", place.sandbox.port())
}

/// A key in use and a standby.
fn enroll(place: &Place, more: &str) -> [Minted; 2] {
    place.set_up("kill", &format!("{ROTATION}{more}"));
    let keys = [place.mint(KeyStatus::Active), place.mint(KeyStatus::Inactive)];
    for key in &keys {
        place.feed(&["key", "add", "-w", NAME], &key.secret).ends(0);
    }
    keys
}

/// Asks before the rotation, after each of its steps and after its end; then the log must show that every request was answered,
/// with the old key first and the new one at the end.
fn through_a_rotation(place: &Place, [old, new]: &[Minted; 2], mut ask: impl FnMut()) {
    ask();
    let mut ended = false;
    for _ in 0..40 {
        let ran = place.run(&["rotate", "-w", NAME]);
        // Twice: the first request after a switch may go out with what a client remembers.
        ask();
        ask();
        match ran.code {
            Some(0) => {
                ended = true;
                break;
            }
            Some(75) => place.pass(Duration::from_secs(120)),
            _ => panic!("{ran:#?}"),
        }
    }
    assert!(ended, "no end: {:#?}", place.run(&["status"]));
    assert!(!place.works(&old.id) && place.works(&new.id));
    let world = place.sandbox.shared().world();
    let asked: Vec<_> = world.log.after(0, usize::MAX).iter().filter(|line| line.path == "/v1/messages").collect();
    assert!(asked.iter().all(|line| line.status == 200), "{asked:#?}");
    let key = |at: Option<&&guard::sandbox::log::Line>| at.and_then(|line| line.key.clone());
    assert_eq!(key(asked.first()).as_ref(), Some(&old.id));
    assert_eq!(key(asked.last()).as_ref(), Some(&new.id));
}

#[allow(clippy::disallowed_methods, reason = "the test plays the workload")]
fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    Command::new(program)
}

/// The agent's binary, with a home of its own, everything that is no work of the user's turned off, and no way out but loopback:
/// whatever would ask another host is sent to a proxy that is not there.
fn agent(place: &Place, program: &Path) -> Command {
    let home = place.dir().join("agent");
    std::fs::create_dir_all(&home).unwrap();
    let settings = home.join("settings.json");
    let helper = format!("{} key print -w {NAME}", env!("CARGO_BIN_EXE_guard"));
    std::fs::write(&settings, json!({ "apiKeyHelper": helper }).to_string()).unwrap();
    let mut command = command(program);
    command
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", &home)
        .env("CLAUDE_CONFIG_DIR", home.join("config"))
        .env("ANTHROPIC_BASE_URL", url(place))
        .env("ANTHROPIC_MODEL", "claude-sonnet-4-6")
        .env("ANTHROPIC_DEFAULT_HAIKU_MODEL", "claude-haiku-4-5")
        .env("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1")
        .env("DISABLE_AUTOUPDATER", "1")
        .env("DISABLE_TELEMETRY", "1")
        .env("DISABLE_ERROR_REPORTING", "1")
        .envs([("HTTPS_PROXY", "http://127.0.0.1:9"), ("HTTP_PROXY", "http://127.0.0.1:9"), ("NO_PROXY", "127.0.0.1")])
        .env("CONFIGURATION_DIRECTORY", place.config_dir())
        .env("STATE_DIRECTORY", place.state_dir())
        .current_dir(&home)
        .args(["--settings".as_ref(), settings.as_os_str()])
        .args(["-p", "--verbose", "--output-format", "stream-json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit());
    command
}

fn claude() -> Option<PathBuf> {
    std::env::var_os("GUARD_TEST_CLAUDE").map(PathBuf::from)
}

/// The result of one turn, read from the lines that the agent prints.
fn result(lines: &mut impl Iterator<Item = std::io::Result<String>>) -> Value {
    lines
        .map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap())
        .find(|line| line["type"] == "result")
        .expect("a result")
}

fn succeeded(result: &Value) {
    assert_eq!((&result["is_error"], &result["result"]), (&json!(false), &json!(SAYING)), "{result:#}");
}

#[test]
fn every_run_of_claude_code_succeeds() {
    let Some(program) = claude() else {
        return skipped("every_run_of_claude_code_succeeds: GUARD_TEST_CLAUDE names its binary; run .ci/with-services");
    };
    let place = Place::new();
    let keys = enroll(&place, "");
    through_a_rotation(&place, &keys, || {
        let mut child = agent(&place, &program).args(["--", "Say one word."]).spawn().unwrap();
        drop(child.stdin.take());
        succeeded(&result(&mut BufReader::new(child.stdout.take().unwrap()).lines()));
        assert!(child.wait().unwrap().success());
    });
}

#[test]
fn one_run_of_claude_code_goes_on_across_a_rotation() {
    let Some(program) = claude() else {
        return skipped(
            "one_run_of_claude_code_goes_on_across_a_rotation: GUARD_TEST_CLAUDE names its binary; run .ci/with-services",
        );
    };
    let place = Place::new();
    let keys = enroll(&place, "");
    // It keeps what the helper said for five minutes by its own clock; the minutes of this rotation are the sandbox's.
    let mut child = agent(&place, &program)
        .args(["--input-format", "stream-json"])
        .env("CLAUDE_CODE_API_KEY_HELPER_TTL_MS", "1")
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    through_a_rotation(&place, &keys, || {
        let content = json!([{ "type": "text", "text": "Say one word." }]);
        let message = json!({ "type": "user", "message": { "role": "user", "content": content } });
        writeln!(stdin, "{message}").unwrap();
        succeeded(&result(&mut lines));
    });
    drop(stdin);
    assert!(child.wait().unwrap().success());
}

#[test]
fn the_python_sdk_goes_on_across_a_rotation() {
    if !works("python3", &["-c", "import anthropic"]) {
        return skipped("the_python_sdk_goes_on_across_a_rotation: pip install anthropic");
    }
    let place = Place::new();
    let file = place.dir().join("key");
    let keys = enroll(&place, &format!("\n\n[[workspace.consumer]]\nname = \"sdk\"\nkind = \"file\"\npath = {file:?}"));
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let mut child: Child = command("python3")
        .arg(example("python/ask.py"))
        .env_remove("ANTHROPIC_API_KEY")
        .env("ANTHROPIC_BASE_URL", url(&place))
        .env("ANTHROPIC_KEY_FILE", &file)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut answers = BufReader::new(child.stdout.take().unwrap()).lines();
    through_a_rotation(&place, &keys, || {
        writeln!(stdin, "What is a canary?").unwrap();
        assert_eq!(answers.next().unwrap().unwrap(), SAYING);
    });
    drop(stdin);
    assert!(child.wait().unwrap().success());
}

#[test]
fn every_run_of_curl_under_exec_succeeds() {
    if !works("curl", &["--version"]) || !works("jq", &["--version"]) {
        return skipped("every_run_of_curl_under_exec_succeeds: curl or jq is not installed");
    }
    let place = Place::new();
    place.also("ANTHROPIC_BASE_URL", &url(&place));
    let keys = enroll(&place, "");
    let script = example("curl/ask.sh").display().to_string();
    through_a_rotation(&place, &keys, || {
        let ran = place.run(&["exec", "-w", NAME, "--", "sh", &script, "What is a canary?"]).ends(0);
        assert_eq!(ran.stdout.trim_end(), SAYING);
    });
}
