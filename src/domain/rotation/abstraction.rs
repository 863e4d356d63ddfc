use chrono::TimeDelta;

use super::retry::ALARM_AFTER;
use super::state::{Custody, Wire};
use super::waiting::later;
use crate::domain::ids::RotationId;
use crate::domain::time::Timestamp;

/// How much time a checker that explores states lets pass at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lapse {
    /// None: steps of one process.
    None,
    /// Every pause between two attempts.
    Pauses,
    /// The time after which a request of unknown outcome cannot take effect any more, and with it every pause.
    Settle,
}

impl Custody {
    /// The same state at a clock that always shows `now`, after `lapse`, for a checker that explores states: histories that no
    /// decision can tell apart become one. An instant is either `now` or long gone; an attempt is the first one or one too
    /// many; numbers that only grow, figures for people and incidents before the newest one go. Overlap and grace times do
    /// not pass at such a clock: the checker sets them to zero.
    #[must_use]
    pub fn abstracted(mut self, now: Timestamp, lapse: Lapse) -> Self {
        self.seq = 0;
        self.rotations = 0;
        if let Some(rotation) = &mut self.rotation {
            rotation.id = RotationId(1);
        }
        for retry in self.retries.values_mut() {
            let paused = lapse == Lapse::None && retry.next > now;
            retry.next = if paused { later(now, TimeDelta::seconds(1)) } else { now };
            retry.attempts = if retry.attempts > 1 { ALARM_AFTER } else { 1 };
            retry.fault = None;
            retry.why.clear();
        }
        for consumer in self.consumers.values_mut() {
            consumer.overwritten = 0;
        }
        for record in self.keys.values_mut() {
            record.drifts = 0;
            record.off_sent_at = None;
            record.death = None;
            if lapse == Lapse::Settle {
                (record.waking, record.stopping) = (Wire::default(), Wire::default());
            }
        }
        self.incidents.drain(..self.incidents.len().saturating_sub(1));
        for incident in &mut self.incidents {
            (incident.contained_at, incident.rearmed) = (None, None);
            (incident.acknowledged, incident.cause, incident.closing) = (None, None, None);
        }
        self
    }
}
