use std::path::PathBuf;

use super::ConsumerKind;
use crate::domain::ledger::SecretSource;
use crate::domain::ledger::field::{SecretFrom, absolute_path, one_word, web_address};
use crate::domain::ledger::section::{KindOf, Section};

/// A field of a secret in a key-value store, version 2, of HashiCorp Vault or OpenBao.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VaultKvSettings {
    /// The server.
    pub url: String,
    /// Where the store is mounted. Default `secret`.
    pub mount: String,
    /// The secret below the mount.
    pub path: String,
    /// Its field. Default `ANTHROPIC_API_KEY`.
    pub field: String,
    /// The namespace, where the server has any.
    pub namespace: Option<String>,
    /// guard's token there.
    pub token: SecretSource,
    /// The authority (PEM) that vouches for the server, when it is not a public one.
    pub ca_file: Option<PathBuf>,
}

/// `kind = "vault-kv"`.
pub(super) const KIND: KindOf<ConsumerKind> = KindOf {
    name: "vault-kv",
    doc: "A field of a secret in a key-value store (version 2) of HashiCorp Vault or OpenBao; other fields stay.",
    read,
};

fn read(section: &mut Section<'_, '_, '_>) -> Option<ConsumerKind> {
    let url = section.required("url", "The server.", web_address("https://vault.example.com:8200"));
    let mount = section.with_default("mount", "Where the store is mounted.", one_word("secret"), "secret".to_owned());
    let path = section.required("path", "The secret below the mount.", one_word("prod/pipeline"));
    let field = section.with_default(
        "field",
        "The field of the secret that holds the key.",
        one_word("ANTHROPIC_API_KEY"),
        "ANTHROPIC_API_KEY".to_owned(),
    );
    let namespace = section.optional("namespace", "The namespace, where the server has any.", one_word("team-a"));
    let token = section.required("token", "Where guard's token is read from; it is read anew each time.", SecretFrom);
    let ca_file = section.optional(
        "ca_file",
        "The authority (PEM) that vouches for the server, when it is not a public one.",
        absolute_path("/etc/ssl/vault-ca.pem"),
    );
    Some(ConsumerKind::VaultKv(VaultKvSettings {
        url: url?,
        mount,
        path: path?,
        field,
        namespace,
        token: token?,
        ca_file,
    }))
}
