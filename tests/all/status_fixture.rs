//! Two workspaces: one calm in the middle of a rotation, one tripped.

use chrono::TimeDelta;
use guard::domain::ids::{IncidentId, Principal, RotationId, WorkspaceName};
use guard::domain::incident::{EvidenceHead, Hint};
use guard::domain::key::KeyStatus;
use guard::domain::ledger::TripMode;
use guard::domain::time::Minute;
use guard::report::status::{
    ChannelView, ConsumerHolds, ConsumerView, FeedState, FeedView, GateView, KeyRole, KeyView, Level, NotifierView,
    Obligation, RotationView, StatusView, VerdictView, WorkspaceView,
};

use crate::report_fixture::{NEW, OLD, at, key, usage};

fn key_view(id: &str, role: KeyRole, status: KeyStatus, days: i64) -> KeyView {
    KeyView {
        id: key(id),
        hint: Some(Hint::of(id)),
        role,
        status: Some(status),
        created_at: Some(at("03:00:00") - TimeDelta::days(days)),
        expires_at: None,
        last_used: (role != KeyRole::Standby).then(|| Minute::containing(at("02:47:00"))),
    }
}

fn consumer(name: &str, what: &str) -> ConsumerView {
    ConsumerView { name: name.to_owned(), what: what.to_owned(), holds: ConsumerHolds::Current }
}

/// A workspace that owes nothing, with a rotation that waits.
pub fn rotating() -> WorkspaceView {
    WorkspaceView {
        name: WorkspaceName::new("staging-digest").unwrap(),
        environment: "staging".to_owned(),
        mode: TripMode::Gate,
        gate: GateView::Open { generation: 0 },
        rotation: Some(RotationView {
            id: RotationId(8),
            phase: "drain".to_owned(),
            since: at("02:31:00"),
            waits_for: "15 minutes without use of key …9Kx2 (7 of 15 seen)".to_owned(),
            until: Some(at("03:08:00")),
            blocked: false,
            can: vec![
                "guard rotate -w staging-digest".to_owned(),
                "guard rotate -w staging-digest --rollback".to_owned(),
            ],
        }),
        keys: vec![
            key_view("apikey_01StagingNewCqT4", KeyRole::Active, KeyStatus::Active, 0),
            key_view("apikey_01StagingOld9Kx2", KeyRole::Outgoing, KeyStatus::Active, 91),
            key_view("apikey_01StagingSpare7Bd1", KeyRole::Standby, KeyStatus::Inactive, 30),
        ],
        consumers: vec![
            consumer("dotenv", "dotenv /srv/digest/.env (ANTHROPIC_API_KEY)"),
            consumer("unit", "systemd credential digest.cred"),
        ],
        verdicts: vec![],
        usage: None,
        obligations: vec![],
    }
}

/// A workspace after a trip.
pub fn tripped() -> WorkspaceView {
    let verdict = |time: &str, rule: &str, level, sentence: &str| VerdictView {
        at: at(time),
        rule: rule.to_owned(),
        level,
        principal: Principal::Key(key(OLD)),
        sentence: sentence.to_owned(),
    };
    WorkspaceView {
        name: WorkspaceName::new("prod-publish").unwrap(),
        environment: "prod".to_owned(),
        mode: TripMode::Kill,
        gate: GateView::Closed {
            why: "tripped by rule spike".to_owned(),
            incident: Some(IncidentId(3)),
            since: Some(at("02:47:05")),
        },
        rotation: None,
        keys: vec![
            key_view(NEW, KeyRole::Active, KeyStatus::Active, 12),
            key_view(OLD, KeyRole::Tripped, KeyStatus::Inactive, 64),
        ],
        consumers: vec![consumer("dotenv", "dotenv /srv/publish/.env (ANTHROPIC_API_KEY)")],
        verdicts: vec![
            verdict(
                "02:47:05",
                "spike",
                Level::Trip,
                "$2.07 a minute for 2 minutes, 41 deviations above the median; no run was registered",
            ),
            verdict("02:46:20", "first_use", Level::Warn, "claude-opus-4-5 was never used by this key before"),
        ],
        usage: Some(usage()),
        obligations: vec![Obligation {
            what: "No standby is left".to_owned(),
            since: Some(at("02:47:21")),
            remedy: Some("guard key add -w prod-publish".to_owned()),
        }],
    }
}

/// Status without workspaces, owing nothing.
pub fn calm() -> StatusView {
    StatusView {
        generated_at: at("03:00:00"),
        guard_version: "0.1.0".to_owned(),
        vault: "encrypted file /var/lib/guard/vault".to_owned(),
        feed: FeedView {
            state: FeedState::Fresh,
            newest: Some(Minute::containing(at("02:54:00"))),
            last_good_poll: Some(at("02:59:35")),
            why: None,
        },
        notifiers: NotifierView {
            waiting: 0,
            oldest: None,
            channels: vec![
                ChannelView { name: "chat".to_owned(), last_delivered: Some(at("02:47:09")), failing: None },
                ChannelView { name: "pager".to_owned(), last_delivered: Some(at("02:47:09")), failing: None },
            ],
        },
        evidence: Some(EvidenceHead { seq: 1_047, hash: "9f3c51d07a84be02".repeat(4) }),
        hold: None,
        workspaces: vec![],
        obligations: vec![],
    }
}

/// Both workspaces.
pub fn status() -> StatusView {
    StatusView { workspaces: vec![tripped(), rotating()], ..calm() }
}
