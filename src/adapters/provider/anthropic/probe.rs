//! Whether a key works, asked with the models list, which costs nothing.

use async_trait::async_trait;

use super::Anthropic;
use super::transport::decode;
use super::wire::ModelsWire;
use crate::adapters::http::Request;
use crate::domain::ids::WorkspaceId;
use crate::domain::key::Probe;
use crate::domain::secret::Secret;
use crate::ports::{KeyProbe, ProviderError};

/// Names the workspace that a request acts in, and in answers the one that the key resolved to.
const WORKSPACE: &str = "anthropic-workspace-id";

#[async_trait]
impl KeyProbe for Anthropic {
    async fn probe(&self, secret: &Secret, workspace: Option<&WorkspaceId>) -> Probe {
        let url = self.endpoint(&["models"]).query([("limit", "1")]);
        let mut request = self.signed(Request::get(url), secret);
        if let Some(workspace) = workspace {
            request = request.header(WORKSPACE, workspace.as_str());
        }
        match self.read(request).await {
            // Anything can say 200; only a list of models is the provider accepting the key.
            Ok(response) => match decode::<ModelsWire>(&response) {
                Ok(_) => {
                    Probe::Accepted { workspace: response.header(WORKSPACE).and_then(|id| WorkspaceId::new(id).ok()) }
                }
                Err(error) => Probe::Undecided(error.to_string()),
            },
            // Anything can say 401, too; the provider says which error it is.
            Err(failed) => match failed.error {
                ProviderError::Refused { status: 401, .. } if failed.kind == "authentication_error" => Probe::Refused,
                ProviderError::Refused { status, message } => {
                    Probe::Undecided(format!("the answer was {status}: {message}"))
                }
                other => Probe::Undecided(other.to_string()),
            },
        }
    }
}
