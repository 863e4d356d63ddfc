//! Shapes on the wire. Unknown members are ignored; what the provider may leave out is optional.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::ids::{KeyId, WorkspaceId};
use crate::domain::key::{ApiKey, KeyOwner, KeyScope, KeyStatus, Organization, ProviderWorkspace};

/// A page of a list with ID cursors.
#[derive(Debug, Deserialize)]
pub(super) struct IdPage<T> {
    pub data: Vec<T>,
    pub has_more: bool,
    #[serde(default)]
    pub last_id: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct OrganizationWire {
    id: String,
    name: String,
}

impl From<OrganizationWire> for Organization {
    fn from(wire: OrganizationWire) -> Self {
        Self { id: wire.id, name: wire.name }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct WorkspaceWire {
    id: WorkspaceId,
    name: String,
    #[serde(default)]
    archived_at: Option<DateTime<Utc>>,
}

impl From<WorkspaceWire> for ProviderWorkspace {
    fn from(wire: WorkspaceWire) -> Self {
        Self { id: wire.id, name: wire.name, archived_at: wire.archived_at }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct KeyWire {
    id: KeyId,
    name: String,
    status: String,
    created_at: DateTime<Utc>,
    #[serde(default)]
    created_by: Option<CreatorWire>,
    #[serde(default)]
    expires_at: Option<DateTime<Utc>>,
    #[serde(default)]
    partial_key_hint: Option<String>,
    #[serde(default)]
    principal: Option<PrincipalWire>,
    #[serde(default)]
    scope: Option<ScopeWire>,
    #[serde(default)]
    workspace_id: Option<WorkspaceId>,
}

#[derive(Debug, Deserialize)]
struct CreatorWire {
    id: String,
}

/// Two shapes exist: `{type: user_actor, user_id}` and, from August 2026, `{type: user, id}`.
#[derive(Debug, Deserialize)]
struct PrincipalWire {
    r#type: String,
    #[serde(default, alias = "service_account_id", alias = "id")]
    user_id: Option<String>,
}

#[derive(Debug, Deserialize)]
struct ScopeWire {
    r#type: String,
    #[serde(default)]
    workspace_id: Option<WorkspaceId>,
}

impl From<KeyWire> for ApiKey {
    fn from(wire: KeyWire) -> Self {
        // `scope` is the truth; `workspace_id` is deprecated and null for the default workspace.
        let scope = match (wire.scope, wire.workspace_id) {
            (Some(ScopeWire { workspace_id: Some(id), .. }), _) => KeyScope::Workspace(id),
            (Some(ScopeWire { r#type, .. }), _) if r#type == "organization" => KeyScope::Organization,
            (None, Some(id)) => KeyScope::Workspace(id),
            _ => KeyScope::Unknown,
        };
        let owner = match wire.principal {
            None => KeyOwner::Workspace,
            Some(PrincipalWire { r#type, user_id }) => {
                let id = user_id.unwrap_or_default();
                if r#type.starts_with("service_account") { KeyOwner::ServiceAccount(id) } else { KeyOwner::User(id) }
            }
        };
        Self {
            id: wire.id,
            name: wire.name,
            status: status(wire.status),
            created_at: wire.created_at,
            created_by: wire.created_by.map(|by| by.id),
            expires_at: wire.expires_at,
            partial_key_hint: wire.partial_key_hint,
            owner,
            scope,
        }
    }
}

fn status(word: String) -> KeyStatus {
    match word.as_str() {
        "active" => KeyStatus::Active,
        "inactive" => KeyStatus::Inactive,
        "archived" => KeyStatus::Archived,
        "expired" => KeyStatus::Expired,
        _ => KeyStatus::Unknown(word),
    }
}

/// The body of an update.
#[derive(Debug, Serialize)]
pub(super) struct StatusWire<'a> {
    pub status: &'a str,
}

/// A page of the usage report.
#[derive(Debug, Deserialize)]
pub(super) struct UsagePage {
    pub data: Vec<BucketWire>,
    pub has_more: bool,
    #[serde(default)]
    pub next_page: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct BucketWire {
    pub starting_at: DateTime<Utc>,
    pub ending_at: DateTime<Utc>,
    pub results: Vec<ResultWire>,
}

/// Counts are signed here so that a negative one is found and not wrapped.
#[derive(Debug, Deserialize)]
pub(super) struct ResultWire {
    #[serde(default)]
    pub api_key_id: Option<KeyId>,
    #[serde(default)]
    pub workspace_id: Option<WorkspaceId>,
    #[serde(default)]
    pub service_account_id: Option<String>,
    #[serde(default)]
    pub model: Option<String>,
    #[serde(default)]
    pub service_tier: Option<String>,
    #[serde(default)]
    pub context_window: Option<String>,
    #[serde(default)]
    pub inference_geo: Option<String>,
    pub uncached_input_tokens: i64,
    pub cache_read_input_tokens: i64,
    pub output_tokens: i64,
    #[serde(default)]
    pub cache_creation: Option<CacheCreationWire>,
    #[serde(default)]
    pub server_tool_use: Option<ServerToolUseWire>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct CacheCreationWire {
    pub ephemeral_5m_input_tokens: i64,
    pub ephemeral_1h_input_tokens: i64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ServerToolUseWire {
    pub web_search_requests: i64,
}

/// The models list; only that it is one is of interest.
#[derive(Debug, Deserialize)]
pub(super) struct ModelsWire {
    #[serde(rename = "data")]
    pub _data: Vec<serde::de::IgnoredAny>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn key(changes: serde_json::Value) -> ApiKey {
        let mut whole = json!({
            "id": "apikey_01Rj2N8SVvo6BePZj99NhmiT", "type": "api_key", "name": "n", "status": "active",
            "created_at": "2026-10-02T08:00:00Z",
        });
        whole.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        serde_json::from_value::<KeyWire>(whole).unwrap().into()
    }

    #[test]
    fn scope_wins_over_the_deprecated_member() {
        let (a, b) = (WorkspaceId::new("wrkspc_a").unwrap(), WorkspaceId::new("wrkspc_b").unwrap());
        let scope = |changes| key(changes).scope;
        assert_eq!(
            scope(json!({"scope": {"type": "workspace", "workspace_id": a}, "workspace_id": b})),
            KeyScope::Workspace(a.clone())
        );
        assert_eq!(scope(json!({"workspace_id": b})), KeyScope::Workspace(b));
        assert_eq!(scope(json!({"scope": {"type": "organization"}, "workspace_id": null})), KeyScope::Organization);
        assert_eq!(scope(json!({"workspace_id": null})), KeyScope::Unknown);
        assert_eq!(scope(json!({"scope": {"type": "galaxy", "x": 1}})), KeyScope::Unknown);
    }

    #[test]
    fn both_shapes_of_a_principal_are_read() {
        let owner = |principal| key(json!({ "principal": principal })).owner;
        assert_eq!(owner(json!(null)), KeyOwner::Workspace);
        assert_eq!(owner(json!({"type": "user_actor", "user_id": "user_1"})), KeyOwner::User("user_1".into()));
        assert_eq!(owner(json!({"type": "user", "id": "user_1"})), KeyOwner::User("user_1".into()));
        for account in [
            json!({"type": "service_account_actor", "service_account_id": "svac_1"}),
            json!({"type": "service_account", "id": "svac_1"}),
        ] {
            assert_eq!(owner(account), KeyOwner::ServiceAccount("svac_1".into()));
        }
    }

    #[test]
    fn a_status_of_tomorrow_is_kept() {
        assert_eq!(key(json!({"status": "frozen", "future": [1, 2]})).status, KeyStatus::Unknown("frozen".into()));
    }
}
