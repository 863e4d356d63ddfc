use std::fmt;

use serde::{Deserialize, Serialize};

use super::rule::Rule;
use crate::domain::ids::Principal;
use crate::domain::ledger::RuleAction;
use crate::domain::money::UsdMicros;
use crate::domain::notice::Severity;
use crate::domain::time::{Minute, humane};

/// What a verdict asks for. Ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Nothing.
    #[default]
    Ok,
    /// A line in `status`.
    Notice,
    /// People should look.
    Warn,
    /// The trip policy applies.
    Trip,
}

impl Level {
    /// The word for machines.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Notice => "notice",
            Self::Warn => "warn",
            Self::Trip => "trip",
        }
    }

    /// No higher than the policy allows.
    pub fn capped(self, action: RuleAction) -> Self {
        self.min(match action {
            RuleAction::Off => Self::Ok,
            RuleAction::Notice => Self::Notice,
            RuleAction::Warn => Self::Warn,
            RuleAction::Trip => Self::Trip,
        })
    }
}

/// What a verdict stands on. Times and multiples are rounded when they are printed, not here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Figures {
    /// A window held more than ever.
    Volume {
        /// The window's width in minutes.
        window_minutes: i64,
        /// Cost in the window.
        used: UsdMicros,
        /// How many times the most that any such window held in four weeks.
        times_most: f64,
        /// How many times the most that 24 hours held.
        times_most_day: f64,
    },
    /// The key is in use for more minutes than ever.
    Sustained {
        /// The window's width in minutes.
        window_minutes: i64,
        /// Minutes with usage in it.
        active: u64,
        /// The most that any such window held.
        most: u64,
        /// Cost in the window.
        used: UsdMicros,
    },
    /// Usage at times, or of a size, that earlier days do not explain, within 24 hours.
    Unexplained {
        /// Its cost.
        used: UsdMicros,
        /// Its size in usual days.
        days: f64,
        /// Minutes of it.
        active: u64,
        /// Hours that it falls into.
        hours: u32,
    },
    /// A model.
    Model {
        /// Which.
        model: String,
        /// First use on this key.
        first: Minute,
        /// Cost within 24 hours.
        used: UsdMicros,
        /// Its share of the most that 24 hours held, all models together.
        share_of_most_day: f64,
    },
    /// A term of billing: a tier, a context window, a geography.
    Term {
        /// Which, in words.
        term: String,
        /// First use on this key.
        first: Minute,
        /// Cost within 24 hours of the minutes with it.
        used: UsdMicros,
    },
    /// Usage without a run.
    OutsideRuns {
        /// Minutes of it within an hour.
        minutes: u64,
        /// Its cost.
        used: UsdMicros,
    },
    /// A recorded run is larger than any before.
    Run {
        /// Its cost so far, within at most three hours.
        used: UsdMicros,
        /// Its work in the largest run of four weeks.
        times_most: f64,
        /// Its minutes with usage.
        active: u64,
        /// The most minutes that a run had.
        most: u64,
    },
    /// Usage on a key that should be silent.
    Awake {
        /// Days without usage before; `None` when it never was in use.
        idle_days: Option<i64>,
        /// Cost since it woke, within 24 hours.
        used: UsdMicros,
    },
    /// A cap in dollars.
    UsdCap {
        /// `minute`, `hour`, `day` or `month`.
        window: Window,
        /// Cost in it.
        used: UsdMicros,
        /// The cap.
        cap: UsdMicros,
    },
    /// A cap in tokens.
    TokenCap {
        /// `minute`, `hour`, `day` or `month`.
        window: Window,
        /// Tokens in it.
        used: u64,
        /// The cap.
        cap: u64,
    },
    /// The month at its present pace.
    Projection {
        /// Cost so far.
        used: UsdMicros,
        /// Cost at the month's end at the pace of the last seven days.
        projected: UsdMicros,
        /// The limit.
        limit: UsdMicros,
    },
    /// The estimated loss.
    Loss {
        /// Cost that nothing explains.
        lost: UsdMicros,
        /// What the owner accepts.
        accepted: UsdMicros,
    },
    /// The feed.
    Feed {
        /// Minutes since the newest complete data.
        age_minutes: i64,
        /// What is wrong, in words.
        why: String,
    },
}

/// A calendar window (UTC).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Window {
    /// A minute.
    Minute,
    /// An hour.
    Hour,
    /// A day.
    Day,
    /// A month.
    Month,
}

impl Window {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Month => "month",
        }
    }
}

/// What a rule says about a principal's usage up to a minute.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Which rule.
    pub rule: Rule,
    /// What it asks for, before policy caps it.
    pub level: Level,
    /// What it can come to at most, by its nature and the ledger's word.
    pub at_most: Level,
    /// How far the evidence is along the way to a trip; 1 and more is enough.
    pub ratio: f64,
    /// How sure, 0 to 1. Another axis than severity: a probe on a canary is certain and small.
    pub confidence: f64,
    /// What it stands on.
    pub figures: Figures,
}

impl Finding {
    /// The share of the evidence for a trip at which people are warned.
    const WARN_AT: f64 = 0.8;
    /// The share at which it is worth a line in `status`.
    const NOTICE_AT: f64 = 0.65;

    /// What a statistical rule says, with `ratio` of the evidence it needs for a trip; `None` when that is nothing to
    /// speak of.
    pub fn statistical(rule: Rule, ratio: f64, figures: Figures) -> Option<Self> {
        let level = match ratio {
            1.0.. => Level::Trip,
            Self::WARN_AT.. => Level::Warn,
            Self::NOTICE_AT.. => Level::Notice,
            _ => return None,
        };
        // Four in five where the evidence is just complete, nearly sure at twice that.
        let confidence = (1.0 - 0.2 / ratio.powi(3)).clamp(0.0, 0.99);
        Some(Self { rule, level, at_most: Level::Trip, ratio, confidence, figures })
    }

    /// What a rule says that does not rest on statistics.
    pub fn certain(rule: Rule, level: Level, figures: Figures) -> Self {
        Self { rule, level, at_most: Level::Trip, ratio: 2.0, confidence: 0.99, figures }
    }
}

/// A judgement on one principal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// Whom it is about.
    pub principal: Principal,
    /// What it asks for.
    pub level: Level,
    /// The rule that says so.
    pub rule: Rule,
    /// How bad.
    pub severity: Severity,
    /// How sure, 0 to 1.
    pub confidence: f64,
    /// The first minute of what is abnormal, as far as can be told.
    pub since: Minute,
    /// The newest minute that was judged.
    pub at: Minute,
    /// What it stands on.
    pub figures: Figures,
    /// Other rules that agree.
    pub also: Vec<Rule>,
    /// What an operator needs to know, in one sentence.
    pub sentence: String,
}

impl Verdict {
    /// The sentence without what follows: the grounds of a trip, as they are written down for later.
    pub fn grounds(&self) -> &str {
        self.sentence.rsplit_once("; ").map_or(self.sentence.as_str(), |(grounds, _)| grounds)
    }
}

/// How bad a finding is: a trip is critical, unless it is small and only probable.
pub fn severity(level: Level) -> Severity {
    match level {
        Level::Ok => Severity::Info,
        Level::Notice => Severity::Notice,
        Level::Warn => Severity::Warning,
        Level::Trip => Severity::Critical,
    }
}

/// What guard will do about a trip, so that the sentence can say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Response {
    /// Nothing but say so.
    #[default]
    Observes,
    /// Close the gate.
    Gates,
    /// Close the gate and deactivate the key.
    Kills,
    /// guard does not hold the key.
    Powerless,
    /// Statistics may only warn: the key's own past would have tripped them.
    Unproven,
}

impl Response {
    fn now(self) -> &'static str {
        match self {
            Self::Observes => "guard only observes here and would stop the key now",
            Self::Gates => "guard closes the gate now, the key stays alive",
            Self::Kills => "guard closes the gate and deactivates the key now",
            Self::Powerless => "guard does not hold this key and cannot stop it, a person must",
            // A rule that does not rest on statistics may say so.
            Self::Unproven => "the trip policy applies now",
        }
    }

    fn later(self) -> &'static str {
        match self {
            Self::Observes => "would stop the key",
            Self::Gates => "closes the gate",
            Self::Kills => "stops the key",
            Self::Powerless => "calls a person",
            Self::Unproven => "goes no further",
        }
    }
}

/// The sentence for a finding: what, since when, how much above what, how sure, and what guard does and when.
pub fn sentence(finding: &Finding, since: Minute, at: Minute, response: Response) -> String {
    let lasted = humane(chrono::TimeDelta::minutes(at.since(since).max(0) + 1));
    let follows = match finding.level {
        Level::Trip => response.now().to_owned(),
        Level::Warn if response == Response::Unproven && finding.rule.is_statistical() => {
            "people are warned and no more: the key's own past would have tripped this rule, too".to_owned()
        }
        Level::Warn if finding.ratio >= 1.0 || finding.at_most <= Level::Warn => {
            "people are warned; this rule goes no further here".to_owned()
        }
        Level::Warn => format!(
            "people are warned; guard {} when the evidence is complete (now {:.0} %)",
            response.later(),
            (finding.ratio * 100.0).floor()
        ),
        Level::Notice => "guard keeps watching".to_owned(),
        Level::Ok => "nothing follows".to_owned(),
    };
    format!(
        "{} since {since} ({lasted}); {:.0} % sure; {follows}",
        finding.figures,
        (finding.confidence * 100.0).floor()
    )
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Volume { window_minutes, used, times_most, times_most_day } => write!(
                f,
                "{used} within {}, {times_most:.1} times the most of four weeks (the last 24 h: {times_most_day:.1} times)",
                span(*window_minutes)
            ),
            Self::Sustained { window_minutes, active, most, used } => write!(
                f,
                "in use for {active} minutes within {}, at most {most} in four weeks, for {used}",
                span(*window_minutes)
            ),
            Self::Unexplained { used, days, active, hours } => write!(
                f,
                "about {used} within 24 h ({days:.2} usual days, {active} minutes in {hours} different hours) at times or of a size \
                 that earlier days do not explain"
            ),
            Self::Model { model, first, used, share_of_most_day } => write!(
                f,
                "model `{}`, first used {first}, {used} within 24 h ({:.0} % of the busiest day)",
                model.escape_debug(),
                share_of_most_day * 100.0
            ),
            Self::Term { term, first, used } => {
                write!(f, "{}, first used {first}, {used} within 24 h", term.escape_debug())
            }
            Self::OutsideRuns { minutes, used } => {
                write!(f, "{used} in {minutes} minutes within an hour in which no job ran")
            }
            Self::Run { used, times_most, active, most } => write!(
                f,
                "{used} in one run, {times_most:.1} times the largest of four weeks ({active} minutes in use, at most {most} before)"
            ),
            Self::Awake { idle_days: Some(days), used } => {
                write!(f, "{used} on a key that was silent for {days} days")
            }
            Self::Awake { idle_days: None, used } => write!(f, "{used} on a key that nobody should be using"),
            Self::UsdCap { window, used, cap } => write!(f, "{used} this {}, the ceiling is {cap}", window.as_str()),
            Self::TokenCap { window, used, cap } => {
                write!(f, "{used} tokens this {}, the ceiling is {cap}", window.as_str())
            }
            Self::Projection { used, projected, limit } => {
                write!(f, "{used} this month, {projected} by its end at this pace, the limit is {limit}")
            }
            Self::Loss { lost, accepted } => {
                write!(f, "about {lost} that nothing explains, the owner accepts {accepted}")
            }
            Self::Feed { age_minutes, why } => write!(f, "no complete data for {}: {why}", span(*age_minutes)),
        }
    }
}

fn span(minutes: i64) -> String {
    humane(chrono::TimeDelta::minutes(minutes))
}
