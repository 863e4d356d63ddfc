//! Where the crash seam can stop the process: before and after each durable write and each effect of the use cases that
//! change keys. One list, so that the crash matrix covers a new place by itself.

use crate::domain::rotation::{Effect, SetStatus};
use crate::ports::FaultPoint;

macro_rules! points {
    ($($name:ident = $text:literal;)*) => {
        $(#[doc = concat!("`", $text, "`")] pub const $name: FaultPoint = FaultPoint($text);)*

        /// Every point.
        pub const ALL: &[FaultPoint] = &[$($name),*];
    };
}

points! {
    COMMIT_BEFORE = "drive.commit.before";
    COMMIT_AFTER = "drive.commit.after";
    READ_KEY_BEFORE = "drive.read_key.before";
    READ_KEY_AFTER = "drive.read_key.after";
    ACTIVATE_BEFORE = "drive.activate.before";
    ACTIVATE_AFTER = "drive.activate.after";
    DEACTIVATE_BEFORE = "drive.deactivate.before";
    DEACTIVATE_AFTER = "drive.deactivate.after";
    ARCHIVE_BEFORE = "drive.archive.before";
    ARCHIVE_AFTER = "drive.archive.after";
    PROBE_BEFORE = "drive.probe.before";
    PROBE_AFTER = "drive.probe.after";
    READ_CONSUMER_BEFORE = "drive.read_consumer.before";
    READ_CONSUMER_AFTER = "drive.read_consumer.after";
    DELIVER_BEFORE = "drive.deliver.before";
    DELIVER_AFTER = "drive.deliver.after";
    RELOAD_BEFORE = "drive.reload.before";
    RELOAD_AFTER = "drive.reload.after";
    READ_GATE_BEFORE = "drive.read_gate.before";
    READ_GATE_AFTER = "drive.read_gate.after";
    CLOSE_GATE_BEFORE = "drive.close_gate.before";
    CLOSE_GATE_AFTER = "drive.close_gate.after";
    OPEN_GATE_BEFORE = "drive.open_gate.before";
    OPEN_GATE_AFTER = "drive.open_gate.after";
    CHECK_DRAIN_BEFORE = "drive.check_drain.before";
    CHECK_DRAIN_AFTER = "drive.check_drain.after";
    TRIP_GATE_BEFORE = "trip.gate.before";
    TRIP_GATE_AFTER = "trip.gate.after";
    TRIP_KILL_BEFORE = "trip.kill.before";
    TRIP_KILL_AFTER = "trip.kill.after";
    TRIP_COMMIT_BEFORE = "trip.commit.before";
    TRIP_COMMIT_AFTER = "trip.commit.after";
    ENROLL_SEAL_BEFORE = "enroll.seal.before";
    ENROLL_SEAL_AFTER = "enroll.seal.after";
    FORGET_UNSEAL_BEFORE = "forget.unseal.before";
    FORGET_UNSEAL_AFTER = "forget.unseal.after";
}

/// The points around an effect.
pub(super) const fn around(effect: &Effect) -> (FaultPoint, FaultPoint) {
    match effect {
        Effect::ReadKey(_) => (READ_KEY_BEFORE, READ_KEY_AFTER),
        Effect::SetStatus(_, SetStatus::Active) => (ACTIVATE_BEFORE, ACTIVATE_AFTER),
        Effect::SetStatus(_, SetStatus::Inactive) => (DEACTIVATE_BEFORE, DEACTIVATE_AFTER),
        Effect::SetStatus(_, SetStatus::Archived) => (ARCHIVE_BEFORE, ARCHIVE_AFTER),
        Effect::Probe(_) => (PROBE_BEFORE, PROBE_AFTER),
        Effect::ReadConsumer(_) => (READ_CONSUMER_BEFORE, READ_CONSUMER_AFTER),
        Effect::Deliver(..) => (DELIVER_BEFORE, DELIVER_AFTER),
        Effect::Reload(..) => (RELOAD_BEFORE, RELOAD_AFTER),
        Effect::ReadGate => (READ_GATE_BEFORE, READ_GATE_AFTER),
        Effect::CloseGate(_) => (CLOSE_GATE_BEFORE, CLOSE_GATE_AFTER),
        Effect::OpenGate { .. } => (OPEN_GATE_BEFORE, OPEN_GATE_AFTER),
        Effect::CheckDrain(_) => (CHECK_DRAIN_BEFORE, CHECK_DRAIN_AFTER),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_point_has_its_own_name() {
        let names: BTreeSet<&str> = ALL.iter().map(|p| p.0).collect();
        assert_eq!(names.len(), ALL.len());
    }
}
