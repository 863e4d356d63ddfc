use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::drain::DrainProof;
use super::effect::{Fault, Outcome};
use super::retry::Task;
use super::state::Holding;
use crate::domain::ids::{ConsumerName, IncidentId, KeyId, RotationId};
use crate::domain::incident::TripRecord;
use crate::domain::time::Timestamp;

/// The format of events that this guard writes. A journal with a newer one is refused, not guessed at.
pub const VERSION: u32 = 1;

/// What happened to a workspace's keys: facts only, in the journal as JSON. `…Intended` is durable before the request that it
/// announces; `…Answered` says what came back.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Event {
    /// A key whose secret is sealed in the vault joined the managed set.
    Enrolled {
        /// Which.
        key: KeyId,
        /// Head and tail of the secret, as the provider shows them.
        hint: Option<String>,
        /// When the provider says it was made.
        created_at: Timestamp,
        /// When it stops by itself.
        expires_at: Option<Timestamp>,
        /// What it is for.
        role: Enrolment,
    },
    /// A key that nobody uses left the managed set.
    Forgotten {
        /// Which.
        key: KeyId,
    },
    /// Somebody or the schedule wants a new key.
    RotationRequested {
        /// Its number.
        rotation: RotationId,
        /// Why, in the requester's words.
        reason: String,
        /// Who: an actor as in evidence.
        by: String,
        /// The consumers at this moment.
        consumers: Vec<ConsumerName>,
        /// A person's order to bring this retired key back, inside its grace time.
        recall: Option<KeyId>,
    },
    /// A standby was chosen: by the open rotation, or for a promotion.
    StandbyTaken {
        /// Which.
        key: KeyId,
        /// For a promotion, not for the open rotation.
        promotion: bool,
    },
    /// There is no standby to take; a person must make a key.
    StandbyMissing,
    /// The chosen key cannot serve, for certain; it is doomed.
    StandbyUnfit {
        /// Which.
        key: KeyId,
        /// What is wrong with it.
        why: String,
    },
    /// The key chosen for a promotion is not needed after all.
    StandbyReleased {
        /// Which.
        key: KeyId,
    },
    /// guard is about to ask the provider to activate a key.
    WakeIntended {
        /// Which.
        key: KeyId,
    },
    /// What came back.
    WakeAnswered {
        /// Which key.
        key: KeyId,
        /// What is known of the request.
        outcome: Outcome,
    },
    /// The new key is active and works from here: it is the desired one from now on.
    OverlapProven {
        /// The new key.
        key: KeyId,
    },
    /// guard is about to write a key into a consumer's place.
    DeliveryIntended {
        /// Where.
        consumer: ConsumerName,
        /// Which key.
        key: KeyId,
    },
    /// A consumer was read and holds something else than was known.
    ConsumerSeen {
        /// Which consumer.
        consumer: ConsumerName,
        /// What it holds.
        holds: Holding,
    },
    /// A consumer's reload and check succeeded with this key in place.
    Reloaded {
        /// Which consumer.
        consumer: ConsumerName,
        /// Which key.
        key: KeyId,
    },
    /// The ledger no longer has this consumer; guard cannot see what it holds any more.
    ConsumerRemoved {
        /// Which.
        consumer: ConsumerName,
    },
    /// Every consumer and the gate have the new key.
    Switched,
    /// A person decided not to wait for proof that the old key is out of use.
    DrainForced {
        /// Why.
        reason: String,
        /// Who.
        by: String,
    },
    /// The feed shows that the old key is out of use and the new one in use, or a person forced it (`proof: None`).
    Drained {
        /// The figures.
        proof: Option<DrainProof>,
    },
    /// The point of no return: the key is owed a deactivation and is never delivered again.
    Doomed {
        /// Which.
        key: KeyId,
    },
    /// guard is about to ask the provider to deactivate a key.
    OffIntended {
        /// Which.
        key: KeyId,
    },
    /// What came back.
    OffAnswered {
        /// Which key.
        key: KeyId,
        /// What is known of the request.
        outcome: Outcome,
    },
    /// A standby is proven inactive.
    Cooled {
        /// Which.
        key: KeyId,
    },
    /// A doomed key is proven dead.
    DeadProven {
        /// Which.
        key: KeyId,
        /// The figures.
        proof: DeathProof,
    },
    /// A key that was dead is active again, and guard did not do it.
    DriftSeen {
        /// Which.
        key: KeyId,
    },
    /// The rotation goes back to the old key: the new one failed, or a person asked.
    TurnedBack {
        /// Why.
        why: String,
        /// The new key does not work; it never returns to the pool.
        unfit: bool,
    },
    /// A roll-back turned forward again because the old key does not work any more.
    TurnedForward {
        /// Why.
        why: String,
    },
    /// The rotation is over.
    RotationEnded {
        /// How.
        ending: Ending,
    },
    /// Another key became the desired one without drain, because the one before does not work.
    Promoted {
        /// The new desired key; it is active and works from here.
        key: KeyId,
    },
    /// guard is about to ask the provider to delete a retired key for good.
    ArchiveIntended {
        /// Which.
        key: KeyId,
    },
    /// The provider says that the key is deleted.
    Archived {
        /// Which.
        key: KeyId,
    },
    /// The workspace is tripped.
    Tripped(TripRecord),
    /// The gate was seen closed after a trip.
    GateClosed,
    /// guard is about to open the gate with this key.
    GateOpening {
        /// The trips so far.
        generation: u64,
        /// The key that consumers hold.
        key: KeyId,
    },
    /// The gate is open with this key.
    GateOpened {
        /// The trips so far.
        generation: u64,
        /// The key that consumers hold.
        key: KeyId,
    },
    /// Somebody who has seen the newest incident, or the workspace's policy, lifts the latch.
    Rearmed {
        /// The newest incident.
        incident: IncidentId,
        /// Who.
        by: String,
        /// Why.
        reason: String,
        /// Although nobody knows the cause yet.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        forced: bool,
    },
    /// A person says what caused an incident. Said again, the later word counts.
    CauseFound {
        /// Which.
        incident: IncidentId,
        /// Who.
        by: String,
        /// What.
        cause: String,
    },
    /// A person has taken note of an incident and looks after it.
    Acknowledged {
        /// Which.
        incident: IncidentId,
        /// Who.
        by: String,
    },
    /// A person says what caused an incident and what was learnt from it. Said again, the later word counts.
    Closed {
        /// Which.
        incident: IncidentId,
        /// Who.
        by: String,
        /// What caused it.
        cause: String,
        /// What was learnt.
        lesson: String,
        /// Changes of the ledger that would have stopped it earlier.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        policy: Vec<String>,
    },
    /// A task did not succeed; it is tried again later.
    Failed {
        /// What was tried.
        task: Task,
        /// What stood in the way.
        fault: Fault,
        /// In words.
        why: String,
        /// The pause that the other side asked for, in seconds.
        after: Option<u32>,
    },
    /// A task that had failed succeeds again.
    Recovered {
        /// What was tried.
        task: Task,
    },
    /// A task has failed so often, or lasts so long, that a person must know. It is still retried.
    Blocked {
        /// What does not succeed.
        task: Task,
        /// Why.
        why: String,
    },
}

/// What a key is enrolled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Enrolment {
    /// To be the desired key: the first of its workspace.
    Active,
    /// To wait, inactive at the provider.
    Standby,
    /// To be stolen: any use of it is an alarm. guard never deploys it and leaves its state alone until it is tripped.
    Canary,
}

/// How a rotation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// The old key is proven dead.
    Completed,
    /// Consumers hold the old key again.
    RolledBack,
}

/// What shows that a key is dead.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DeathProof {
    /// The provider's word for its state.
    pub status: String,
    /// Refusals in a row; 0 when guard does not have the secret and went by the status alone.
    pub refusals: u32,
    /// When the first request to deactivate it was sent; `None` when somebody else had done it.
    pub sent_at: Option<Timestamp>,
    /// Seconds from then to the first of these refusals: the effective revocation.
    pub effective_seconds: Option<u64>,
}

/// Why a stored event cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// A newer guard wrote it.
    #[error("event format {found} is newer than {VERSION}; upgrade guard")]
    Newer {
        /// Format found.
        found: u32,
    },
    /// Not an event.
    #[error("not an event: {0}")]
    Damaged(String),
}

#[derive(Serialize, Deserialize)]
struct Envelope<E> {
    v: u32,
    event: E,
}

impl Event {
    /// The stored form: `{"v":1,"event":{"kind":…}}`.
    pub fn encode(&self) -> String {
        // A struct of strings, numbers and lists always has a JSON form; no map key is anything but text.
        serde_json::to_value(Envelope { v: VERSION, event: self }).map(|v| v.to_string()).unwrap_or_default()
    }

    /// Reads the stored form.
    ///
    /// # Errors
    /// [`DecodeError::Newer`] when a newer guard wrote it, so that the caller refuses to write after it.
    pub fn decode(text: &str) -> Result<Self, DecodeError> {
        let damaged = |e: serde_json::Error| DecodeError::Damaged(e.to_string());
        let envelope: Envelope<Value> = serde_json::from_str(text).map_err(damaged)?;
        if envelope.v > VERSION {
            return Err(DecodeError::Newer { found: envelope.v });
        }
        serde_json::from_value(envelope.event).map_err(damaged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_event_is_told_from_a_damaged_one() {
        let text = Event::Switched.encode();
        assert_eq!(text, r#"{"event":{"kind":"switched"},"v":1}"#);
        assert_eq!(Event::decode(&text), Ok(Event::Switched));
        let newer = r#"{"v":2,"event":{"kind":"teleported"}}"#;
        assert_eq!(Event::decode(newer), Err(DecodeError::Newer { found: 2 }));
        assert!(matches!(Event::decode(r#"{"v":1,"event":{"kind":"teleported"}}"#), Err(DecodeError::Damaged(_))));
    }
}
