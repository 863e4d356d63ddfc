use std::time::Duration;

use chrono::TimeDelta;

use super::stage::Stage;
use crate::domain::time::Timestamp;
use crate::ports::Clock;
use crate::sandbox::clock::LocalParticipant;
use crate::sandbox::fault::{Effect, Fault};

/// How often the director looks whether the outage begins or ends.
const LOOK: Duration = Duration::from_secs(10);

/// A provider that takes no orders for a while, just when they matter: the outage begins with the first order to stop the
/// stolen key. Usage can be read until then, and jobs and thieves are served all the time, which is the worst case.
pub struct Weather {
    lasts: TimeDelta,
    begun: Option<Timestamp>,
    over: Option<Timestamp>,
}

/// The provider's answer to whatever it is asked for during an outage.
fn overloaded(method: Option<&str>, path: &str) -> Fault {
    let effect = Effect::Status {
        status: 529,
        error_type: None,
        message: None,
        error_code: None,
        retry_after: None,
        should_retry: None,
    };
    Fault { method: method.map(str::to_owned), path: Some(path.to_owned()), skip: 0, count: None, effect }
}

impl Weather {
    /// An outage of so many minutes to come; with 0, none.
    pub fn forecast(stage: &Stage, minutes: u32) -> Self {
        if minutes > 0 {
            let first = overloaded(Some("POST"), "/v1/organizations/api_keys/*");
            stage.sandbox.shared().world().faults.add(first);
        }
        Self { lasts: TimeDelta::minutes(i64::from(minutes)), begun: None, over: None }
    }

    /// From when until when the outage was, once it is over.
    pub fn outage(&self) -> Option<(Timestamp, Timestamp)> {
        self.begun.zip(self.over)
    }

    /// Whether an outage is still to come or to end.
    pub fn threatens(&self) -> bool {
        self.lasts > TimeDelta::zero() && self.over.is_none()
    }

    /// Lets time pass, and the outage begin and end in it.
    pub async fn rest(&mut self, stage: &Stage, director: &LocalParticipant, duration: Duration) {
        let until = director.now() + duration;
        while self.threatens() && director.now() < until {
            director.sleep(LOOK.min((until - director.now()).to_std().unwrap_or_default())).await;
            self.turn(stage, director.now());
        }
        director.sleep((until - director.now()).to_std().unwrap_or_default()).await;
    }

    fn turn(&mut self, stage: &Stage, now: Timestamp) {
        match self.begun {
            None => {
                self.begun = stage.seen().ordered_at;
                if self.begun.is_some() {
                    stage.sandbox.shared().world().faults.add(overloaded(None, "/v1/organizations/*"));
                }
            }
            Some(begun) if now >= begun + self.lasts => {
                stage.sandbox.shared().world().faults.clear();
                self.over = Some(now);
            }
            Some(_) => {}
        }
    }
}
