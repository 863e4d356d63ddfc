use std::path::PathBuf;

use super::ConsumerKind;
use crate::domain::ledger::SecretSource;
use crate::domain::ledger::field::{SecretFrom, Text, absolute_path, one_word, web_address};
use crate::domain::ledger::section::{KindOf, Section};
use crate::domain::ledger::words::shown;

/// Where Kubernetes puts the authority of the API server into a pod.
/// <https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/>
const POD_AUTHORITY: &str = "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt";

/// One key of a Kubernetes Secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KubernetesSecretSettings {
    /// The API server. Default: the cluster that guard runs in.
    pub url: String,
    /// The namespace.
    pub namespace: String,
    /// The Secret; it must exist.
    pub secret: String,
    /// The key in its `data`. Default `ANTHROPIC_API_KEY`.
    pub key: String,
    /// guard's token there. Default: the pod's service account.
    pub token: Option<SecretSource>,
    /// The authority (PEM) that vouches for the server. Default: the pod's.
    pub ca_file: PathBuf,
}

/// `kind = "kubernetes-secret"`.
pub(super) const KIND: KindOf<ConsumerKind> =
    KindOf { name: "kubernetes-secret", doc: "One key of a Kubernetes Secret; its other keys stay.", read };

/// The name of a Kubernetes object (RFC 1123).
fn object_name(example: &'static str) -> Text<String> {
    Text {
        parse: |typed| {
            let edge = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
            let bytes = typed.as_bytes();
            let plain = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.');
            match typed.len() <= 253 && edge(bytes.first()) && edge(bytes.last()) && bytes.iter().all(plain) {
                true => Ok(typed.to_owned()),
                false => Err(format!("`{}` is not the name of a Kubernetes object", shown(typed))),
            }
        },
        show: String::clone,
        allowed: "lower-case letters, digits, `-` and `.`, beginning and ending with a letter or a digit",
        example,
        pattern: r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$",
    }
}

fn read(section: &mut Section<'_, '_, '_>) -> Option<ConsumerKind> {
    let url = section.with_default(
        "url",
        "The API server; by default that of the cluster guard runs in.",
        web_address("https://k8s.example.com:6443"),
        "https://kubernetes.default.svc".to_owned(),
    );
    let namespace = section.required("namespace", "The namespace.", object_name("pipelines"));
    let secret = section.required("secret", "The Secret; it must exist.", object_name("anthropic"));
    let key = section.with_default(
        "key",
        "The key in the Secret's data.",
        one_word("ANTHROPIC_API_KEY"),
        "ANTHROPIC_API_KEY".to_owned(),
    );
    let token = section.optional(
        "token",
        "Where guard's token is read from, anew each time; by default the service account of guard's pod.",
        SecretFrom,
    );
    let ca_file = section.with_default(
        "ca_file",
        "The authority (PEM) that vouches for the server.",
        absolute_path("/etc/kubernetes/pki/ca.crt"),
        PathBuf::from(POD_AUTHORITY),
    );
    Some(ConsumerKind::KubernetesSecret(KubernetesSecretSettings {
        url,
        namespace: namespace?,
        secret: secret?,
        key,
        token,
        ca_file,
    }))
}
