//! A process that stands still (stopped, suspended, a frozen machine) and goes on later as if nothing had been.

use chrono::TimeDelta;
use guard::app::points;
use guard::app::rotate::{Order, rotate};
use guard::domain::key::KeyStatus;
use guard::domain::rotation::{Ending, Event, Outcome};
use guard::ports::Journal;

use crate::fakes::{app, id, ledger, name, options};
use crate::rotation::enrolled;

#[tokio::test]
async fn a_request_is_not_sent_after_its_settle_time() {
    for point in [points::ACTIVATE_BEFORE, points::DEACTIVATE_BEFORE] {
        let world = enrolled().await;
        world.lock().stalled = Some((point, TimeDelta::minutes(20)));
        let report = rotate(&app(&world, ledger()), &name(), &options(Order::Forward)).await.unwrap();
        assert_eq!(world.broken(), Vec::<String>::new(), "{}", point.0);
        assert_eq!(report.ended, Some(Ending::Completed), "{}", point.0);
        assert_eq!((world.status("a"), world.status("b")), (KeyStatus::Inactive, KeyStatus::Active));
        assert!(world.held().values().all(|k| *k == id("b")));
        let unsent = |event: &Event| {
            let (Event::WakeAnswered { outcome, .. } | Event::OffAnswered { outcome, .. }) = event else {
                return false;
            };
            matches!(outcome, Outcome::NotDone { why, .. } if why.contains("stood still"))
        };
        let told = world.events(&name()).unwrap().iter().filter(|r| unsent(&r.event)).count();
        assert_eq!(told, 1, "{}: the record says why the request came later", point.0);
    }
}
