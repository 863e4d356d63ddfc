//! Signed checkpoints: records of the chain that vouch for everything before them.
//!
//! What is signed is the text `guard-evidence-checkpoint-1\nSEQ:HASH\n`, where SEQ and HASH are those of the record before the
//! checkpoint. Whoever rewrites an earlier record and computes all hashes anew cannot sign the next checkpoint.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{Hash, Head};
use crate::domain::secret::Secret;

/// The kind of such a record.
pub const CHECKPOINT: &str = "evidence.checkpoint";

/// What stands before the 32 bytes of an Ed25519 key in a SubjectPublicKeyInfo (<https://www.rfc-editor.org/rfc/rfc8410>).
const SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// The public half of the key that signs checkpoints: 64 hexadecimal digits, or PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// For `openssl pkeyutl -verify -pubin -inkey FILE -rawin`.
    pub fn pem(&self) -> String {
        let der = [&SPKI[..], self.0.as_bytes()].concat();
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(der))
    }

    /// A short name for people to compare: the first 16 digits of the SHA-256 of its 32 bytes.
    pub fn fingerprint(&self) -> String {
        Hash::of(self.0.as_bytes()).as_str().chars().take(16).collect()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0.as_bytes()))
    }
}

impl FromStr for PublicKey {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str =
            "a public key is 64 hexadecimal digits, or an Ed25519 key in PEM; `guard evidence key` prints both";
        let text = text.trim();
        let bytes = match text.strip_prefix("-----BEGIN PUBLIC KEY-----") {
            Some(rest) => {
                let body = rest.strip_suffix("-----END PUBLIC KEY-----").ok_or(WRONG)?;
                let der = STANDARD.decode(body.split_whitespace().collect::<String>()).map_err(|_| WRONG)?;
                der.strip_prefix(&SPKI).ok_or(WRONG)?.to_vec()
            }
            None => hex::decode(text).map_err(|_| WRONG)?,
        };
        let bytes: [u8; 32] = bytes.try_into().map_err(|_| WRONG)?;
        VerifyingKey::from_bytes(&bytes).map(Self).map_err(|_| WRONG)
    }
}

/// The key that signs checkpoints. Its only text is the one that the vault keeps.
pub struct CheckpointKey(SigningKey);

impl CheckpointKey {
    /// A new key from 32 random bytes, and what the vault keeps of it.
    pub fn new(seed: &Zeroizing<[u8; 32]>) -> Result<(Self, Secret), &'static str> {
        let text = Secret::new(hex::encode(**seed)).map_err(|_| "the key has no text")?;
        Ok((Self(SigningKey::from_bytes(seed)), text))
    }

    /// The key that the vault kept.
    ///
    /// # Errors
    /// When it is not what [`CheckpointKey::new`] gave out.
    pub fn kept(secret: &Secret) -> Result<Self, &'static str> {
        const WRONG: &str = "the vault's entry is no signing key of guard's";
        let mut seed = Zeroizing::new([0; 32]);
        hex::decode_to_slice(secret.expose(), seed.as_mut_slice()).map_err(|_| WRONG)?;
        Ok(Self(SigningKey::from_bytes(&seed)))
    }

    /// What others verify by.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    /// The detail of the checkpoint that follows `head`.
    pub fn sign(&self, head: &Head) -> Value {
        let signature = self.0.sign(text(head).as_bytes());
        json!({
            "signs": head.to_string(),
            "key": self.public().to_string(),
            "signature": hex::encode(signature.to_bytes()),
        })
    }
}

fn text(head: &Head) -> String {
    format!("guard-evidence-checkpoint-1\n{head}\n")
}

/// Whether the detail of a checkpoint vouches for `before`, the record that stands before it, by `key`.
///
/// # Errors
/// What is wrong, as the end of a sentence about the record.
pub(super) fn vouches(detail: &Value, before: &Head, key: Option<&PublicKey>) -> Result<(), &'static str> {
    let field = |name: &str| detail[name].as_str().unwrap_or_default();
    if field("signs") != before.to_string() {
        return Err("it is a checkpoint of another record than the one before it");
    }
    let Some(key) = key else { return Ok(()) };
    if field("key") != key.to_string() {
        return Err("it is a checkpoint, signed by another key than the one that was given");
    }
    let signature = hex::decode(field("signature")).ok().and_then(|bytes| Signature::from_slice(&bytes).ok());
    let signature = signature.ok_or("it is a checkpoint whose signature cannot be read")?;
    key.0
        .verify_strict(text(before).as_bytes(), &signature)
        .map_err(|_| "it is a checkpoint whose signature is false: the records before it were rewritten")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> CheckpointKey {
        CheckpointKey::new(&Zeroizing::new([byte; 32])).unwrap().0
    }

    fn head(seq: u64) -> Head {
        Head { seq, hash: Hash::of(b"record") }
    }

    #[test]
    fn a_public_key_reads_back_in_both_forms() {
        let public = key(1).public();
        assert_eq!(public.to_string().parse(), Ok(public.clone()));
        assert_eq!(public.pem().parse(), Ok(public.clone()));
        assert_eq!(public.fingerprint().len(), 16);
        for wrong in ["", "00", &"0g".repeat(32), "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"] {
            assert!(wrong.parse::<PublicKey>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_vault_gives_back_the_same_key() {
        let (made, secret) = CheckpointKey::new(&Zeroizing::new([7; 32])).unwrap();
        assert_eq!(CheckpointKey::kept(&secret).unwrap().public(), made.public());
        assert!(CheckpointKey::kept(&Secret::new("sk-something-else".to_owned()).unwrap()).is_err());
    }

    /// <https://www.rfc-editor.org/rfc/rfc8032#section-7.1>, the first test vector: other tools make the same key of the same seed.
    #[test]
    fn the_public_key_is_the_standards() {
        let seed = hex::decode("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60").unwrap();
        let (made, _) = CheckpointKey::new(&Zeroizing::new(seed.try_into().unwrap())).unwrap();
        assert_eq!(made.public().to_string(), "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
    }

    #[test]
    fn a_checkpoint_vouches_for_one_head_by_one_key() {
        let detail = key(1).sign(&head(4));
        let public = key(1).public();
        assert_eq!(vouches(&detail, &head(4), Some(&public)), Ok(()));
        assert_eq!(vouches(&detail, &head(4), None), Ok(()));
        assert!(vouches(&detail, &head(5), None).unwrap_err().contains("another record"));
        assert!(vouches(&detail, &head(4), Some(&key(2).public())).unwrap_err().contains("another key"));
        let mut forged = key(2).sign(&head(4));
        forged["key"] = detail["key"].clone();
        assert!(vouches(&forged, &head(4), Some(&public)).unwrap_err().contains("false"));
        forged["signature"] = "00".into();
        assert!(vouches(&forged, &head(4), Some(&public)).is_err());
    }
}
