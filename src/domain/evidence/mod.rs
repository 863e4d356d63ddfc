//! The evidence chain: who did what, when, each record bound to the one before it. Anyone can verify it offline.
//!
//! A record is one line of canonical JSON: keys sorted by their bytes, no white space, integers in plain decimal, any other
//! number as a string, characters below U+0020, `"` and `\` escaped in the shortest form, everything else as it is. Its
//! `hash` is the SHA-256, in lower-case hexadecimal, of `prev` followed by the canonical JSON of the record without `hash`.
//! So a shell can check it: `printf '%s%s' "$prev" "$record_without_hash" | sha256sum`.

mod canonical;
mod chain;
mod checkpoint;

pub use canonical::canonical;
pub use chain::{BadRecord, GENESIS, Hash, Head, Record, Statement, Verifier, append, verify};
pub use checkpoint::{CHECKPOINT, CheckpointKey, PublicKey};
