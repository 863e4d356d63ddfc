use super::ConsumerKind;
use crate::domain::ledger::field::{SecretFrom, field_path, one_word, web_address};
use crate::domain::ledger::section::{KindOf, Section};
use crate::domain::ledger::{FieldPath, SecretSource};

/// A secret of AWS Secrets Manager.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsSecretsManagerSettings {
    /// `eu-central-1`.
    pub region: String,
    /// Name or ARN of the secret; it must exist.
    pub secret: String,
    /// Which string of a secret that is a JSON document. Default: the key is the whole secret.
    pub field: Option<FieldPath>,
    /// Default: the region's public endpoint.
    pub endpoint: Option<String>,
    /// The access key's id.
    pub access_key_id: SecretSource,
    /// The access key's secret.
    pub secret_access_key: SecretSource,
    /// For temporary credentials.
    pub session_token: Option<SecretSource>,
}

/// `kind = "aws-secrets-manager"`.
pub(super) const KIND: KindOf<ConsumerKind> = KindOf {
    name: "aws-secrets-manager",
    doc: "A secret of AWS Secrets Manager; the earlier value stays there under the label AWSPREVIOUS.",
    read,
};

fn read(section: &mut Section<'_, '_, '_>) -> Option<ConsumerKind> {
    let region = section.required("region", "The AWS region.", one_word("eu-central-1"));
    let secret = section.required("secret", "Name or ARN of a secret that exists.", one_word("prod/anthropic"));
    let field = section.optional(
        "field",
        "Which string of it, when the secret is a JSON document; otherwise the key is the whole secret.",
        field_path("ANTHROPIC_API_KEY"),
    );
    let endpoint = section.optional(
        "endpoint",
        "Another address than the region's own, for example a VPC endpoint.",
        web_address("https://vpce-1.secretsmanager.eu-central-1.vpce.amazonaws.com"),
    );
    let access_key_id = section.required("access_key_id", "Where the access key's id is read from.", SecretFrom);
    let secret_access_key =
        section.required("secret_access_key", "Where the access key's secret is read from.", SecretFrom);
    let session_token =
        section.optional("session_token", "Where the token of temporary credentials is read from.", SecretFrom);
    Some(ConsumerKind::AwsSecretsManager(AwsSecretsManagerSettings {
        region: region?,
        secret: secret?,
        field,
        endpoint,
        access_key_id: access_key_id?,
        secret_access_key: secret_access_key?,
        session_token,
    }))
}
