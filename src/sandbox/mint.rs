//! Identifiers and secrets that look like the provider's.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// Makes identifiers and secrets; the same seed makes the same ones.
pub struct Mint(StdRng);

impl Mint {
    /// A mint with this seed.
    pub fn new(seed: u64) -> Self {
        Self(StdRng::seed_from_u64(seed))
    }

    fn text(&mut self, length: usize) -> String {
        (0..length).map(|_| char::from(ALPHABET[self.0.random_range(0..ALPHABET.len())])).collect()
    }

    /// `prefix` and 24 characters, the first two `01`: `apikey_01Rj2N8SVvo6BePZj99NhmiT`.
    pub fn id(&mut self, prefix: &str) -> String {
        format!("{prefix}01{}", self.text(22))
    }

    /// A workload key: `sk-ant-api03-`, 93 characters, `AA`.
    pub fn key_secret(&mut self) -> String {
        format!("sk-ant-api03-{}AA", self.text(93))
    }

    /// A credential of the organization: `prefix` (`sk-ant-admin01-`, `sk-ant-oat01-`), 93 characters, `AA`.
    pub fn admin_secret(&mut self, prefix: &str) -> String {
        format!("{prefix}{}AA", self.text(93))
    }

    /// A UUID-shaped organization id.
    pub fn uuid(&mut self) -> String {
        let hex = |mint: &mut Self, n: usize| -> String {
            (0..n).map(|_| char::from_digit(mint.0.random_range(0..16), 16).unwrap_or('0')).collect()
        };
        let parts = [8, 4, 4, 4, 12].map(|n| hex(self, n));
        parts.join("-")
    }

    /// A fraction in `0.0..1.0`.
    pub fn fraction(&mut self) -> f64 {
        self.0.random()
    }
}

/// Head and tail of a secret: `sk-ant-api03-R2D...igAA`.
pub fn hint(secret: &str) -> String {
    // Secrets made here are ASCII and longer than this.
    match (secret.get(..16), secret.len().checked_sub(4).and_then(|at| secret.get(at..))) {
        (Some(head), Some(tail)) => format!("{head}...{tail}"),
        _ => "...".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_things_look_real_and_repeat_with_the_seed() {
        let make = |seed| {
            let mut mint = Mint::new(seed);
            (mint.id("apikey_"), mint.key_secret(), mint.uuid())
        };
        let (id, secret, uuid) = make(7);
        assert_eq!((id.len(), secret.len(), uuid.len()), (31, 108, 36));
        assert!(secret.starts_with("sk-ant-api03-") && secret.ends_with("AA"));
        assert!(crate::domain::secret::Secret::new(secret.clone()).unwrap().fits(&hint(&secret)));
        assert_eq!(make(7), (id, secret, uuid));
        assert_ne!(make(7), make(8));
    }
}
