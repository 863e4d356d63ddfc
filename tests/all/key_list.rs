//! `guard key list` over fakes.

use guard::app::key_list::{Role, keys};
use guard::domain::ids::{KeyId, WorkspaceId};
use guard::domain::key::{ApiKey, KeyOwner, KeyScope, KeyStatus};

use super::jobs_fakes::{World, at, key, ledger, prod};

fn listed(id: &str, status: KeyStatus, workspace: &str) -> ApiKey {
    ApiKey {
        id: KeyId::new(id).unwrap(),
        name: "anything".into(),
        status,
        created_at: at(-3600),
        created_by: None,
        expires_at: Some(at(3600)),
        partial_key_hint: Some("sk-ant-api03-R2D...zzAA".into()),
        owner: KeyOwner::Workspace,
        scope: KeyScope::Workspace(WorkspaceId::new(workspace).unwrap()),
    }
}

#[test]
fn keys_are_the_vaults_and_the_gates_with_what_the_provider_says() {
    let world = World::healthy();
    world.vault.lock().unwrap().insert("key.apikey_02".into(), "sk-ant-api03-standby-of-the-test-yyAA".into());
    let listed =
        [listed("apikey_02", KeyStatus::Inactive, "wrkspc_01"), listed("apikey_99", KeyStatus::Active, "wrkspc_01")];
    let rows = keys(&world.app(ledger()), Some(&prod()), Some(&listed)).unwrap();
    let shown: Vec<_> =
        rows.iter().map(|row| (row.id.as_str(), row.role, row.hint.as_str(), row.state.as_deref())).collect();
    assert_eq!(
        shown,
        [("apikey_01", Role::Active, "…igAA", None), ("apikey_02", Role::Sealed, "…zzAA", Some("inactive"))],
        "the vault knows nothing of apikey_99"
    );
    assert_eq!(rows[1].expires_at, Some(at(3600)));
}

#[test]
fn a_key_whose_secret_is_lost_is_shown_as_missing() {
    let world = World::healthy();
    world.vault.lock().unwrap().clear();
    let rows = keys(&world.app(ledger()), None, None).unwrap();
    assert_eq!((rows.len(), &rows[0].id, rows[0].role, rows[0].hint.as_str()), (1, &key(), Role::Missing, "…"));
}

#[test]
fn other_workspaces_keys_are_left_out() {
    let world = World::healthy();
    world.vault.lock().unwrap().insert("key.apikey_02".into(), "sk-ant-api03-standby-of-the-test-yyAA".into());
    let rows = keys(&world.app(ledger()), Some(&"dev".parse().unwrap()), None).unwrap();
    assert!(rows.is_empty(), "a key whose workspace is not known belongs to no workspace's list");
}
