use crate::sandbox::attack::Shape;
use crate::sandbox::score::Outcome;

/// Which key is stolen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Victim {
    /// The key that the job uses.
    InUse,
    /// A key that is in custody and that no job has ever used.
    Unused,
    /// A key that was planted to be stolen.
    Bait,
    /// A standby, inactive as it ought to be.
    Standby,
    /// A standby that somebody activated in the Console.
    WokenStandby,
}

/// What guard knows of the job's runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Runs {
    /// Every run goes through `guard exec`; the theft happens between runs.
    Known,
    /// There are no run records: only volume, models and hours tell a thief from the job, which does the same every day.
    Unknown,
    /// The same with a job whose days differ widely: the largest is five times the usual.
    UnknownIrregular,
    /// Every run goes through `guard exec`; the theft happens while one is under way.
    UnderWay,
}

impl Runs {
    /// For people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Known => "between runs",
            Self::Unknown => "no run records",
            Self::UnknownIrregular => "no run records, irregular job",
            Self::UnderWay => "during a run",
        }
    }
}

/// One theft.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scene {
    /// What the thief does.
    pub shape: Shape,
    /// With which key.
    pub victim: Victim,
    /// What guard knows of the job.
    pub runs: Runs,
    /// For how many minutes the provider takes no orders, from the first that it gets.
    pub provider_down: u32,
}

impl Scene {
    /// The theft of this shape between two runs, as `--attack` plays it.
    pub const fn of(shape: Shape) -> Self {
        let victim = match shape {
            Shape::Dormant => Victim::Unused,
            Shape::Canary => Victim::Bait,
            Shape::LeakedStandby => Victim::Standby,
            _ => Victim::InUse,
        };
        Self { shape, victim, runs: Runs::Known, provider_down: 0 }
    }

    /// What `--all` plays.
    pub fn all() -> Vec<Self> {
        let known = Shape::ALL.map(Self::of);
        let woken = Self { victim: Victim::WokenStandby, ..Self::of(Shape::LeakedStandby) };
        let volume = [Shape::Spike, Shape::Moderate, Shape::Ramp, Shape::Drip, Shape::HourlyBursts, Shape::NewModel]
            .into_iter()
            .chain([Shape::Incident, Shape::UnregisteredRun]);
        let unknown = volume.clone().map(|shape| Self { runs: Runs::Unknown, ..Self::of(shape) });
        let irregular = volume.map(|shape| Self { runs: Runs::UnknownIrregular, ..Self::of(shape) });
        let inside = [Shape::Spike, Shape::Drip, Shape::HourlyBursts];
        let inside = inside.map(|shape| Self { runs: Runs::UnderWay, ..Self::of(shape) });
        let down = Self { provider_down: 60, ..Self::of(Shape::Spike) };
        known.into_iter().chain([woken]).chain(unknown).chain(irregular).chain(inside).chain([down]).collect()
    }

    /// Its name in tables and in the baseline.
    pub fn name(&self) -> String {
        let shape = if self.victim == Victim::WokenStandby { "woken-standby" } else { self.shape.as_str() };
        match (self.runs, self.provider_down) {
            (Runs::Known, 0) => shape.to_owned(),
            (Runs::Known, minutes) => format!("{shape}, provider down for {minutes} min"),
            (runs, _) => format!("{shape}, {}", runs.as_str()),
        }
    }

    /// The least that is promised without a baseline. Without run records, or inside a run, a slow theft looks like work.
    pub const fn promise(&self) -> Outcome {
        match (self.runs, self.shape) {
            (_, Shape::LeakedStandby) if matches!(self.victim, Victim::Standby) => Outcome::Worthless,
            (Runs::Known, _) => Outcome::Stopped,
            (Runs::Unknown, Shape::Spike | Shape::Ramp | Shape::Incident) => Outcome::Stopped,
            _ => Outcome::Unnoticed,
        }
    }

    /// Whether the key is replaced under traffic before it is stolen.
    pub const fn has_rotation(&self) -> bool {
        matches!(self.victim, Victim::InUse) && matches!(self.runs, Runs::Known)
    }

    /// Whether the job's recorded past goes on in the background; nothing of it is on record as a run.
    pub const fn goes_on(&self) -> bool {
        matches!(self.runs, Runs::Unknown | Runs::UnknownIrregular)
    }
}
