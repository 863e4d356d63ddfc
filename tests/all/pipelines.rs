//! The pipelines of `examples/` against a server that speaks the provider's messages endpoint: not one request fails across
//! a rotation.
#![expect(clippy::disallowed_methods, reason = "these tests start the examples")]

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use guard::adapters::consumer::{LIMITS, build};
use guard::domain::ids::WorkspaceName;
use guard::domain::ledger::ConsumerKind;
use serde_json::{Value, json};

use crate::again::skipped;
use crate::consumer_remote::{FIRST, SECOND, Server, secret, serve};
use crate::consumers::{means, settings};

/// Which keys are alive, which key each answered request had, and how many were refused.
#[derive(Default)]
struct Provider {
    alive: Vec<&'static str>,
    served: Vec<String>,
    refused: usize,
}

async fn messages(State(server): State<Server<Provider>>, headers: HeaderMap, body: Bytes) -> (StatusCode, String) {
    let header = |name| headers.get(name).and_then(|v: &axum::http::HeaderValue| v.to_str().ok());
    // Newer SDKs send keys as bearer tokens.
    let bearer = header("authorization").and_then(|v| v.strip_prefix("Bearer "));
    let key = header("x-api-key").or(bearer).unwrap_or_default().to_owned();
    let asked: Value = serde_json::from_slice(&body).unwrap();
    assert!(headers.contains_key("anthropic-version"));
    server.with(|provider| {
        if !provider.alive.contains(&key.as_str()) {
            provider.refused += 1;
            let error = json!({ "type": "authentication_error", "message": "invalid x-api-key" });
            return (StatusCode::UNAUTHORIZED, json!({ "type": "error", "error": error }).to_string());
        }
        provider.served.push(key);
        let content =
            json!([{ "type": "text", "text": format!("re: {}", asked["messages"][0]["content"].as_str().unwrap()) }]);
        let answer = json!({
            "id": "msg_1", "type": "message", "role": "assistant", "model": asked["model"], "content": content,
            "stop_reason": "end_turn", "stop_sequence": null, "usage": { "input_tokens": 1, "output_tokens": 1 },
        });
        (StatusCode::OK, answer.to_string())
    })
}

async fn provider() -> (Server<Provider>, String) {
    let server = Server::new(Provider { alive: vec![FIRST], ..Provider::default() });
    let router = Router::new().route("/v1/messages", post(messages)).with_state(server.clone());
    (server, serve(router).await)
}

pub fn example(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/pipelines").join(path)
}

/// Whether the program with these arguments ends well.
pub fn works(program: &str, args: &[&str]) -> bool {
    let status = Command::new(program).args(args).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// Asks the child one question.
fn ask(child: &mut Child, answers: &mut impl BufRead, question: &str) -> String {
    writeln!(child.stdin.as_mut().unwrap(), "{question}").unwrap();
    let mut answer = String::new();
    answers.read_line(&mut answer).unwrap();
    answer
}

/// A long-running pipeline goes through a rotation: both keys alive, the file replaced, the old key dead.
async fn survives_a_rotation(program: &str, script: &str) {
    let (server, url) = provider().await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("key");
    std::fs::write(&path, FIRST).unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
    let mut child = Command::new(program)
        .arg(example(script))
        .env_remove("ANTHROPIC_API_KEY")
        .env("ANTHROPIC_BASE_URL", url)
        .env("ANTHROPIC_KEY_FILE", &path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut answers = BufReader::new(child.stdout.take().unwrap());
    let (server, path) = (&server, &path);
    let asked = tokio::task::block_in_place(|| {
        let mut replies = vec![ask(&mut child, &mut answers, "before")];
        server.with(|provider| provider.alive.push(SECOND));
        replies.push(ask(&mut child, &mut answers, "overlap"));
        let kind = ConsumerKind::File { path: path.clone(), mode: 0o600, follow_symlink: false };
        let consumer = build(&WorkspaceName::new("prod").unwrap(), &settings(kind), &means(LIMITS));
        tokio::runtime::Handle::current().block_on(consumer.deliver(&secret(SECOND))).unwrap();
        replies.push(ask(&mut child, &mut answers, "switched"));
        server.with(|provider| provider.alive.retain(|key| *key == SECOND));
        replies.push(ask(&mut child, &mut answers, "revoked"));
        drop(child.stdin.take());
        assert!(child.wait().unwrap().success());
        replies
    });
    assert_eq!(asked, ["re: before\n", "re: overlap\n", "re: switched\n", "re: revoked\n"]);
    server.with(|provider| {
        assert_eq!(provider.served, [FIRST, FIRST, SECOND, SECOND]);
        assert_eq!(provider.refused, 0);
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn node_survives_a_rotation() {
    match works("node", &["--version"]) {
        true => survives_a_rotation("node", "node/ask.mjs").await,
        false => skipped("node_survives_a_rotation: node is not installed"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_python_sdk_survives_a_rotation() {
    match works("python3", &["-c", "import anthropic"]) {
        true => survives_a_rotation("python3", "python/ask.py").await,
        false => skipped("the_python_sdk_survives_a_rotation: pip install anthropic"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn curl_asks_with_the_key_of_its_environment() {
    if !works("curl", &["--version"]) || !works("jq", &["--version"]) {
        return skipped("curl_asks_with_the_key_of_its_environment: curl or jq is not installed");
    }
    let (server, url) = provider().await;
    let run = |key: &'static str| {
        let url = url.clone();
        tokio::task::spawn_blocking(move || {
            let script = example("curl/ask.sh");
            let env = [("ANTHROPIC_API_KEY", key), ("ANTHROPIC_BASE_URL", &url)];
            Command::new("sh").arg(script).arg("what \"now\"?").envs(env).output().unwrap()
        })
    };
    let answered = run(FIRST).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&answered.stdout), "re: what \"now\"?\n");
    let refused = run(SECOND).await.unwrap();
    assert!(!String::from_utf8_lossy(&refused.stderr).contains(SECOND));
    assert_eq!(server.with(|provider| (provider.served.len(), provider.refused)), (1, 1));
}
