//! A program as a channel.

use std::time::Duration;

use guard::domain::ledger::{NotifierKind, Program};
use guard::domain::message::Message;

use super::{is_later, notifier, patient, tell, tripped};

fn kind(script: &str) -> NotifierKind {
    let args = vec!["-c".to_owned(), script.to_owned()];
    NotifierKind::Command { command: Program { path: "sh".into(), args, timeout: Duration::from_secs(60) } }
}

#[tokio::test]
async fn the_program_gets_the_notice_on_standard_input_and_its_first_line_is_the_answer() {
    let script = r#"read -r line; case "$line" in *'"event":"key.tripped"'*) echo "seen $GUARD_SEVERITY $GUARD_WORKSPACE";; *) exit 3;; esac"#;
    // `read` wants a line break, and JSON has none at its end.
    let script = script.replace("read -r line;", "line=$(cat);");
    let told = tell(&patient(kind(&script), "none"), &Message::of(tripped())).await;
    assert_eq!(told.unwrap(), "status 0: seen critical prod");
}

#[tokio::test]
async fn a_program_that_fails_hangs_or_is_missing_is_tried_later() {
    let told = tell(&patient(kind("echo 'no modem' >&2; exit 75"), "none"), &Message::of(tripped())).await;
    assert!(is_later(&told) && told.unwrap_err().to_string().contains("no modem"));
    let hangs = notifier(kind("exec sleep 3600"), "none", Duration::from_millis(200));
    assert!(is_later(&tell(&hangs, &Message::of(tripped())).await));
    let command = Program { path: "/nonexistent/pager".into(), args: vec![], timeout: Duration::from_secs(1) };
    assert!(is_later(&tell(&patient(NotifierKind::Command { command }, "none"), &Message::of(tripped())).await));
}
