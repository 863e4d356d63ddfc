//! Consumers on this machine beyond plain files: fields of documents, the keyring, systemd credentials.
#![expect(clippy::disallowed_methods, reason = "systemd-creds says whether it agrees")]

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use guard::adapters::consumer::{LIMITS, build};
use guard::domain::ids::WorkspaceName;
use guard::domain::ledger::{
    ConsumerKind, DocumentFormat, FieldSettings, KeyringSettings, SealWith, SystemdCredentialSettings,
};
use guard::domain::secret::Secret;
use guard::ports::{Consumer, ConsumerError, Reading};

use crate::again::skipped;
use crate::consumers::{contract, means, settings};

const KEY: &str = "sk-ant-api03-TheNewKeyOfTheTest-AA";

fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned()).unwrap()
}

fn consumer(kind: ConsumerKind) -> Box<dyn Consumer> {
    build(&WorkspaceName::new("prod").unwrap(), &settings(kind), &means(LIMITS))
}

fn field(path: &Path, format: DocumentFormat) -> ConsumerKind {
    let field = "services.llm[0].key".parse().unwrap();
    ConsumerKind::Field(FieldSettings { path: path.to_owned(), field, format, follow_symlink: false })
}

fn write(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, PermissionsExt::from_mode(0o640)).unwrap();
}

const DOCUMENTS: [(DocumentFormat, &str); 3] = [
    (DocumentFormat::Json, "{\r\n  \"services\": {\"llm\": [ {\"key\": \"\", \"n\": 1.0} ] }\r\n}"),
    (DocumentFormat::Toml, "# ours\n[[services.llm]]\nkey = '' # set by guard\nn=1\n"),
    (DocumentFormat::Yaml, "services:\n  llm:\n  - key: \"\"   # set by guard\n    n: 1\n"),
];

#[tokio::test]
async fn fields_keep_the_contract_and_every_other_byte() {
    let directory = tempfile::tempdir().unwrap();
    for (format, text) in DOCUMENTS {
        let path = directory.path().join("config");
        write(&path, text);
        contract(field(&path, format)).await;
        consumer(field(&path, format)).deliver(&secret(KEY)).await.unwrap();
        let after = std::fs::read_to_string(&path).unwrap();
        assert!(after.contains(KEY));
        assert_eq!(after.replacen(KEY, "", 1), text);
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o7777, 0o640);
    }
}

#[tokio::test]
async fn a_document_that_does_not_fit_is_refused_untouched() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config.json");
    let missing = consumer(field(&path, DocumentFormat::Json)).deliver(&secret(KEY)).await.unwrap_err();
    assert!(matches!(&missing, ConsumerError::Refused { why, .. } if why.contains("no such file")), "{missing}");
    assert!(!path.exists());
    for (text, part) in [
        (r#"{"services":{"llm":[{"key":"two words of sk-ant-old"}]}}"#, "no key"),
        (r#"{"services":{"llm":[]}}"#, "no field"),
        (r#"{"services":{"llm":[{"key":"sk-ant-old",}]}}"#, "not valid JSON"),
    ] {
        write(&path, text);
        let consumer = consumer(field(&path, DocumentFormat::Json));
        let error = consumer.read().await.err().unwrap();
        assert!(matches!(&error, ConsumerError::Refused { why, .. } if why.contains(part)), "{error}");
        assert!(!error.to_string().contains("sk-ant-old"), "{error}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    }
}

#[tokio::test]
async fn the_keyring_keeps_the_contract() {
    if std::env::var_os("GUARD_TEST_KEYRING").is_none() {
        return skipped("the_keyring_keeps_the_contract: run .ci/with-keyring.sh cargo test --test all keyring");
    }
    let service = format!("guard-test-{}", std::process::id());
    contract(ConsumerKind::Keyring(KeyringSettings { service, user: "ANTHROPIC_API_KEY".to_owned() })).await;
}

/// Whether `systemd-creds` can seal with the host's key here; in most containers it cannot.
pub fn can_seal() -> bool {
    let sealed = Command::new("systemd-creds")
        .args(["encrypt", "--with-key=host", "--name=x", "-", "-"])
        .stdin(Stdio::null())
        .output();
    sealed.is_ok_and(|output| output.status.success())
}

fn systemd(path: &Path, credential: &str) -> ConsumerKind {
    ConsumerKind::SystemdCredential(SystemdCredentialSettings {
        path: path.to_owned(),
        credential: credential.to_owned(),
        seal_with: SealWith::Host,
    })
}

#[tokio::test]
async fn systemd_credentials_keep_the_contract() {
    if !can_seal() {
        return skipped("systemd_credentials_keep_the_contract: systemd-creds cannot seal with a host key here");
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("anthropic.cred");
    contract(systemd(&path, "anthropic")).await;

    consumer(systemd(&path, "anthropic")).deliver(&secret(KEY)).await.unwrap();
    let sealed = std::fs::read(&path).unwrap();
    assert!(!String::from_utf8_lossy(&sealed).contains(KEY));
    let opened =
        Command::new("systemd-creds").args(["decrypt", "--name=anthropic"]).arg(&path).arg("-").output().unwrap();
    assert_eq!(opened.stdout, KEY.as_bytes());

    // The unit would not start with a credential that is sealed under another name.
    let other = consumer(systemd(&path, "other"));
    for error in [other.read().await.err().unwrap(), other.deliver(&secret(KEY)).await.unwrap_err()] {
        assert!(matches!(&error, ConsumerError::Refused { .. }), "{error}");
    }
    consumer(systemd(&path, "anthropic")).deliver(&secret(KEY)).await.unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), sealed, "what is right already is not sealed again");
    assert!(matches!(consumer(systemd(&path, "anthropic")).read().await, Ok(Reading::Holds(_))));
}
