//! What `guard ledger diff` finds: one case a finding, and nothing when all is well.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use guard::domain::ids::{ConsumerName, KeyId, WorkspaceId, WorkspaceName};
use guard::domain::key::{ApiKey, KeyOwner, KeyScope, KeyStatus, ProviderWorkspace};
use guard::domain::ledger::reconcile::{Facts, Finding, Held, Holding, Managed, Role, reconcile, slug_of};
use guard::domain::ledger::{self, Ledger};
use guard::domain::notice::Severity;
use guard::domain::time::Minute;

const LEDGER: &str = r#"
[[workspace]]
name = "prod"
id = "wrkspc_prod"
environment = "prod"
owner = "team@example.com"
owner_confirmed = 2026-11-01

[[workspace.models.exception]]
model = "claude-opus-5"
approved_by = "cto@example.com"
until = 2026-12-31

[[workspace]]
name = "dev"
id = "wrkspc_dev"
environment = "dev"
owner = "team@example.com"
"#;

/// A world that is as the ledger says; each test breaks one thing.
#[derive(Clone)]
struct World {
    ledger: Ledger,
    keys: Vec<ApiKey>,
    workspaces: Vec<ProviderWorkspace>,
    managed: Vec<Managed>,
    last_used: BTreeMap<KeyId, Minute>,
    holdings: Vec<Holding>,
    now: DateTime<Utc>,
}

fn id(text: &str) -> KeyId {
    KeyId::new(format!("apikey_{text}")).unwrap()
}

fn name(text: &str) -> WorkspaceName {
    WorkspaceName::new(text).unwrap()
}

fn place(text: &str) -> WorkspaceId {
    WorkspaceId::new(format!("wrkspc_{text}")).unwrap()
}

fn key(text: &str, status: KeyStatus, created_at: DateTime<Utc>) -> ApiKey {
    ApiKey {
        id: id(text),
        name: format!("key {text}"),
        status,
        created_at,
        created_by: Some("user_1".into()),
        expires_at: None,
        partial_key_hint: Some("sk-ant-api03-R2D...igAA".into()),
        owner: KeyOwner::Workspace,
        scope: KeyScope::Workspace(place("prod")),
    }
}

fn managed(text: &str, role: Role) -> Managed {
    Managed { key: id(text), workspace: name("prod"), role }
}

fn holding(workspace: &str, held: Held) -> Holding {
    Holding { workspace: name(workspace), consumer: ConsumerName::new("app").unwrap(), held }
}

impl World {
    fn in_order() -> Self {
        let now = Utc.with_ymd_and_hms(2026, 11, 21, 12, 0, 0).unwrap();
        let made = now - TimeDelta::days(30);
        let there = |id: &str, name: &str| ProviderWorkspace { id: place(id), name: name.into(), archived_at: None };
        Self {
            ledger: ledger::parse(LEDGER).unwrap().ledger,
            keys: vec![
                key("active", KeyStatus::Active, made),
                key("standby", KeyStatus::Inactive, made),
                key("dead", KeyStatus::Inactive, made),
                key("gone", KeyStatus::Archived, made),
            ],
            workspaces: vec![there("prod", "Prod"), there("dev", "dev")],
            managed: vec![
                managed("active", Role::Active),
                managed("standby", Role::Standby),
                managed("dead", Role::Dead),
            ],
            last_used: BTreeMap::from([(id("active"), Minute::containing(now - TimeDelta::minutes(10)))]),
            holdings: vec![holding("prod", Held::Key(id("active")))],
            now,
        }
    }

    fn findings(&self) -> Vec<Finding> {
        reconcile(&Facts {
            ledger: &self.ledger,
            keys: &self.keys,
            workspaces: &self.workspaces,
            managed: &self.managed,
            last_used: &self.last_used,
            holdings: &self.holdings,
            now: self.now,
        })
    }

    fn key(&mut self, text: &str) -> &mut ApiKey {
        self.keys.iter_mut().find(|k| k.id == id(text)).unwrap()
    }
}

#[test]
fn a_world_in_order_has_no_findings() {
    assert_eq!(World::in_order().findings(), []);
}

/// What is broken, the finding's id and severity, and a part of its remedy.
type Case = (fn(&mut World), &'static str, Severity, &'static str);

#[test]
fn each_disorder_is_found_once_with_its_remedy() {
    use Severity::{Critical, Info, Notice, Warning};
    let cases: &[Case] = &[
        (|w| w.workspaces.retain(|there| there.name != "dev"), "L001", Warning, "correct `id`"),
        (
            |w| w.workspaces.push(ProviderWorkspace { id: place("new"), name: "Neu (Süd)".into(), archived_at: None }),
            "L002",
            Info,
            "name = \"neu-s-d\"",
        ),
        (|w| w.workspaces[0].name = "Marketing\u{1b}".into(), "L003", Notice, "make sure"),
        (|w| w.workspaces[1].archived_at = Some(w.now), "L004", Warning, "remove it"),
        (|w| w.ledger.workspaces[0].owner = None, "L005", Warning, "add `owner`"),
        (|w| w.ledger.workspaces[0].owner_confirmed = "2026-01-01".parse().ok(), "L005", Notice, "ask"),
        (
            |w| w.ledger.workspaces[0].models.exceptions[0].until = w.now.date_naive() - TimeDelta::days(1),
            "L006",
            Notice,
            "approved again",
        ),
        (|w| w.managed.retain(|m| m.role != Role::Standby), "L010", Info, "delete it"),
        (|w| w.managed.retain(|m| m.role != Role::Dead), "L010", Info, "delete it"),
        (|w| w.ledger.workspaces[0].rotation.standbys = 2, "L007", Warning, "guard key add -w prod"),
        (
            |w| w.keys.push(key("stray", KeyStatus::Active, w.now)),
            "L010",
            Warning,
            "if it is the key of prod: `guard key add -w prod`",
        ),
        (|w| w.key("active").owner = KeyOwner::User("user_9".into()), "L012", Notice, "workspace key"),
        (|w| w.holdings.push(holding("dev", Held::Key(id("active")))), "L013", Warning, "a key of its own"),
        (|w| w.key("active").scope = KeyScope::Workspace(place("dev")), "L014", Critical, "correct `id`"),
        (|w| w.keys.retain(|k| k.id != id("active")), "L014", Critical, "guard doctor"),
        (|w| w.key("active").status = KeyStatus::Inactive, "L020", Critical, "guard rotate -w prod"),
        (|w| w.key("active").status = KeyStatus::Expired, "L020", Critical, "guard rotate -w prod"),
        (|w| w.key("standby").status = KeyStatus::Active, "L021", Warning, "guard trip -w prod --key apikey_standby"),
        (|w| w.key("dead").status = KeyStatus::Active, "L022", Critical, "guard trip -w prod --key apikey_dead"),
        (|w| w.key("active").created_at -= TimeDelta::days(90), "L023", Warning, "guard rotate -w prod"),
        (|w| w.key("active").expires_at = Some(w.now + TimeDelta::days(13)), "L024", Warning, "guard rotate -w prod"),
        (|w| w.key("active").expires_at = Some(w.now + TimeDelta::hours(13)), "L024", Critical, "guard rotate -w prod"),
        (
            |w| w.last_used = BTreeMap::from([(id("gone"), Minute::containing(w.now))]),
            "L025",
            Notice,
            "disable the key",
        ),
        (
            |w| _ = w.last_used.insert(id("active"), Minute::containing(w.now - TimeDelta::days(31))),
            "L026",
            Notice,
            "disable the key",
        ),
        (|w| w.holdings[0].held = Held::Key(id("dead")), "L030", Warning, "guard tick"),
        (|w| w.holdings[0].held = Held::Nothing, "L030", Warning, "guard tick"),
        (|w| w.holdings[0].held = Held::Unknown, "L030", Warning, "guard tick"),
        (|w| w.holdings[0].held = Held::Unreadable("no such host".into()), "L030", Warning, "guard tick"),
    ];
    for (number, (break_it, id, severity, remedy)) in cases.iter().enumerate() {
        let mut world = World::in_order();
        break_it(&mut world);
        // What a case takes away from the stock of standbys is not what it is about.
        let findings: Vec<Finding> =
            world.findings().into_iter().filter(|finding| *id == "L007" || finding.id != "L007").collect();
        assert_eq!(findings.len(), 1, "case {number}: {findings:#?}");
        assert_eq!((findings[0].id, findings[0].severity), (*id, *severity), "case {number}: {findings:#?}");
        assert!(findings[0].remedy.contains(remedy), "case {number}: {findings:#?}");
        let printed = format!("{}{}{}", findings[0].subject, findings[0].message, findings[0].remedy);
        assert!(!printed.chars().any(char::is_control), "{printed:?}");
    }
}

#[test]
fn a_key_without_scope_is_unknown_and_good_everywhere() {
    let mut world = World::in_order();
    let mut stray = key("stray", KeyStatus::Active, world.now);
    stray.scope = KeyScope::Organization;
    world.keys.push(stray);
    let ids: Vec<&str> = world.findings().iter().map(|finding| finding.id).collect();
    assert_eq!(ids, ["L010", "L011"]);
}

#[test]
fn nothing_is_concluded_from_no_data() {
    let mut world = World::in_order();
    world.last_used.clear();
    world.holdings.clear();
    assert_eq!(world.findings(), []);
}

#[test]
fn the_worst_comes_first() {
    let mut world = World::in_order();
    world.key("dead").status = KeyStatus::Active;
    world.ledger.workspaces[0].owner = None;
    world.workspaces[0].name = "Other".into();
    let severities: Vec<Severity> = world.findings().iter().map(|finding| finding.severity).collect();
    assert_eq!(severities, [Severity::Critical, Severity::Warning, Severity::Notice]);
}

#[test]
fn provider_names_become_workspace_names() {
    for (name, slug) in [
        ("Prod Publish", "prod-publish"),
        ("  Ünïcode -- X ", "n-code-x"),
        ("日本", "workspace"),
        ("a.b_c", "a.b_c"),
        ("..x", "x"),
        (&"y".repeat(200), &"y".repeat(64)),
    ] {
        assert_eq!(slug_of(name), slug);
        assert!(WorkspaceName::new(slug_of(name)).is_ok());
    }
}
