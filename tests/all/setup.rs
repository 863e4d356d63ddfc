//! What `guard init` makes on a fresh machine: only for its owner, and never over something that is there.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::str::FromStr;

use guard::domain::ledger::{SecretSource, VaultSettings, first_ledger, parse};
use guard::exit::Exit;
use guard::wiring::{self, Paths};
use tempfile::TempDir;

fn paths(root: &Path) -> Paths {
    let config_dir = root.join("etc/guard");
    Paths { ledger: config_dir.join("guard.toml"), config_dir, state_dir: root.join("var/guard") }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn directories_and_key_are_for_their_owner_alone_and_stay_as_they_are() {
    let root = TempDir::new().unwrap();
    let paths = paths(root.path());
    assert_eq!(wiring::prepare(&paths, &VaultSettings::default()).unwrap().len(), 3);
    let key = paths.config_dir.join("vault.key");
    assert_eq!((mode(&paths.config_dir), mode(&paths.state_dir), mode(&key)), (0o700, 0o700, 0o600));
    let text = fs::read_to_string(&key).unwrap();
    assert!(age::x25519::Identity::from_str(text.lines().last().unwrap()).is_ok());

    assert_eq!(wiring::prepare(&paths, &VaultSettings::default()).unwrap(), Vec::<String>::new());
    assert_eq!(fs::read_to_string(&key).unwrap(), text);
}

#[test]
fn a_vault_that_is_unlocked_elsewhere_needs_no_key_file() {
    for vault in [
        VaultSettings::Keyring { service: "guard".to_owned() },
        VaultSettings::File { path: None, unlock: Some(SecretSource::Credential("k".to_owned())) },
    ] {
        let root = TempDir::new().unwrap();
        let paths = paths(root.path());
        wiring::prepare(&paths, &vault).unwrap();
        assert!(!paths.config_dir.join("vault.key").exists());
    }
}

#[test]
fn a_ledger_is_written_once() {
    let root = TempDir::new().unwrap();
    let paths = paths(root.path());
    wiring::prepare(&paths, &VaultSettings::default()).unwrap();
    let text = first_ledger(Some("http://127.0.0.1:4010"), &[]);
    wiring::create_ledger(&paths, &text).unwrap();
    assert_eq!(wiring::load_ledger(&paths).unwrap().parsed, parse(&text).unwrap());

    let refused = wiring::create_ledger(&paths, "other").unwrap_err();
    assert_eq!(refused.exit, Exit::Refused);
    assert_eq!(fs::read_to_string(&paths.ledger).unwrap(), text);
}
