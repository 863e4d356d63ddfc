//! What a workspace allows and what guard may do.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::NaiveDate;
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::{Program, RotationTimes};
use crate::domain::money::UsdMicros;

/// Which models a workspace may use.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ModelPolicy {
    /// Allowed models: exact ids or a prefix followed by `*`. Empty: no list is kept, every model is allowed.
    pub allow: Vec<String>,
    /// Dated exceptions.
    pub exceptions: Vec<ModelException>,
    /// From the preferred to the cheapest: what `guard exec` offers a job when the budget gets tight.
    pub ladder: Vec<String>,
}

/// A model that is allowed until a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelException {
    /// Exact id or prefix followed by `*`.
    pub model: String,
    /// Who approved it.
    pub approved_by: String,
    /// Last day (UTC) on which it holds.
    pub until: NaiveDate,
}

impl ModelPolicy {
    /// Whether `model` may be used on `day` (UTC).
    pub fn allows(&self, model: &str, day: NaiveDate) -> bool {
        let fits = |pattern: &str| match pattern.strip_suffix('*') {
            Some(prefix) => model.starts_with(prefix),
            None => model == pattern,
        };
        self.allow.is_empty()
            || self.allow.iter().any(|p| fits(p))
            || self.exceptions.iter().any(|e| day <= e.until && fits(&e.model))
    }
}

/// A cap for each window that has one. Windows are half-open UTC intervals aligned to the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Windows<T> {
    /// A UTC minute.
    pub minute: Option<T>,
    /// A UTC hour.
    pub hour: Option<T>,
    /// A UTC day.
    pub day: Option<T>,
    /// A UTC calendar month.
    pub month: Option<T>,
}

impl<T> Default for Windows<T> {
    fn default() -> Self {
        Self { minute: None, hour: None, day: None, month: None }
    }
}

/// Absolute caps on the usage of one workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ceilings {
    /// Estimated cost.
    pub usd: Windows<UsdMicros>,
    /// Tokens of all classes.
    pub tokens: Windows<u64>,
}

/// When a job runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobSchedule {
    /// Its name.
    pub name: String,
    /// When it starts.
    pub recurrence: Recurrence,
    /// The time zone that the recurrence is meant in.
    pub timezone: Tz,
    /// How late it may start.
    pub jitter: Duration,
    /// How long a run may take.
    pub max_run: Duration,
}

/// A schedule in the words people use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recurrence {
    /// Every so often, from midnight of the zone on.
    Every(Duration),
    /// At these times of day (hour, minute), on these days of the week (0 = Monday; empty: every day).
    Daily {
        /// Hour and minute.
        times: Vec<(u8, u8)>,
        /// 0 = Monday.
        weekdays: Vec<u8>,
    },
}

/// How keys are replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RotationPolicy {
    /// A key older than this is due. Default 90 days.
    pub interval: Duration,
    /// The least time for which both keys are active after the switch. Default 15 minutes.
    pub overlap: Duration,
    /// How long the feed must show no use of the old key, over complete buckets. Default 15 minutes.
    pub drain: Duration,
    /// How long a revoked key stays recoverable before it is archived. Default 7 days.
    pub grace: Duration,
    /// For how long a request of unknown outcome may still take effect. Default 10 minutes.
    pub settle: Duration,
    /// Refusals in a row that prove a key dead. Default 3.
    pub proofs: u32,
    /// Whether a dead old key is archived after the grace time. Default true.
    pub archive: bool,
    /// How many standbys the workspace should have. Default 1.
    pub standbys: u32,
    /// A standby older than this is told. Default 180 days.
    pub standby_max_age: Duration,
    /// When guard begins one by itself. Default: at any time, by age alone.
    pub times: RotationTimes,
}

impl Default for RotationPolicy {
    fn default() -> Self {
        const MINUTE: u64 = 60;
        const DAY: u64 = 24 * 60 * MINUTE;
        Self {
            interval: Duration::from_secs(90 * DAY),
            overlap: Duration::from_secs(15 * MINUTE),
            drain: Duration::from_secs(15 * MINUTE),
            grace: Duration::from_secs(7 * DAY),
            settle: Duration::from_secs(10 * MINUTE),
            proofs: 3,
            archive: true,
            standbys: 1,
            standby_max_age: Duration::from_secs(180 * 24 * 3600),
            times: RotationTimes::default(),
        }
    }
}

/// What guard may do when a rule says `trip`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TripMode {
    /// Say what it would have done.
    Observe,
    /// Close the gate and tell people.
    Gate,
    /// Close the gate and deactivate the key.
    Kill,
}

/// What happens to jobs that run when their key is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunningJobs {
    /// Nothing: they fail by themselves.
    Leave,
    /// They go on, and people are told that they do.
    Warn,
    /// SIGTERM, then SIGKILL after a pause.
    Terminate,
}

/// Who opens the gate again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReopenPolicy {
    /// A person, with `guard rearm`.
    Person,
    /// guard, once the killed key is proven dead and every consumer holds a live standby.
    Auto,
}

/// What a trip does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TripPolicy {
    /// How far guard may go. Default [`TripMode::Observe`].
    pub mode: TripMode,
    /// What happens to running jobs. Default [`RunningJobs::Leave`].
    pub running_jobs: RunningJobs,
    /// What stops workloads that guard did not start (`systemctl stop UNIT`), run once a key was killed.
    pub stop: Option<Program>,
    /// Who opens the gate. Default [`ReopenPolicy::Person`].
    pub reopen: ReopenPolicy,
}

impl Default for TripPolicy {
    fn default() -> Self {
        Self { mode: TripMode::Observe, running_jobs: RunningJobs::Leave, stop: None, reopen: ReopenPolicy::Person }
    }
}

/// What happens to consumers after a kill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailoverPolicy {
    /// A standby is promoted.
    #[default]
    Standby,
    /// They keep the dead key until a person acts.
    Off,
}

/// What `guard exec` does when guard has been blind for longer than its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenBlind {
    /// Start the job.
    FailOpen,
    /// Refuse.
    FailClosed,
}

/// How jobs are started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecPolicy {
    /// Default [`WhenBlind::FailOpen`].
    pub when_blind: WhenBlind,
    /// The variable that the child finds the key in. Default `ANTHROPIC_API_KEY`.
    pub variable: String,
}

impl Default for ExecPolicy {
    fn default() -> Self {
        Self { when_blind: WhenBlind::FailOpen, variable: "ANTHROPIC_API_KEY".to_owned() }
    }
}

/// The most that a rule's verdict may lead to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleAction {
    /// The rule does not run.
    Off,
    /// A note in `status`.
    Notice,
    /// People are told.
    Warn,
    /// The trip policy applies.
    Trip,
}

/// How usage is judged.
#[derive(Debug, Clone, PartialEq)]
pub struct WatchPolicy {
    /// The most a rule may lead to, by the rule's name (`spike`, `drift`, `alibi`, …); rules that are not named keep their default.
    pub rules: BTreeMap<String, RuleAction>,
    /// Data older than this is blindness. Default 20 minutes.
    pub blind_after: Duration,
    /// Usage below this many dollars a day never trips by statistics alone: dust is not judged. Default $0.02.
    pub floor: UsdMicros,
    /// Every run of this workspace goes through `guard exec` (or matches a schedule), so that usage outside runs is foreign.
    /// Default: `false`, usage outside runs is only remarked.
    pub runs_registered: bool,
    /// A key without usage for this long counts as dormant. Default 30 days.
    pub dormant_after: Duration,
    /// How long after its last request a run's usage may still appear (long streams). Default 2 minutes.
    pub run_slack: Duration,
    /// How long after a run its batch results may land: minutes with nothing but the batch tier. Default 24 hours, the provider's limit.
    pub batch_grace: Duration,
    /// The most a day may cost while a key has no history of its own.
    pub cold_start_budget: Option<UsdMicros>,
}

impl Default for WatchPolicy {
    fn default() -> Self {
        Self {
            rules: BTreeMap::new(),
            blind_after: Duration::from_secs(20 * 60),
            floor: UsdMicros::from_micros(20_000),
            runs_registered: false,
            dormant_after: Duration::from_secs(30 * 24 * 3600),
            run_slack: Duration::from_secs(120),
            batch_grace: Duration::from_secs(24 * 3600),
            cold_start_budget: None,
        }
    }
}
