//! A workspace's rotations one by one, as an auditor asks for them: who, when, why, and what proves it.

use serde::Serialize;

use super::apply::Illegal;
use super::drain::DrainProof;
use super::event::{DeathProof, Ending, Event};
use super::state::Custody;
use crate::domain::ids::{ConsumerName, IncidentId, KeyId, RotationId};
use crate::domain::time::Timestamp;

/// A rotation from its request to the end of the old key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Audited {
    /// Its number.
    pub rotation: RotationId,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// By whom.
    pub by: String,
    /// Why.
    pub reason: String,
    /// The key that was to be replaced.
    pub old: KeyId,
    /// The key that replaces it, once chosen.
    pub new: Option<KeyId>,
    /// When the new key was proven to work.
    pub proven_at: Option<Timestamp>,
    /// What became of each consumer.
    pub deliveries: Vec<Delivery>,
    /// When every consumer was read back with the new key.
    pub switched_at: Option<Timestamp>,
    /// What showed that the old key is out of use.
    pub drain: DrainEvidence,
    /// What showed that the old key is dead, and when.
    pub death: Option<(Timestamp, DeathProof)>,
    /// How it ended.
    pub outcome: AuditOutcome,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// When the old key was deleted at the provider.
    pub archived_at: Option<Timestamp>,
    /// The journal's numbers of what proves it, in order.
    pub journal: Vec<u64>,
}

/// A consumer in a rotation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Delivery {
    /// Which.
    pub consumer: ConsumerName,
    /// When the new key was first written.
    pub written_at: Timestamp,
    /// When it was read back there; never, where a place can only be written.
    pub read_back_at: Option<Timestamp>,
    /// When it was reloaded and checked.
    pub reloaded_at: Option<Timestamp>,
}

/// What stands for the old key being out of use before it was deactivated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum DrainEvidence {
    /// Nothing yet.
    None,
    /// The usage report.
    Proven {
        /// When it was judged.
        at: Timestamp,
        /// The figures.
        proof: DrainProof,
    },
    /// A person's word.
    Forced {
        /// When.
        at: Timestamp,
        /// Who.
        by: String,
        /// Why.
        reason: String,
    },
}

/// How a rotation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditOutcome {
    /// It is under way.
    Open,
    /// The old key is proven dead.
    Completed,
    /// The old key is in use again.
    RolledBack,
    /// A trip ended it.
    Interrupted(IncidentId),
    /// Another key had to take over.
    Superseded,
}

impl AuditOutcome {
    /// In words.
    pub fn words(self) -> String {
        match self {
            Self::Open => "open".to_owned(),
            Self::Completed => "completed".to_owned(),
            Self::RolledBack => "rolled back".to_owned(),
            Self::Interrupted(incident) => format!("ended by incident {incident}"),
            Self::Superseded => "superseded".to_owned(),
        }
    }
}

/// The rotations that a journal tells of, oldest first.
///
/// # Errors
/// [`Illegal`] when the events do not follow one another.
pub fn audit<'e>(events: impl IntoIterator<Item = (u64, Timestamp, &'e Event)>) -> Result<Vec<Audited>, Illegal> {
    let (mut custody, mut rotations) = (Custody::default(), Vec::<Audited>::new());
    for (seq, at, event) in events {
        let before = custody.rotation().map(|rotation| rotation.id);
        custody = custody.apply(event, at)?;
        if let Event::RotationRequested { rotation, reason, by, .. } = event
            && let Some(open) = custody.rotation()
        {
            rotations.push(Audited {
                rotation: *rotation,
                requested_at: at,
                by: by.clone(),
                reason: reason.clone(),
                old: open.old.clone(),
                new: None,
                proven_at: None,
                deliveries: Vec::new(),
                switched_at: None,
                drain: DrainEvidence::None,
                death: None,
                outcome: AuditOutcome::Open,
                ended_at: None,
                archived_at: None,
                journal: vec![seq],
            });
            continue;
        }
        for audited in &mut rotations {
            let own = before == Some(audited.rotation);
            if audited.note(own, at, event) {
                audited.journal.push(seq);
            }
            if own && custody.rotation().is_none() && audited.outcome == AuditOutcome::Open {
                audited.outcome = match event {
                    Event::RotationEnded { ending: Ending::Completed } => AuditOutcome::Completed,
                    Event::RotationEnded { ending: Ending::RolledBack } => AuditOutcome::RolledBack,
                    Event::Tripped(trip) => AuditOutcome::Interrupted(trip.incident),
                    _ => AuditOutcome::Superseded,
                };
                audited.ended_at = Some(at);
            }
        }
    }
    Ok(rotations)
}

impl Audited {
    /// Takes an event in; `own`: this rotation was open. Whether it proves something.
    fn note(&mut self, own: bool, at: Timestamp, event: &Event) -> bool {
        match event {
            Event::StandbyTaken { key, promotion: false } if own => self.new = Some(key.clone()),
            Event::OverlapProven { key } if own => (self.new, self.proven_at) = (Some(key.clone()), Some(at)),
            Event::DeliveryIntended { consumer, key } if own && self.new.as_ref() == Some(key) => {
                if self.deliveries.iter().any(|d| d.consumer == *consumer) {
                    return false;
                }
                let consumer = consumer.clone();
                self.deliveries.push(Delivery { consumer, written_at: at, read_back_at: None, reloaded_at: None });
            }
            Event::ConsumerSeen { consumer, holds }
                if own && holds.key().is_some() && holds.key() == self.new.as_ref() =>
            {
                return self.delivered(consumer, |delivery| &mut delivery.read_back_at, at);
            }
            Event::Reloaded { consumer, .. } if own => {
                return self.delivered(consumer, |delivery| &mut delivery.reloaded_at, at);
            }
            Event::Switched if own => self.switched_at = Some(at),
            Event::DrainForced { reason, by } if own => {
                self.drain = DrainEvidence::Forced { at, by: by.clone(), reason: reason.clone() };
            }
            Event::Drained { proof: Some(proof) } if own => {
                self.drain = DrainEvidence::Proven { at, proof: proof.clone() };
            }
            Event::DeadProven { key, proof } if *key == self.old => self.death = Some((at, proof.clone())),
            Event::Archived { key } if *key == self.old => self.archived_at = Some(at),
            Event::RotationEnded { .. } if own => {}
            Event::Tripped(_) if own => {}
            _ => return false,
        }
        true
    }

    /// Notes the first time that something was seen of a consumer.
    fn delivered(
        &mut self,
        consumer: &ConsumerName,
        moment: fn(&mut Delivery) -> &mut Option<Timestamp>,
        at: Timestamp,
    ) -> bool {
        match self.deliveries.iter_mut().find(|delivery| delivery.consumer == *consumer) {
            Some(delivery) => moment(delivery).get_or_insert(at) == &at,
            None => false,
        }
    }
}
