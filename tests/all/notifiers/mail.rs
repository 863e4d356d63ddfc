//! Mail: against aiosmtpd where it runs (`.ci/with-services` starts it), and against servers that misbehave.

use std::path::{Path, PathBuf};
use std::time::Duration;

use guard::domain::ledger::{EmailSettings, MailSecurity, NotifierKind};
use guard::domain::message::Message;
use guard::ports::NotifyError;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

use super::{hostile, is_later, notifier, patient, somewhere, story, tell, tripped};
use crate::jobs_fakes::SECRET;

fn settings(port: u16) -> EmailSettings {
    EmailSettings {
        server: "localhost".into(),
        port,
        security: MailSecurity::Plain,
        from: "guard@example.com".into(),
        to: vec!["oncall@example.com".into()],
        username: None,
        password: None,
        authority: None,
    }
}

/// The directory of the running mail servers.
fn servers() -> Option<PathBuf> {
    let found = std::env::var_os("GUARD_TEST_MAIL").map(PathBuf::from);
    if found.is_none() {
        eprintln!("passed over: no mail server runs (GUARD_TEST_MAIL is not set)");
    }
    found
}

fn port(servers: &Path, which: &str) -> u16 {
    let ports: Value = serde_json::from_slice(&std::fs::read(servers.join("ports.json")).unwrap()).unwrap();
    u16::try_from(ports[which].as_u64().unwrap()).unwrap()
}

/// An address of this run: the inbox outlives it.
fn to(name: &str) -> String {
    format!("{name}-{}@example.com", std::process::id())
}

/// Mails in the inbox that carry this word.
fn inbox(servers: &Path, word: &str) -> Vec<String> {
    let mails = std::fs::read_dir(servers.join("inbox/new")).unwrap();
    let texts = mails.map(|mail| std::fs::read_to_string(mail.unwrap().path()).unwrap());
    texts.filter(|text| text.contains(word)).collect()
}

fn with_login(servers: &Path) -> EmailSettings {
    EmailSettings {
        security: MailSecurity::StartTls,
        username: Some("guard".into()),
        password: Some(somewhere()),
        authority: Some(servers.join("ca.pem")),
        ..settings(port(servers, "starttls"))
    }
}

#[tokio::test]
async fn a_matter_arrives_as_one_thread_of_mails() {
    let Some(servers) = servers() else { return };
    let mail = EmailSettings { to: vec![to("thread"), to("second")], ..settings(port(&servers, "plain")) };
    for message in story() {
        let told = tell(&patient(NotifierKind::Email(mail.clone()), "none"), &message).await;
        assert!(told.as_ref().is_ok_and(|answer| answer.starts_with("250 ")), "{told:?}");
    }
    let mails = inbox(&servers, &to("thread"));
    assert_eq!(mails.len(), 4);
    let header = |mail: &str, name: &str| {
        let line = mail.lines().find(|line| line.starts_with(name));
        line.unwrap_or_else(|| panic!("no {name} in {mail}")).to_owned()
    };
    let first = header(&mails[0], "References: ");
    assert!(mails.iter().all(|mail| header(mail, "References: ") == first));
    let ids: std::collections::BTreeSet<_> = mails.iter().map(|mail| header(mail, "Message-ID: ")).collect();
    assert_eq!(ids.len(), 4);
    assert!(mails.iter().all(|mail| mail.contains("Auto-Submitted: auto-generated")));
    assert!(mails.iter().any(|mail| mail.contains("Subject: [guard] CRITICAL: prod: incident 3: gate closed")));
}

#[tokio::test]
async fn starttls_with_a_login() {
    let Some(servers) = servers() else { return };
    let mail = EmailSettings { to: vec![to("starttls")], ..with_login(&servers) };
    let told = tell(&patient(NotifierKind::Email(mail.clone()), "right-password"), &Message::of(tripped())).await;
    assert!(told.is_ok(), "{told:?}");
    assert_eq!(inbox(&servers, &to("starttls")).len(), 1);
    let told = tell(&patient(NotifierKind::Email(mail), "wrong-password"), &Message::of(tripped())).await;
    let Err(NotifyError::Never(why)) = told else { panic!("{told:?}") };
    assert!(why.contains("535") && !why.contains("wrong-password"), "{why}");
}

#[tokio::test]
async fn tls_from_the_first_byte() {
    let Some(servers) = servers() else { return };
    let mail = EmailSettings {
        security: MailSecurity::Tls,
        authority: Some(servers.join("ca.pem")),
        to: vec![to("wrapped")],
        ..settings(port(&servers, "tls"))
    };
    let told = tell(&patient(NotifierKind::Email(mail), "none"), &Message::of(tripped())).await;
    assert!(told.is_ok(), "{told:?}");
    assert_eq!(inbox(&servers, &to("wrapped")).len(), 1);
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_gets_nothing() {
    let Some(servers) = servers() else { return };
    let recipients = vec![to("stranger")];
    for (security, which) in [(MailSecurity::Tls, "tls"), (MailSecurity::StartTls, "starttls")] {
        let mail = EmailSettings { security, to: recipients.clone(), ..settings(port(&servers, which)) };
        let told = tell(&patient(NotifierKind::Email(mail), "none"), &Message::of(tripped())).await;
        assert!(is_later(&told), "{told:?}");
    }
    assert!(inbox(&servers, &to("stranger")).is_empty());
}

#[tokio::test]
async fn a_server_without_starttls_is_not_spoken_to_in_plain() {
    let Some(servers) = servers() else { return };
    let mail = EmailSettings {
        security: MailSecurity::StartTls,
        to: vec![to("downgrade")],
        ..settings(port(&servers, "plain"))
    };
    let told = tell(&patient(NotifierKind::Email(mail), "none"), &Message::of(tripped())).await;
    assert!(is_later(&told), "{told:?}");
    assert!(inbox(&servers, &to("downgrade")).is_empty());
}

#[tokio::test]
async fn refusals_are_told_apart_by_whether_time_mends_them() {
    let Some(servers) = servers() else { return };
    let writing_to = |address: &str| {
        let mail = EmailSettings { to: vec![address.to_owned()], ..settings(port(&servers, "plain")) };
        patient(NotifierKind::Email(mail), "none")
    };
    let told = tell(&writing_to("nobody@example.com"), &Message::of(tripped())).await;
    assert!(matches!(&told, Err(NotifyError::Never(why)) if why.contains("550")), "{told:?}");
    let told = tell(&writing_to("busy@example.com"), &Message::of(tripped())).await;
    assert!(is_later(&told) && told.as_ref().unwrap_err().to_string().contains("451"), "{told:?}");
}

#[tokio::test]
async fn hostile_words_add_no_header_and_no_secret_leaves() {
    let Some(servers) = servers() else { return };
    let mail = EmailSettings { to: vec![to("hostile")], ..settings(port(&servers, "plain")) };
    let told = tell(&patient(NotifierKind::Email(mail), "none"), &hostile()).await;
    assert!(told.is_ok(), "{told:?}");
    let mail = &inbox(&servers, &to("hostile"))[0];
    let (headers, _) = mail.split_once("\n\n").unwrap();
    assert_eq!(headers.lines().filter(|line| line.starts_with("From:")).count(), 1, "{mail}");
    // The body may be encoded; undo the one encoding that wraps lines.
    let plain = mail.replace("=\n", "");
    assert!(!plain.contains(&SECRET[20..]), "{plain}");
}

/// A server that says these lines, one for the greeting and one for each command, then nothing.
async fn saying(lines: &'static [&'static str]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (read, mut write) = stream.into_split();
            let mut read = BufReader::new(read).lines();
            for line in lines {
                if write.write_all(format!("{line}\r\n").as_bytes()).await.is_err() || read.next_line().await.is_err() {
                    break;
                }
            }
            std::future::pending::<()>().await;
        }
    });
    port
}

#[tokio::test]
async fn a_server_that_hangs_talks_nonsense_or_is_away_is_tried_later() {
    let soon = Duration::from_millis(300);
    let tried = async |port: u16| {
        tell(&notifier(NotifierKind::Email(settings(port)), "none", soon), &Message::of(tripped())).await
    };
    for lines in [&[][..], &["220 hello"], &["HTTP/1.1 200 OK"], &["421 4.3.2 closing"], &["220 hello", "\u{0}garbage"]]
    {
        let told = tried(saying(lines).await).await;
        assert!(is_later(&told), "{lines:?}: {told:?}");
    }
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    assert!(is_later(&tried(closed).await));
}
