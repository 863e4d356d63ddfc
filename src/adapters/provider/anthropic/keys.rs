//! Keys, workspaces and the organization.

use std::collections::HashSet;

use async_trait::async_trait;

use super::Anthropic;
use super::transport::decode;
use super::wire::{KeyWire, OrganizationWire, StatusWire, WorkspaceWire};
use crate::adapters::http::Request;
use crate::domain::ids::KeyId;
use crate::domain::key::{ApiKey, KeyStatus, Organization, ProviderWorkspace};
use crate::ports::{Capabilities, KeyAdmin, ProviderError};

#[async_trait]
impl KeyAdmin for Anthropic {
    fn capabilities(&self) -> Capabilities {
        Self::CAPABILITIES
    }

    async fn organization(&self) -> Result<Organization, ProviderError> {
        let wire: OrganizationWire = self.get(self.endpoint(&["organizations", "me"])).await?;
        Ok(wire.into())
    }

    async fn workspaces(&self) -> Result<Vec<ProviderWorkspace>, ProviderError> {
        let path = &["organizations", "workspaces"];
        let archived = ("include_archived", "true");
        let wires: Vec<WorkspaceWire> = match self.list(path, &[archived, ("include_default", "true")]).await {
            // The default workspace became listable late; an endpoint that does not know the option is still useful.
            Err(ProviderError::Rejected { .. }) => self.list(path, &[archived]).await?,
            other => other?,
        };
        Ok(wires.into_iter().map(ProviderWorkspace::from).collect())
    }

    async fn keys(&self) -> Result<Vec<ApiKey>, ProviderError> {
        let wires: Vec<KeyWire> = self.list(&["organizations", "api_keys"], &[]).await?;
        let mut keys: Vec<ApiKey> = wires.into_iter().map(ApiKey::from).collect();
        // A list that changes while it is read may show a key twice; what was read later is newer.
        let mut seen = HashSet::new();
        keys.reverse();
        keys.retain(|key| seen.insert(key.id.clone()));
        keys.reverse();
        Ok(keys)
    }

    async fn key(&self, id: &KeyId) -> Result<ApiKey, ProviderError> {
        let wire: KeyWire = self.get(self.endpoint(&["organizations", "api_keys", id.as_str()])).await?;
        the_same(id, wire.into())
    }

    async fn set_status(&self, id: &KeyId, status: KeyStatus) -> Result<ApiKey, ProviderError> {
        if !matches!(status, KeyStatus::Active | KeyStatus::Inactive | KeyStatus::Archived) {
            let message = format!("not sent: no key can be set to `{}`", status.as_str());
            return Err(ProviderError::Rejected { status: 400, message });
        }
        let url = self.endpoint(&["organizations", "api_keys", id.as_str()]);
        let request = Request::post_json(url, &StatusWire { status: status.as_str() })
            .map_err(|error| ProviderError::Malformed(error.to_string()))?;
        // Sent once: whether a change without an answer happened is settled by reading, not by asking again.
        let response = self.once(self.as_admin(request), self.settings.timeout).await.map_err(|failed| failed.error)?;
        let wire: KeyWire = decode(&response)?;
        the_same(id, wire.into())
    }
}

/// An answer about another key is no answer.
fn the_same(id: &KeyId, key: ApiKey) -> Result<ApiKey, ProviderError> {
    if key.id == *id {
        Ok(key)
    } else {
        Err(ProviderError::Malformed(format!("asked about {id}, answered about {}", key.id)))
    }
}
