use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use age::secrecy::ExposeSecret;
use zeroize::Zeroizing;

use super::Paths;
use crate::adapters::config_file;
use crate::domain::ledger::VaultSettings;
use crate::domain::secret::Secret;
use crate::exit::{Exit, Failure};

/// Makes what guard needs before its first use: the directories (0700), and the key of a file vault whose ledger names no
/// other place for it. What is there stays as it is. Returns what was made, for people.
pub fn prepare(paths: &Paths, vault: &VaultSettings) -> Result<Vec<String>, Failure> {
    let mut made = Vec::new();
    for (what, directory) in [("configuration", &paths.config_dir), ("state", &paths.state_dir)] {
        if !directory.exists() {
            DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(|e| failed(directory, &e))?;
            made.push(format!("{what} directory {}", directory.display()));
        }
    }
    let handed_over = std::env::var_os("CREDENTIALS_DIRECTORY")
        .is_some_and(|directory| Path::new(&directory).join("guard-vault-key").exists());
    let key = paths.config_dir.join("vault.key");
    if matches!(vault, VaultSettings::File { unlock: None, .. }) && !handed_over {
        match create_vault_key(&key) {
            Ok(()) => made.push(format!("the vault's key {}; keep a copy where you keep other keys", key.display())),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(failed(&key, &error)),
        }
    }
    Ok(made)
}

/// Writes the first ledger; never over another one.
pub fn create_ledger(paths: &Paths, text: &str) -> Result<(), Failure> {
    config_file::create(&paths.ledger, text).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => {
            Failure::new(Exit::Refused, format!("{} is there already; it was not touched", paths.ledger.display()))
        }
        _ => failed(&paths.ledger, &error),
    })
}

/// What callers of the status server on loopback must know: made at the first use, in a file that only its owner can read.
pub fn status_token(paths: &Paths) -> Result<Secret, Failure> {
    let path = paths.state_dir.join("status.token");
    if !path.exists() {
        let token = format!("{:032x}{:032x}", rand::random::<u128>(), rand::random::<u128>());
        match write_private(&path, &Zeroizing::new(token)) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(failed(&path, &error)),
            _ => {}
        }
    }
    read_secret(&path)
}

/// Reads a secret that a person keeps in a file.
pub fn read_secret(path: &Path) -> Result<Secret, Failure> {
    let text = config_file::read(path).map_err(|error| Failure::new(Exit::Config, error.to_string()))?;
    Secret::new(text).map_err(|error| Failure::new(Exit::Config, format!("{}: {error}", path.display())))
}

/// An age identity that only its owner can read.
fn create_vault_key(path: &Path) -> io::Result<()> {
    let identity = age::x25519::Identity::generate();
    write_private(path, &Zeroizing::new(format!("{}\n", identity.to_string().expose_secret())))
}

/// A new file of mode 0600.
fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn failed(path: &Path, error: &io::Error) -> Failure {
    Failure::new(Exit::Failed, format!("{} cannot be made: {error}", path.display()))
        .hint("--config and --state-dir name other places")
}
