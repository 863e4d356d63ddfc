//! The status server of a real `guard watch`, asked as a scraper, a browser and an intruder would ask it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::place::{NAME, Place};

/// A watchdog that is ended with the test.
struct Watch {
    child: Child,
    /// What `--listen` came to: `http://127.0.0.1:PORT`, or `unix:PATH`.
    address: String,
}

impl Drop for Watch {
    fn drop(&mut self) {
        // It may be over already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Watch {
    /// Returns once the first cycle is over.
    fn start(place: &Place, listen: &str) -> Self {
        let mut child = place.guard(&["watch", "--json", "--listen", listen]).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(|line| line.unwrap());
        let mut next = |wanted: &str| {
            let document: Value = serde_json::from_str(&lines.next().expect("it goes on")).unwrap();
            assert_eq!(document["type"], wanted);
            document
        };
        let address = next("listening")["address"].as_str().unwrap().to_owned();
        next("cycle");
        Self { child, address }
    }

    fn get(&self, path: &str, headers: &str) -> (u16, String) {
        let host = self.address.strip_prefix("http://").unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{headers}\r\n");
        ask(TcpStream::connect(host).unwrap(), &request)
    }
}

fn ask(mut stream: impl Read + Write, request: &str) -> (u16, String) {
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    (answer.split(' ').nth(1).unwrap().parse().unwrap(), answer)
}

fn token(place: &Place) -> String {
    let path = place.state_dir().join("status.token");
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    std::fs::read_to_string(path).unwrap().trim().to_owned()
}

#[test]
fn it_tells_who_knows_the_token_and_nobody_else() {
    let (place, active, _) = Place::enrolled();
    let watch = Watch::start(&place, "127.0.0.1:0");
    assert_eq!(watch.get("/healthz", "").0, 200);
    assert_eq!(watch.get("/readyz", "").0, 200);
    let bearer = format!("authorization: Bearer {}\r\n", token(&place));

    let (status, page) = watch.get("/", &bearer);
    assert_eq!(status, 200, "{page}");
    assert!(page.contains(NAME) && page.contains("content-security-policy: default-src 'none'"), "{page}");
    let (status, metrics) = watch.get("/metrics", &bearer);
    assert_eq!(status, 200, "{metrics}");
    for line in [
        format!("guard_gate_open{{workspace=\"{NAME}\"}} 1"),
        format!("guard_armed{{workspace=\"{NAME}\"}} 1"),
        format!("guard_standby_keys{{workspace=\"{NAME}\"}} 1"),
        format!("guard_usage_tokens{{workspace=\"{NAME}\",api_key_id=\"{active}\",kind=\"output\"}} 0"),
    ] {
        assert!(metrics.lines().any(|l| l == line), "{line} is not in\n{metrics}");
    }
    let newer = format!("{bearer}accept: application/openmetrics-text; version=1.0.0\r\n");
    assert!(watch.get("/metrics", &newer).1.trim_end().ends_with("# EOF"));

    for path in ["/", "/metrics"] {
        assert_eq!(watch.get(path, "").0, 401);
        assert_eq!(watch.get(path, "authorization: Bearer 00000000000000000000000000000000\r\n").0, 401);
        assert_eq!(watch.get(path, &format!("{bearer}origin: https://evil.example\r\n")).0, 403);
    }
    let host = watch.address.strip_prefix("http://").unwrap();
    let rebound = format!("GET / HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n{bearer}\r\n");
    assert_eq!(ask(TcpStream::connect(host).unwrap(), &rebound).0, 421);
    let post = format!("POST / HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: 0\r\n{bearer}\r\n");
    assert_eq!(ask(TcpStream::connect(host).unwrap(), &post).0, 405);
}

#[test]
fn a_socket_file_is_for_its_group_and_an_old_one_is_replaced() {
    let (place, ..) = Place::enrolled();
    let socket = place.dir().join("status.sock");
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    let _watch = Watch::start(&place, &format!("unix:{}", socket.display()));
    assert_eq!(std::fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o660);
    let request = "GET /healthz HTTP/1.1\r\nhost: guard\r\nconnection: close\r\n\r\n";
    assert_eq!(ask(UnixStream::connect(&socket).unwrap(), request).0, 200);
}

#[test]
fn what_others_could_reach_is_refused() {
    let place = Place::new();
    let ran = place.run(&["watch", "--listen", "0.0.0.0:9464"]).ends(2);
    assert!(ran.stderr.contains("can be reached from other machines"), "{ran:#?}");
}

/// Prometheus' own checker on guard's metrics and on the alerts that guard ships.
#[test]
fn prometheus_accepts_metrics_and_alerts() {
    let Ok(found) = Command::new("promtool").arg("--version").output() else {
        eprintln!("skipped: promtool is not installed");
        return;
    };
    assert!(found.status.success());
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/prometheus/guard.rules.yml");
    let checked = Command::new("promtool").args(["check", "rules"]).arg(rules).output().unwrap();
    assert!(checked.status.success(), "{checked:?}");

    let (place, ..) = Place::enrolled();
    let watch = Watch::start(&place, "127.0.0.1:0");
    let (_, answer) = watch.get("/metrics", &format!("authorization: Bearer {}\r\n", token(&place)));
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let mut check = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    check.stdin.take().unwrap().write_all(body.as_bytes()).unwrap();
    let checked = check.wait_with_output().unwrap();
    assert!(checked.status.success(), "{checked:?}\n{body}");
}
