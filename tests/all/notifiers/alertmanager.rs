//! Alertmanager itself, where it runs (`.ci/with-services` starts Debian's `prometheus-alertmanager`).

use guard::domain::ledger::NotifierKind;
use guard::domain::message::Message;
use guard::domain::notice::Notice;
use guard::ports::Clock;
use serde_json::Value;

use super::{hostile, patient, story, tell, tripped};
use crate::jobs_fakes::SECRET;

fn server() -> Option<String> {
    let found = std::env::var("GUARD_TEST_ALERTMANAGER").ok();
    if found.is_none() {
        eprintln!("passed over: no Alertmanager runs (GUARD_TEST_ALERTMANAGER is not set)");
    }
    found
}

/// What fires now and carries this label.
async fn firing(server: &str, label: &str, value: &str) -> Vec<Value> {
    let alerts: Vec<Value> = reqwest::get(format!("{server}/api/v2/alerts")).await.unwrap().json().await.unwrap();
    alerts.into_iter().filter(|alert| alert["labels"][label] == value).collect()
}

/// Real time: the server compares with its own clock.
fn now(mut message: Message, matter: &str) -> Message {
    let now = guard::adapters::clock::SystemClock.now();
    message.notice.at = now;
    message.thread = matter.to_owned();
    if let Some(opened) = &mut message.opened_by {
        opened.at = now - chrono::TimeDelta::minutes(1);
    }
    message
}

#[tokio::test]
async fn an_incident_fires_until_it_ends() {
    let Some(server) = server() else { return };
    let channel = patient(NotifierKind::Alertmanager { url: server.clone(), token: None }, "none");
    let matter = format!("prod/incident/{}", std::process::id());
    let messages: Vec<Message> = story().into_iter().map(|message| now(message, &matter)).collect();
    let (end, before) = messages.split_last().unwrap();
    for message in before {
        assert!(tell(&channel, message).await.is_ok());
        let alerts = firing(&server, "matter", &matter).await;
        assert_eq!(alerts.len(), 1, "news of one matter is one alert");
        assert_eq!(alerts[0]["labels"]["alertname"], "GuardKeyAnomaly");
        assert_eq!(alerts[0]["labels"]["api_key_id"], "apikey_01_a");
        assert_eq!(alerts[0]["annotations"]["summary"], message.notice.summary);
        assert_eq!(alerts[0]["status"]["state"], "active");
    }
    assert!(tell(&channel, end).await.is_ok());
    assert!(firing(&server, "matter", &matter).await.is_empty(), "it is over");
}

#[tokio::test]
async fn hostile_words_are_taken_and_no_secret_leaves() {
    let Some(server) = server() else { return };
    let channel = patient(NotifierKind::Alertmanager { url: server.clone(), token: None }, "none");
    let matter = format!("hostile/{}", std::process::id());
    let told = tell(&channel, &now(hostile(), &matter)).await;
    assert!(told.is_ok(), "{told:?}");
    let alerts = firing(&server, "matter", &matter).await;
    assert!(!alerts[0].to_string().contains(&SECRET[20..]));
    // Whoever takes the other path is refused, and that is final.
    let elsewhere = NotifierKind::Alertmanager { url: format!("{server}/elsewhere"), token: None };
    let told = tell(&patient(elsewhere, "none"), &Message::of(Notice { ..tripped() })).await;
    assert!(matches!(told, Err(guard::ports::NotifyError::Never(_))), "{told:?}");
}
