//! One contract for every vault, and what is particular to each.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use guard::adapters::vault::{FileVault, KeyringVault, create_key, credentials};
use guard::domain::ids::KeyId;
use guard::domain::ledger::SecretSource;
use guard::domain::secret::Secret;
use guard::ports::{SecretName, Vault, VaultError};

use crate::again::{alone, skipped};
use crate::process::shell;

fn secret(text: &str) -> Secret {
    Secret::new(text.into()).unwrap()
}

fn key(id: &str) -> SecretName {
    SecretName::Key(KeyId::new(id).unwrap())
}

fn held(vault: &dyn Vault, name: &SecretName) -> Option<String> {
    vault.get(name).unwrap().map(|secret| secret.expose().to_owned())
}

/// What every vault must do, starting empty.
fn contract(vault: &dyn Vault) {
    let names = [SecretName::Admin, key("apikey_A-1_b"), key("apikey_2"), SecretName::Named("webhook".into())];
    for name in &names {
        assert_eq!(held(vault, name), None);
        vault.remove(name).unwrap();
        for text in ["sk-ant-api03-first", "sk-ant-api03-second", &"~".repeat(16_384), "s"] {
            vault.put(name, &secret(text)).unwrap();
            vault.put(name, &secret(text)).unwrap();
            assert_eq!(held(vault, name).as_deref(), Some(text));
        }
        vault.put(name, &secret(&format!("secret-of-{name}"))).unwrap();
    }
    for name in &names {
        assert_eq!(held(vault, name), Some(format!("secret-of-{name}")));
    }
    let ids = |vault: &dyn Vault| vault.keys().unwrap().iter().map(KeyId::to_string).collect::<Vec<_>>();
    assert_eq!(ids(vault), ["apikey_2", "apikey_A-1_b"]);
    vault.remove(&names[2]).unwrap();
    vault.remove(&names[2]).unwrap();
    assert_eq!(held(vault, &names[2]), None);
    assert_eq!(ids(vault), ["apikey_A-1_b"]);
    assert!(!vault.describe().contains("secret-of"));
    names.iter().for_each(|name| vault.remove(name).unwrap());
    assert_eq!(ids(vault), Vec::<String>::new());
}

struct Place {
    _directory: tempfile::TempDir,
    key: PathBuf,
    vault: PathBuf,
}

fn place() -> Place {
    let directory = tempfile::tempdir().unwrap();
    let (key, vault) = (directory.path().join("config/vault.key"), directory.path().join("state/vault"));
    assert!(create_key(&key).unwrap());
    Place { _directory: directory, key, vault }
}

impl Place {
    fn open(&self) -> FileVault {
        FileVault::new(self.vault.clone(), None, &self.key).unwrap()
    }

    fn open_with(&self, unlock: SecretSource) -> FileVault {
        FileVault::new(self.vault.clone(), Some(unlock), &self.key).unwrap()
    }
}

#[test]
fn the_file_vault_keeps_the_contract() {
    contract(&place().open());
}

#[test]
fn the_keyring_keeps_the_contract() {
    if std::env::var_os("GUARD_TEST_KEYRING").is_none() {
        return skipped("no keyring service is tested; run `.ci/with-keyring.sh cargo test --test all vault`");
    }
    contract(&KeyringVault::new("guard-test"));
    let (one, other) = (KeyringVault::new("guard-one"), KeyringVault::new("guard-other"));
    one.put(&SecretName::Admin, &secret("of-one")).unwrap();
    assert_eq!(held(&other, &SecretName::Admin), None);
    one.remove(&SecretName::Admin).unwrap();
}

#[test]
fn without_a_keyring_service_the_error_says_what_to_do() {
    let nowhere = [("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent"), ("XDG_RUNTIME_DIR", "/nonexistent")];
    let test = "vault::without_a_keyring_service_the_error_says_what_to_do";
    let Some(()) = alone(test, "", &nowhere) else { return };
    let vault = KeyringVault::new("guard-test");
    for error in [vault.get(&SecretName::Admin).err().unwrap(), vault.keys().unwrap_err()] {
        assert!(matches!(&error, VaultError::Unavailable(why) if why.contains("kind = \"file\"")), "{error}");
    }
    assert!(matches!(vault.put(&SecretName::Admin, &secret("s")), Err(VaultError::NotWritten { .. })));
}

#[test]
fn a_silent_keyring_service_does_not_hang_guard() {
    let test = "vault::a_silent_keyring_service_does_not_hang_guard";
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("bus");
    let address = format!("unix:path={}", socket.display());
    let listening = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let Some(()) = alone(test, "", &[("DBUS_SESSION_BUS_ADDRESS", &address)]) else { return drop(listening) };
    let vault = KeyringVault::new("guard-test");
    let error = vault.get(&SecretName::Admin).err().unwrap().to_string();
    assert!(error.contains("did not answer"), "{error}");
    let error = vault.get(&SecretName::Admin).err().unwrap().to_string();
    assert!(error.contains("an earlier call"), "{error}");
}

#[test]
fn nothing_in_the_vaults_files_is_the_secret_and_all_are_private() {
    let place = place();
    place.open().put(&key("apikey_1"), &secret("sk-ant-api03-plain")).unwrap();
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&place.vault), mode(&place.key)), (0o700, 0o600));
    let files: Vec<_> = place.vault.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files, [place.vault.join("key.apikey_1.age")]);
    let sealed = std::fs::read(&files[0]).unwrap();
    assert!(sealed.starts_with(b"age-encryption.org/v1"));
    assert!(!String::from_utf8_lossy(&sealed).contains("sk-ant"));
    assert_eq!(mode(&files[0]), 0o600);
    assert!(!create_key(&place.key).unwrap(), "a second init must keep the key");
    assert_eq!(held(&place.open(), &key("apikey_1")).as_deref(), Some("sk-ant-api03-plain"));
}

#[test]
fn damage_another_key_and_swapped_files_are_told_apart() {
    let place = place();
    let vault = place.open();
    vault.put(&key("apikey_1"), &secret("one")).unwrap();
    vault.put(&key("apikey_2"), &secret("two")).unwrap();
    let why = |vault: &FileVault| match vault.get(&key("apikey_1")) {
        Err(VaultError::Unreadable { why, .. }) => why,
        other => panic!("{other:?}"),
    };
    let (one, two) = (place.vault.join("key.apikey_1.age"), place.vault.join("key.apikey_2.age"));
    let sound = std::fs::read(&one).unwrap();

    std::fs::copy(&two, &one).unwrap();
    assert!(why(&vault).contains("another entry"));
    for position in 0..sound.len() {
        let mut bytes = sound.clone();
        bytes[position] ^= 1;
        std::fs::write(&one, &bytes).unwrap();
        assert!(!why(&vault).contains("one"), "byte {position}");
    }
    std::fs::write(&one, &sound).unwrap();
    std::fs::set_permissions(&one, PermissionsExt::from_mode(0o604)).unwrap();
    assert!(why(&vault).contains("chmod 600"));
    std::fs::set_permissions(&one, PermissionsExt::from_mode(0o600)).unwrap();

    std::fs::remove_file(&place.key).unwrap();
    assert!(
        matches!(place.open().get(&key("apikey_1")), Err(VaultError::Unavailable(why)) if why.contains("guard init"))
    );
    assert!(create_key(&place.key).unwrap());
    assert!(why(&place.open()).contains("another vault key"));
    assert_eq!(held(&vault, &key("apikey_1")).as_deref(), Some("one"), "an unlocked vault stays unlocked");
}

#[test]
fn the_vaults_key_may_come_from_elsewhere() {
    let place = place();
    place.open().put(&SecretName::Admin, &secret("kept")).unwrap();
    let command = SecretSource::Command(shell(&format!("cat {}", place.key.display())));
    assert_eq!(held(&place.open_with(command), &SecretName::Admin).as_deref(), Some("kept"));
    let failing = place.open_with(SecretSource::Command(shell("exit 7")));
    let error = failing.get(&SecretName::Admin).err().unwrap().to_string();
    assert!(error.contains("status 7"), "{error}");
    let circular = FileVault::new(place.vault.clone(), Some(SecretSource::Vault), &place.key);
    assert!(matches!(circular, Err(VaultError::Unavailable(_))));
    std::fs::set_permissions(&place.key, PermissionsExt::from_mode(0o640)).unwrap();
    let error = place.open().get(&SecretName::Admin).err().unwrap().to_string();
    assert!(error.contains("chmod 600"), "{error}");
}

#[test]
fn the_service_managers_credentials_are_found() {
    let test = "vault::the_service_managers_credentials_are_found";
    let place = place();
    let directory = place.key.parent().unwrap();
    std::fs::copy(&place.key, directory.join("guard-vault-key")).unwrap();
    std::fs::write(directory.join("admin-key"), "sk-ant-admin01-handed-over\n").unwrap();
    let directory = directory.to_str().unwrap();
    let Some(()) = alone(test, "", &[("CREDENTIALS_DIRECTORY", directory), ("TOKEN", "of-the-environment")]) else {
        return;
    };
    let directory = PathBuf::from(std::env::var_os("CREDENTIALS_DIRECTORY").unwrap());
    let vault = FileVault::new(directory.join("vault"), None, Path::new("/nonexistent")).unwrap();
    let found = credentials::admin_key(None, &vault).unwrap();
    assert_eq!(found.secret.expose(), "sk-ant-admin01-handed-over");
    assert!(found.origin.contains("admin-key"));
    vault.put(&SecretName::Admin, &secret("of-the-vault")).unwrap();
    assert_eq!(credentials::admin_key(None, &vault).unwrap().secret.expose(), "of-the-vault");
    let configured = SecretSource::Environment("TOKEN".into());
    assert_eq!(credentials::admin_key(Some(&configured), &vault).unwrap().secret.expose(), "of-the-environment");
    for name in ["../vault.key", "", ".", "missing"] {
        let source = SecretSource::Credential(name.into());
        assert!(credentials::resolve(&source, &vault, &SecretName::Admin).is_err(), "{name}");
    }
}

#[test]
fn sources_are_trusted_only_when_nobody_else_can_touch_them() {
    let place = place();
    let vault = place.open();
    let file = place.key.with_file_name("token");
    let source = SecretSource::File(file.clone());
    let resolve = |source: &SecretSource| credentials::resolve(source, &vault, &SecretName::Admin);
    assert!(resolve(&source).unwrap_err().to_string().contains("does not exist"));
    std::fs::write(&file, "  sk-ant-file \n").unwrap();
    for (mode, accepted) in [(0o600, true), (0o400, true), (0o640, false), (0o604, false), (0o620, false)] {
        std::fs::set_permissions(&file, PermissionsExt::from_mode(mode)).unwrap();
        assert_eq!(resolve(&source).is_ok(), accepted, "{mode:o}");
    }
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
    assert_eq!(resolve(&source).unwrap().secret.expose(), "sk-ant-file");
    std::fs::write(&file, "sk-ant-very secret").unwrap();
    let error = resolve(&source).unwrap_err().to_string();
    assert!(!error.contains("very"), "{error}");

    let command = SecretSource::Command(shell("echo sk-ant-command"));
    assert_eq!(resolve(&command).unwrap().secret.expose(), "sk-ant-command");
    assert!(resolve(&SecretSource::Vault).unwrap_err().to_string().contains("does not exist"));
    assert!(resolve(&SecretSource::Environment("GUARD_TEST_NOT_SET".into())).is_err());
}
