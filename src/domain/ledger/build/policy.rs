use std::time::Duration;

use crate::domain::ledger::field::{
    Choice, DAY, Date, Flag, HOUR, Lasting, List, MINUTE, ProgramField, SECOND, Whole, duration_text,
    environment_variable, free_text, model_pattern, money, time_of_day, time_zone,
};
use crate::domain::ledger::policy::ModelException;
use crate::domain::ledger::rotation_times::{LAST_DAY, RotationTimes};
use crate::domain::ledger::section::Section;
use crate::domain::ledger::{
    Ceilings, ExecPolicy, FailoverPolicy, JobSchedule, ModelPolicy, Recurrence, ReopenPolicy, RotationPolicy,
    RuleAction, RunningJobs, TripMode, TripPolicy, WatchPolicy, WhenBlind, Windows,
};

/// 0 = Monday.
const WEEKDAYS: [(&str, u8); 7] = [("mon", 0), ("tue", 1), ("wed", 2), ("thu", 3), ("fri", 4), ("sat", 5), ("sun", 6)];

const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

pub(super) fn models(section: &mut Section<'_, '_, '_>) -> ModelPolicy {
    let allow = section.with_default(
        "allow",
        "Allowed models: ids, or beginnings of ids followed by `*`. Empty: every model is allowed.",
        List(model_pattern()),
        Vec::new(),
    );
    let ladder = section.with_default(
        "ladder",
        "From the preferred to the cheapest: what `guard exec` offers a job when the budget gets tight.",
        List(model_pattern()),
        Vec::new(),
    );
    let exceptions = section.tables("exception", "Models that are allowed until a day.", exception);
    let policy = ModelPolicy { allow, exceptions, ladder };
    for model in &policy.ladder {
        // A dated exception counts on its last day: whether it has passed is not for a parser to say.
        let excepted = policy.exceptions.iter().any(|e| policy.allows(model, e.until));
        if !policy.allows(model, chrono::NaiveDate::MAX) && !excepted {
            section
                .error_at(
                    &["ladder"],
                    format!("the ladder offers `{model}`, which is not allowed"),
                    format!("add `\"{model}\"` to `allow`, or take it off the ladder"),
                )
                .allowed("models that `allow` or an exception names");
        }
    }
    policy
}

fn exception(section: &mut Section<'_, '_, '_>) -> Option<ModelException> {
    let model = section.required("model", "The model's id, or the beginning of ids followed by `*`.", model_pattern());
    let approved_by = section.required("approved_by", "Who approved it.", free_text("cto@example.com"));
    let until = section.required("until", "The last day (UTC) on which it holds.", Date);
    Some(ModelException { model: model?, approved_by: approved_by?, until: until? })
}

pub(super) fn ceilings(section: &mut Section<'_, '_, '_>) -> Ceilings {
    let usd = section.table("usd", "Caps on the estimated cost.", |section| {
        windows(section, |section, name, doc| section.optional(name, doc, money()))
    });
    let tokens = section.table("tokens", "Caps on tokens of all classes together.", |section| {
        windows(section, |section, name, doc| section.optional(name, doc, Whole(0, i64::MAX as u64)))
    });
    Ceilings { usd, tokens }
}

fn windows<T: Copy + PartialOrd>(
    section: &mut Section<'_, '_, '_>,
    mut read: impl FnMut(&mut Section<'_, '_, '_>, &'static str, &str) -> Option<T>,
) -> Windows<T> {
    let windows = Windows {
        minute: read(section, "minute", "The most in a UTC minute."),
        hour: read(section, "hour", "The most in a UTC hour."),
        day: read(section, "day", "The most in a UTC day."),
        month: read(section, "month", "The most in a UTC calendar month."),
    };
    let given = [("minute", windows.minute), ("hour", windows.hour), ("day", windows.day), ("month", windows.month)];
    let mut below: Option<(&str, T)> = None;
    for (name, cap) in given.into_iter().filter_map(|(name, cap)| Some((name, cap?))) {
        match below {
            Some((shorter, larger)) if larger > cap => section.warn_at(
                &[shorter],
                format!("the cap of a {shorter} is above that of a {name} and can never be reached"),
                format!("lower `{shorter}`, or raise `{name}`"),
            ),
            _ => {}
        }
        below = Some((name, cap));
    }
    windows
}

pub(super) fn job(section: &mut Section<'_, '_, '_>) -> Option<JobSchedule> {
    let name = section.required("name", "What people call the job.", free_text("nightly-summary"));
    let every =
        section.optional("every", "It starts every so often, from midnight of its time zone on.", Lasting(MINUTE, DAY));
    let times = section.optional("at", "It starts at these times of day.", List(time_of_day()));
    let weekdays = section.with_default(
        "on",
        "Only on these days of the week; empty: every day.",
        List(Choice(&WEEKDAYS)),
        Vec::new(),
    );
    let timezone =
        section.with_default("timezone", "The time zone that times are meant in.", time_zone(), chrono_tz::UTC);
    let jitter = section.with_default("jitter", "How late it may start.", Lasting(Duration::ZERO, DAY), 5 * MINUTE);
    let max_run = section.with_default("max_run", "How long a run may take.", Lasting(SECOND, 7 * DAY), HOUR);
    if section.has("on") && !section.has("at") {
        section.error_at(&["on"], "`on` goes with `at`", "remove `on`, or write the times of day with `at`");
    }
    let recurrence = match (section.has("every"), section.has("at")) {
        (true, false) => every.map(Recurrence::Every),
        (false, true) if times.as_ref().is_none_or(|times| !times.is_empty()) => {
            times.map(|times| Recurrence::Daily { times, weekdays })
        }
        _ => {
            let suggestion = "write for example `at = [\"03:30\"]` or `every = \"1h\"`";
            section
                .error_at(&["at"], "a job needs either `every` or `at`", suggestion)
                .allowed("exactly one of `every` and `at`; `at` with at least one time");
            None
        }
    };
    Some(JobSchedule { name: name?, recurrence: recurrence?, timezone, jitter, max_run })
}

pub(super) fn rotation(section: &mut Section<'_, '_, '_>) -> RotationPolicy {
    let usual = RotationPolicy::default();
    let proofs =
        section.with_default("proofs", "Refusals in a row that prove a key dead.", Whole(1, 20), usual.proofs.into());
    let standbys = section.with_default(
        "standbys",
        "How many sealed, inactive keys the workspace should have in stock.",
        Whole(0, 20),
        usual.standbys.into(),
    );
    let policy = RotationPolicy {
        interval: section.with_default(
            "interval",
            "A key older than this is due.",
            Lasting(HOUR, 10 * YEAR),
            usual.interval,
        ),
        overlap: section.with_default(
            "overlap",
            "The least time for which both keys are active after the switch.",
            Lasting(Duration::ZERO, 30 * DAY),
            usual.overlap,
        ),
        drain: section.with_default(
            "drain",
            "How long the usage report must show no use of the old key. Never less than the feed's lag.",
            Lasting(Duration::ZERO, 30 * DAY),
            usual.drain,
        ),
        grace: section.with_default(
            "grace",
            "How long a revoked key stays recoverable before it is archived.",
            Lasting(Duration::ZERO, YEAR),
            usual.grace,
        ),
        settle: section.with_default(
            "settle",
            "For how long a request of unknown outcome may still take effect.",
            Lasting(SECOND, DAY),
            usual.settle,
        ),
        // The bounds above keep both numbers within 32 bits.
        proofs: u32::try_from(proofs).unwrap_or(u32::MAX),
        archive: section.with_default(
            "archive",
            "Whether a dead old key is archived after the grace time.",
            Flag,
            usual.archive,
        ),
        standbys: u32::try_from(standbys).unwrap_or(u32::MAX),
        standby_max_age: section.with_default(
            "standby_max_age",
            "A standby older than this is told: nobody knows any more where its secret has been.",
            Lasting(DAY, 10 * YEAR),
            usual.standby_max_age,
        ),
        times: rotation_times(section),
    };
    if policy.interval <= policy.overlap + policy.drain {
        let least = duration_text(policy.overlap + policy.drain);
        section
            .error_at(
                &["interval"],
                "the next rotation would be due before this one can end",
                format!("write an `interval` longer than {least} (`overlap` and `drain` together)"),
            )
            .allowed(format!("more than {least}"));
    }
    policy
}

/// When guard begins rotations by itself.
fn rotation_times(section: &mut Section<'_, '_, '_>) -> RotationTimes {
    let days = section.with_default(
        "days",
        "Days of the month on which a rotation is due, whatever the key's age. Empty: by age alone.",
        List(Whole(1, LAST_DAY)),
        Vec::new(),
    );
    let weekdays = section.with_default(
        "on",
        "Only on these days of the week does guard begin a rotation by itself; empty: every day.",
        List(Choice(&WEEKDAYS)),
        Vec::new(),
    );
    let from = section.with_default("from", "Only from this time of day on.", time_of_day(), (0, 0));
    let until = section.optional("until", "Only before this time of day.", time_of_day());
    let timezone = section.with_default(
        "timezone",
        "The time zone that days and times are meant in.",
        time_zone(),
        chrono_tz::UTC,
    );
    if until.is_some_and(|until| until <= from) {
        section
            .error_at(&["until"], "the window ends before it begins", "write an `until` that is later than `from`")
            .allowed("later than `from`, on the same day");
    }
    // The bounds above keep days within 8 bits.
    let days = days.into_iter().filter_map(|day| u8::try_from(day).ok()).collect();
    RotationTimes { days, weekdays, from, until, timezone }
}

pub(super) fn trip(section: &mut Section<'_, '_, '_>) -> TripPolicy {
    let usual = TripPolicy::default();
    TripPolicy {
        mode: section.with_default(
            "mode",
            "How far guard may go: say what it would have done, close the gate, or deactivate the key as well.",
            Choice(&[("observe", TripMode::Observe), ("gate", TripMode::Gate), ("kill", TripMode::Kill)]),
            usual.mode,
        ),
        running_jobs: section.with_default(
            "running_jobs",
            "What happens to jobs of `guard exec` that run when their key is killed: they fail by themselves, people are told of them, or they get SIGTERM, then SIGKILL.",
            Choice(&[("leave", RunningJobs::Leave), ("warn", RunningJobs::Warn), ("terminate", RunningJobs::Terminate)]),
            usual.running_jobs,
        ),
        stop: section.optional(
            "stop",
            "A program that stops workloads which guard did not start, run once a key was killed: `[\"systemctl\", \"stop\", \"publish.service\"]`.",
            ProgramField,
        ),
        reopen: section.with_default(
            "reopen",
            "Who opens the gate again: a person with `guard rearm`, or guard once the killed key is proven dead and every consumer holds a live standby.",
            Choice(&[("person", ReopenPolicy::Person), ("auto", ReopenPolicy::Auto)]),
            usual.reopen,
        ),
    }
}

pub(super) fn failover(section: &mut Section<'_, '_, '_>) -> FailoverPolicy {
    section.with_default(
        "mode",
        "After a kill a standby is promoted, or the consumers keep the dead key until a person acts.",
        Choice(&[("standby", FailoverPolicy::Standby), ("off", FailoverPolicy::Off)]),
        FailoverPolicy::default(),
    )
}

pub(super) fn exec(section: &mut Section<'_, '_, '_>) -> ExecPolicy {
    let usual = ExecPolicy::default();
    ExecPolicy {
        when_blind: section.with_default(
            "when_blind",
            "What `guard exec` does when guard has been blind for longer than `watch.blind_after`: start the job, or refuse.",
            Choice(&[("fail_open", WhenBlind::FailOpen), ("fail_closed", WhenBlind::FailClosed)]),
            usual.when_blind,
        ),
        variable: section.with_default(
            "variable",
            "The environment variable that the job finds its key in.",
            environment_variable(),
            usual.variable,
        ),
    }
}

/// Rules of the watchdog that the ledger can tune: a line each.
const RULES: &[(&str, &str)] = &[
    ("spike", "Usage far above what the same time of day usually shows."),
    ("drift", "A slow accumulation above the usual."),
    ("ceiling", "A cap of `[workspace.ceilings]` or the monthly limit is passed."),
    ("budget", "The month will end above the monthly limit at its present pace."),
    ("loss", "The estimated loss reaches `acceptable_loss`."),
    ("model", "A model that is not allowed."),
    ("first_use", "A model, tier, context size or geography that was never seen on this key."),
    ("alibi", "Usage while no run was registered and no job was expected."),
    ("run_size", "A recorded run uses far more, or lasts far longer, than any before."),
    ("dormant", "Usage on a standby, a retired, a revoked or a long idle key."),
    ("canary", "Usage on a key that was planted to be stolen."),
    ("stranger", "Usage on a key that the ledger does not know, or on none at all."),
    ("blind", "The usage report is silent, late, malformed or refused."),
];

pub(super) fn watch(section: &mut Section<'_, '_, '_>) -> WatchPolicy {
    let usual = WatchPolicy::default();
    let rules = section.table(
        "rules",
        "The most that each rule may lead to; a rule that is not named keeps its own default.",
        |section| {
            let action = || {
                Choice(&[
                    ("off", RuleAction::Off),
                    ("notice", RuleAction::Notice),
                    ("warn", RuleAction::Warn),
                    ("trip", RuleAction::Trip),
                ])
            };
            RULES
                .iter()
                .filter_map(|(name, doc)| Some(((*name).to_owned(), section.optional(name, doc, action())?)))
                .collect()
        },
    );
    WatchPolicy {
        rules,
        blind_after: section.with_default(
            "blind_after",
            "Data older than this is blindness.",
            Lasting(SECOND, DAY),
            usual.blind_after,
        ),
        floor: section.with_default(
            "floor",
            "Usage below this much a day never trips by statistics alone.",
            money(),
            usual.floor,
        ),
        runs_registered: section.with_default(
            "runs_registered",
            "Every run goes through `guard exec` or matches a job's schedule, so that usage outside runs is foreign.",
            Flag,
            usual.runs_registered,
        ),
        dormant_after: section.with_default(
            "dormant_after",
            "A key without usage for this long counts as dormant.",
            Lasting(DAY, 10 * YEAR),
            usual.dormant_after,
        ),
        run_slack: section.with_default(
            "run_slack",
            "How long after its end the usage of a run may still appear (long streams).",
            Lasting(Duration::ZERO, DAY),
            usual.run_slack,
        ),
        batch_grace: section.with_default(
            "batch_grace",
            "How long after a run its batch results may land: usage of the batch tier alone.",
            Lasting(Duration::ZERO, 2 * DAY),
            usual.batch_grace,
        ),
        cold_start_budget: section.optional(
            "cold_start_budget",
            "The most a day may cost while a key has no history of its own.",
            money(),
        ),
    }
}
