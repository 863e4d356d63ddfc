use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::domain::time::Timestamp;

/// A step of an incident, in the order in which they usually come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// The first abnormal usage.
    Onset,
    /// The provider's report first shows it.
    Visible,
    /// guard's verdict: the trip.
    Detected,
    /// No job can start any more.
    GateClosed,
    /// The provider was first asked to set the key inactive.
    KillSent,
    /// The provider refuses the key.
    Dead,
    /// Consumers hold the standby.
    FailedOver,
    /// Jobs may start again.
    Reopened,
}

impl Step {
    /// Two or three words for people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Onset => "abuse begins",
            Self::Visible => "visible in feed",
            Self::Detected => "detected",
            Self::GateClosed => "gate closed",
            Self::KillSent => "kill sent",
            Self::Dead => "key dead",
            Self::FailedOver => "failed over",
            Self::Reopened => "gate reopened",
        }
    }
}

/// When each step happened; `None`: not yet, or not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moments {
    /// The first abnormal usage.
    pub onset: Option<Timestamp>,
    /// The provider's report first shows it.
    pub visible: Option<Timestamp>,
    /// The trip. Every other time is told relative to it.
    pub detected: Timestamp,
    /// No job can start any more.
    pub gate_closed: Option<Timestamp>,
    /// The provider was first asked to set the key inactive.
    pub kill_sent: Option<Timestamp>,
    /// The provider refuses the key.
    pub dead: Option<Timestamp>,
    /// Consumers hold the standby.
    pub failed_over: Option<Timestamp>,
    /// Jobs may start again.
    pub reopened: Option<Timestamp>,
}

impl Moments {
    /// Nothing but the trip.
    pub const fn at_trip(detected: Timestamp) -> Self {
        Self {
            onset: None,
            visible: None,
            detected,
            gate_closed: None,
            kill_sent: None,
            dead: None,
            failed_over: None,
            reopened: None,
        }
    }

    /// When `step` happened.
    pub const fn of(&self, step: Step) -> Option<Timestamp> {
        match step {
            Step::Onset => self.onset,
            Step::Visible => self.visible,
            Step::Detected => Some(self.detected),
            Step::GateClosed => self.gate_closed,
            Step::KillSent => self.kill_sent,
            Step::Dead => self.dead,
            Step::FailedOver => self.failed_over,
            Step::Reopened => self.reopened,
        }
    }

    /// The steps that happened, by time; steps of the same instant in their usual order.
    pub fn steps(&self) -> Vec<(Step, Timestamp)> {
        use Step::{Dead, Detected, FailedOver, GateClosed, KillSent, Onset, Reopened, Visible};
        let all = [Onset, Visible, Detected, GateClosed, KillSent, Dead, FailedOver, Reopened];
        let mut steps: Vec<_> = all.into_iter().filter_map(|step| Some((step, self.of(step)?))).collect();
        steps.sort_by_key(|(step, at)| (*at, *step));
        steps
    }

    /// Time from one step to a later one; `None` unless both happened, in that order.
    pub fn between(&self, from: Step, to: Step) -> Option<TimeDelta> {
        let passed = self.of(to)?.signed_duration_since(self.of(from)?);
        (passed >= TimeDelta::zero()).then_some(passed)
    }

    /// Milliseconds from the trip to `at`; negative before it.
    pub fn since_trip(&self, at: Timestamp) -> i64 {
        at.signed_duration_since(self.detected).num_milliseconds()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_never_runs_backwards_between_steps() {
        let at = |s| Timestamp::from_timestamp(s, 0).unwrap();
        let moments = Moments { onset: Some(at(10)), dead: Some(at(95)), ..Moments::at_trip(at(90)) };
        assert_eq!(moments.between(Step::Detected, Step::Dead), Some(TimeDelta::seconds(5)));
        assert_eq!(moments.between(Step::Dead, Step::Detected), None);
        assert_eq!(moments.between(Step::Detected, Step::FailedOver), None);
        assert_eq!(moments.steps().iter().map(|s| s.0).collect::<Vec<_>>(), [Step::Onset, Step::Detected, Step::Dead]);
        assert_eq!(moments.since_trip(at(89)), -1000);
    }
}
