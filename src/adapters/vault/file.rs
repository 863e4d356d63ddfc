use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::OnceLock;

use age::secrecy::ExposeSecret;
use age::x25519::Identity;
use zeroize::Zeroizing;

use super::credentials::{credential_path, outside};
use crate::adapters::fs::{self, Attributes, Trust};
use crate::domain::ids::KeyId;
use crate::domain::ledger::SecretSource;
use crate::domain::secret::Secret;
use crate::ports::{SecretName, Vault, VaultError};

/// The systemd credential that holds the vault's key.
const CREDENTIAL: &str = "guard-vault-key";
const ENDING: &str = ".age";
const LIMIT: u64 = 64 * 1024;

/// One file an entry, encrypted with `age` to the vault's own X25519 key, so that any age tool can open it in an emergency:
/// `age -d -i vault.key key.apikey_….age`. The plain text is the entry's name, a line break, and the secret: a file that was
/// renamed to another entry is noticed.
pub struct FileVault {
    directory: PathBuf,
    unlock: SecretSource,
    identity: OnceLock<Identity>,
}

impl FileVault {
    /// The vault in `directory`, made at the first `put`. Without `unlock` its key is the systemd credential
    /// `guard-vault-key` if there is one, else `key_file`. Whatever the source, it holds an age identity: a line that begins
    /// with `AGE-SECRET-KEY-1`; lines that begin with `#` are comments.
    ///
    /// # Errors
    /// [`VaultError::Unavailable`] when `unlock` is the vault itself.
    pub fn new(directory: PathBuf, unlock: Option<SecretSource>, key_file: &Path) -> Result<Self, VaultError> {
        let unlock = match unlock {
            Some(SecretSource::Vault) => {
                return Err(VaultError::Unavailable("the vault's own key cannot be kept in the vault".to_owned()));
            }
            Some(source) => source,
            None if credential_path(CREDENTIAL).is_some_and(|path| path.exists()) => {
                SecretSource::Credential(CREDENTIAL.to_owned())
            }
            None => SecretSource::File(key_file.to_owned()),
        };
        Ok(Self { directory, unlock, identity: OnceLock::new() })
    }

    fn identity(&self) -> Result<&Identity, VaultError> {
        if let Some(identity) = self.identity.get() {
            return Ok(identity);
        }
        let locked = |why: &str| {
            VaultError::Unavailable(format!(
                "its key cannot be used: {why}; `guard init` makes one where there is none"
            ))
        };
        let bytes = outside(&self.unlock).map_err(|error| locked(&error.to_string()))?;
        let text = std::str::from_utf8(&bytes).map_err(|_| locked("it is not text"))?;
        let line = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'));
        let identity = Identity::from_str(line.ok_or_else(|| locked("it is empty"))?)
            .map_err(|why| locked(&format!("it is no age identity ({why})")))?;
        Ok(self.identity.get_or_init(|| identity))
    }

    fn path(&self, name: &SecretName) -> Result<PathBuf, VaultError> {
        let file = name.to_string();
        if file.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-')) {
            Ok(self.directory.join(file + ENDING))
        } else {
            Err(VaultError::Unavailable("an entry's name may have letters, digits, `.`, `_` and `-` only".to_owned()))
        }
    }
}

impl Vault for FileVault {
    fn describe(&self) -> String {
        format!("encrypted file vault {}", self.directory.display())
    }

    fn get(&self, name: &SecretName) -> Result<Option<Secret>, VaultError> {
        let unreadable = |why: String| VaultError::Unreadable { name: name.clone(), why };
        let path = self.path(name)?;
        let Some(sealed) = fs::read(&path, Trust::Private, LIMIT).map_err(|error| unreadable(error.to_string()))?
        else {
            return Ok(None);
        };
        let plain = age::decrypt(self.identity()?, &sealed).map(Zeroizing::new).map_err(|error| {
            let why = match error {
                age::DecryptError::NoMatchingKeys => {
                    "it was sealed with another vault key; bring that key back, or `guard key add` the secret again"
                        .to_owned()
                }
                other => format!("{} is damaged ({other}); `guard key add` the secret again", path.display()),
            };
            unreadable(why)
        })?;
        let head = format!("{name}\n");
        let text = std::str::from_utf8(&plain)
            .ok()
            .and_then(|text| text.strip_prefix(&head))
            .ok_or_else(|| unreadable(format!("{} holds another entry; somebody renamed it", path.display())))?;
        Secret::new(text.to_owned()).map(Some).map_err(|error| unreadable(error.to_string()))
    }

    fn put(&self, name: &SecretName, secret: &Secret) -> Result<(), VaultError> {
        let failed = |why: String| VaultError::NotWritten { name: name.clone(), why };
        let path = self.path(name)?;
        let plain = Zeroizing::new(format!("{name}\n{}", secret.expose()));
        let sealed =
            age::encrypt(&self.identity()?.to_public(), plain.as_bytes()).map_err(|error| failed(error.to_string()))?;
        fs::directory(&self.directory)
            .and_then(|()| fs::replace(&path, &sealed, Attributes::Fresh(0o600)))
            .map_err(|error| failed(error.to_string()))?;
        match self.get(name)? {
            Some(back) if back.same_as(secret) => Ok(()),
            _ => Err(failed("it reads back differently".to_owned())),
        }
    }

    fn remove(&self, name: &SecretName) -> Result<(), VaultError> {
        let failed = |why: String| VaultError::NotWritten { name: name.clone(), why };
        fs::remove(&self.path(name)?).map(drop).map_err(|error| failed(error.to_string()))
    }

    fn keys(&self) -> Result<Vec<KeyId>, VaultError> {
        let unavailable =
            |error: std::io::Error| VaultError::Unavailable(format!("{}: {error}", self.directory.display()));
        let entries = match std::fs::read_dir(&self.directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(unavailable(error)),
        };
        let mut keys = Vec::new();
        for entry in entries {
            let name = entry.map_err(unavailable)?.file_name();
            let id = name.to_str().and_then(|name| name.strip_prefix("key.")?.strip_suffix(ENDING));
            keys.extend(id.and_then(|id| KeyId::new(id).ok()));
        }
        keys.sort_unstable();
        Ok(keys)
    }
}

/// Makes a vault key in `path`, which only guard's user can read; `false` when there is one already, which is kept.
///
/// # Errors
/// [`VaultError::Unavailable`] when it cannot be written.
pub fn create_key(path: &Path) -> Result<bool, VaultError> {
    let unavailable = |why: String| VaultError::Unavailable(why);
    let identity = Identity::generate();
    let text = Zeroizing::new(format!(
        "# The key of guard's vault. Keep a copy where you keep other keys; without it the vault cannot be read.\n\
         # public key: {}\n{}\n",
        identity.to_public(),
        identity.to_string().expose_secret()
    ));
    if let Some(directory) = path.parent() {
        fs::directory(directory).map_err(|error| unavailable(error.to_string()))?;
    }
    fs::create(path, text.as_bytes()).map_err(|error| unavailable(error.to_string()))
}
