use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::canonical;
use super::checkpoint::{CHECKPOINT, PublicKey, vouches};
use crate::domain::time::{Timestamp, rfc3339};

/// A SHA-256 in 64 lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Hash(String);

/// What the first record names as its predecessor: 64 zeros.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

impl Hash {
    /// The hash before the first record.
    pub fn genesis() -> Self {
        Self(GENESIS.to_owned())
    }

    /// The hash of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(hex::encode(Sha256::digest(bytes)))
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Hash {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            Ok(Self(text))
        } else {
            Err("a hash has 64 lower-case hexadecimal digits")
        }
    }
}

impl From<Hash> for String {
    fn from(hash: Hash) -> Self {
        hash.0
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The newest record of a chain: whoever kept an earlier head can show that the chain was cut or rewritten.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Its number.
    pub seq: u64,
    /// Its hash.
    pub hash: Hash,
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.seq, self.hash)
    }
}

impl FromStr for Head {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let (seq, hash) = text.split_once(':').ok_or("a head is written SEQ:HASH")?;
        let seq = seq.parse().map_err(|_| "a head begins with the number of a record".to_owned())?;
        Ok(Self { seq, hash: hash.to_owned().try_into()? })
    }
}

/// One record as it stands in the chain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// 1 for the first record, without gaps.
    pub seq: u64,
    /// When it was written, RFC 3339 in UTC; data, not order.
    pub time: String,
    /// Who did it.
    pub actor: String,
    /// What kind of thing happened, dotted lower case.
    pub kind: String,
    /// What it happened to.
    pub subject: String,
    /// Figures.
    pub detail: Value,
    /// Hash of the record before.
    pub prev: Hash,
    /// Hash of this record.
    pub hash: Hash,
}

/// The first record of a chain that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("record {seq}: {why}")]
pub struct BadRecord {
    /// The number that the record has, or should have at its place.
    pub seq: u64,
    /// What is wrong with it.
    pub why: String,
}

/// What a record says before it has a place in the chain.
#[derive(Debug, Clone, Copy)]
pub struct Statement<'a> {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: &'a str,
    /// What kind.
    pub kind: &'a str,
    /// About what.
    pub subject: &'a str,
    /// Figures; never a secret.
    pub detail: &'a Value,
}

/// The line that follows `head` (`None`: the first one), without a line break, and the new head.
pub fn append(head: Option<&Head>, statement: Statement<'_>) -> (String, Head) {
    let (seq, prev) = match head {
        Some(head) => (head.seq + 1, head.hash.clone()),
        None => (1, Hash::genesis()),
    };
    let mut record = serde_json::json!({
        "seq": seq,
        "time": rfc3339(statement.at),
        "actor": statement.actor,
        "kind": statement.kind,
        "subject": statement.subject,
        "detail": statement.detail,
        "prev": prev,
    });
    let hash = hash_of(&prev, &record);
    record["hash"] = Value::String(hash.0.clone());
    (canonical(&record), Head { seq, hash })
}

fn hash_of(prev: &Hash, record_without_hash: &Value) -> Hash {
    Hash::of(format!("{prev}{}", canonical(record_without_hash)).as_bytes())
}

/// Checks a chain line by line, so that it never has to fit into memory.
#[derive(Debug, Clone)]
pub struct Verifier {
    next: u64,
    prev: Option<Hash>,
    known: Option<Head>,
    key: Option<PublicKey>,
    /// The chain may begin with a checkpoint that the key vouches for: what was before it was pruned.
    may_be_pruned: bool,
    first: u64,
    signed: Option<u64>,
}

impl Verifier {
    /// A whole chain, from its first record.
    pub fn new() -> Self {
        Self {
            next: 1,
            prev: Some(Hash::genesis()),
            known: None,
            key: None,
            may_be_pruned: false,
            first: 1,
            signed: None,
        }
    }

    /// An excerpt that begins with record `seq`, whose predecessor is taken on trust unless `seq` is 1.
    pub fn since(seq: u64) -> Self {
        if seq <= 1 { Self::new() } else { Self { next: seq, prev: None, first: seq, ..Self::new() } }
    }

    /// A head that somebody kept: the chain must contain exactly this record.
    #[must_use]
    pub fn must_contain(mut self, head: Head) -> Self {
        self.known = Some(head);
        self
    }

    /// Every checkpoint must be signed by this key, and a chain that is checked from its first record may begin with one: the records
    /// before it were pruned, and its signature stands for them.
    #[must_use]
    pub fn signed_by(mut self, key: PublicKey) -> Self {
        self.may_be_pruned = self.next == 1;
        self.key = Some(key);
        self
    }

    /// The first record that was taken, or is expected.
    pub const fn first(&self) -> u64 {
        self.first
    }

    /// The newest record that a checkpoint vouches for; by its word alone when no key was given.
    pub const fn signed(&self) -> Option<u64> {
        self.signed
    }

    /// Takes the next line, without its line break.
    ///
    /// # Errors
    /// [`BadRecord`] when it is not the record that belongs here.
    pub fn push(&mut self, line: &[u8]) -> Result<Record, BadRecord> {
        let seq = self.next;
        let bad = |why: String| BadRecord { seq, why };
        let mut value: Value =
            serde_json::from_slice(line).map_err(|error| bad(format!("the line cannot be read ({error})")))?;
        if canonical(&value).as_bytes() != line {
            return Err(bad("the line is not in canonical form".to_owned()));
        }
        let record: Record =
            serde_json::from_value(value.clone()).map_err(|error| bad(format!("the line is no record ({error})")))?;
        let pruned = self.may_be_pruned && seq == 1 && record.seq > 1 && record.kind == CHECKPOINT;
        if record.seq != seq && !pruned {
            return Err(bad(format!("it is missing here; record {} stands in its place", record.seq)));
        }
        let seq = record.seq;
        let bad = |why: String| BadRecord { seq, why };
        if pruned {
            (self.next, self.first, self.prev) = (seq, seq, None);
        }
        if self.prev.as_ref().is_some_and(|prev| *prev != record.prev) {
            return Err(bad("it does not follow the record before it".to_owned()));
        }
        if let Value::Object(members) = &mut value {
            members.remove("hash");
        }
        if hash_of(&record.prev, &value) != record.hash {
            return Err(bad("its content does not match its hash".to_owned()));
        }
        if self.known.as_ref().is_some_and(|known| known.seq == seq && known.hash != record.hash) {
            return Err(bad(
                "it is sound, but not the record that the known head names: the chain was rewritten".to_owned()
            ));
        }
        if record.kind == CHECKPOINT && seq > 1 {
            let before = Head { seq: seq - 1, hash: record.prev.clone() };
            vouches(&record.detail, &before, self.key.as_ref()).map_err(|why| {
                let since = self.signed.map_or(self.first, |signed| signed + 1);
                bad(format!("{why} (records {since} to {} are not vouched for)", seq - 1))
            })?;
            self.signed = Some(seq - 1);
        }
        self.next += 1;
        self.prev = Some(record.hash.clone());
        Ok(record)
    }

    /// The end of the chain. `None` when it has no record.
    ///
    /// # Errors
    /// [`BadRecord`] when the chain ends before the known head.
    pub fn finish(self) -> Result<Option<Head>, BadRecord> {
        match self.known {
            Some(known) if known.seq >= self.next => Err(BadRecord {
                seq: self.next,
                why: format!("it is missing: the chain ends here, but its head was once record {}", known.seq),
            }),
            _ => Ok(self.prev.filter(|_| self.next > self.first).map(|hash| Head { seq: self.next - 1, hash })),
        }
    }
}

impl Default for Verifier {
    fn default() -> Self {
        Self::new()
    }
}

/// Verifies a whole chain in memory; `known` is a head that somebody kept.
///
/// # Errors
/// The first [`BadRecord`].
pub fn verify<L: AsRef<[u8]>>(
    lines: impl IntoIterator<Item = L>,
    known: Option<Head>,
) -> Result<Option<Head>, BadRecord> {
    let mut verifier = Verifier { known, ..Verifier::new() };
    for line in lines {
        verifier.push(line.as_ref())?;
    }
    verifier.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn chain(length: u64) -> (Vec<Vec<u8>>, Head) {
        let mut head = None;
        let lines = (1..=length).map(|n| {
            let detail = json!({"n": n, "text": "é\n\"", "share": 0.1, "list": [n, {"b": null, "a": true}]});
            let at = Timestamp::from_timestamp(1_790_000_000 + n.cast_signed(), 0).unwrap();
            let statement =
                Statement { at, actor: "guard test", kind: "key.kill", subject: "apikey_1", detail: &detail };
            let (line, new) = append(head.as_ref(), statement);
            head = Some(new);
            line.into_bytes()
        });
        (lines.collect(), head.unwrap())
    }

    fn first_bad(lines: &[Vec<u8>], head: &Head) -> u64 {
        verify(lines, Some(head.clone())).unwrap_err().seq
    }

    #[test]
    fn the_form_is_fixed() {
        let statement = Statement {
            at: Timestamp::UNIX_EPOCH,
            actor: "guard trip (uid 0)",
            kind: "gate.closed",
            subject: "prod",
            detail: &json!({"why": "spike", "usd": 1.5}),
        };
        let (line, head) = append(None, statement);
        let bare = format!(
            r#"{{"actor":"guard trip (uid 0)","detail":{{"usd":"1.5","why":"spike"}},"kind":"gate.closed","prev":"{GENESIS}","seq":1,"subject":"prod","time":"1970-01-01T00:00:00Z"}}"#
        );
        assert_eq!(head.hash, Hash::of(format!("{GENESIS}{bare}").as_bytes()));
        assert_eq!(line.replace(&format!(r#""hash":"{}","#, head.hash), ""), bare);
    }

    #[test]
    fn a_sound_chain_verifies_whole_and_in_part() {
        let (lines, head) = chain(5);
        assert_eq!(verify(&lines, Some(head.clone())), Ok(Some(head.clone())));
        assert_eq!(verify(&lines[..0], None), Ok(None));
        let mut part = Verifier::since(3);
        lines[2..].iter().for_each(|line| drop(part.push(line).unwrap()));
        assert_eq!(part.finish(), Ok(Some(head)));
        assert_eq!(Verifier::new().push(&lines[2]).unwrap_err().seq, 1);
    }

    #[test]
    fn a_rewritten_chain_is_sound_but_not_the_known_one() {
        let (_, old) = chain(3);
        let (lines, _) = chain(4);
        assert!(verify(&lines, Some(old)).is_ok());
        let other = Head { seq: 2, hash: Hash::of(b"another chain") };
        assert_eq!(verify(&lines, Some(other)).unwrap_err().seq, 2);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_changed_byte_is_found(length in 1_u64..6, line: prop::sample::Index, byte: prop::sample::Index, xor in 1_u8..) {
            let (mut lines, head) = chain(length);
            let at = line.index(lines.len());
            let position = byte.index(lines[at].len());
            lines[at][position] ^= xor;
            prop_assert_eq!(first_bad(&lines, &head), at as u64 + 1);
        }

        #[test]
        fn any_cut_line_is_found(length in 1_u64..6, line: prop::sample::Index, cut: prop::sample::Index) {
            let (mut lines, head) = chain(length);
            let at = line.index(lines.len());
            let keep = cut.index(lines[at].len());
            lines[at].truncate(keep);
            prop_assert_eq!(first_bad(&lines, &head), at as u64 + 1);
        }

        #[test]
        fn any_dropped_or_doubled_record_is_found(length in 1_u64..6, line: prop::sample::Index, twice: bool) {
            let (mut lines, head) = chain(length);
            let at = line.index(lines.len());
            if twice {
                lines.insert(at, lines[at].clone());
            } else {
                lines.remove(at);
            }
            // A doubled record is sound at its first place; the second place is where another one belongs.
            let expected = if twice { at as u64 + 2 } else { at as u64 + 1 };
            prop_assert_eq!(first_bad(&lines, &head), expected);
        }

        #[test]
        fn any_two_swapped_records_are_found(length in 2_u64..6, one: prop::sample::Index, other: prop::sample::Index) {
            let (mut lines, head) = chain(length);
            let (a, b) = (one.index(lines.len()), other.index(lines.len()));
            prop_assume!(a != b);
            lines.swap(a, b);
            prop_assert_eq!(first_bad(&lines, &head), a.min(b) as u64 + 1);
        }

        #[test]
        fn any_missing_end_is_found_against_a_known_head(length in 1_u64..6, keep: prop::sample::Index) {
            let (mut lines, head) = chain(length);
            lines.truncate(keep.index(lines.len()));
            prop_assert_eq!(first_bad(&lines, &head), lines.len() as u64 + 1);
        }
    }
}
