use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::domain::ledger::RuleAction;

/// The watchdog's rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// More in a window than the key ever used.
    Spike,
    /// Usage that earlier days do not explain adds up, or goes on for longer than any run.
    Drift,
    /// An absolute cap.
    Ceiling,
    /// The projected month, or a declared budget.
    Budget,
    /// The estimated loss reached what the owner accepts.
    Loss,
    /// A model outside the allow-list.
    Model,
    /// A model that the key never used.
    FirstUse,
    /// Usage when no job ran.
    Alibi,
    /// More in a recorded run than any run ever used.
    RunSize,
    /// Usage on a key that nobody should be using.
    Dormant,
    /// Usage on a key that exists to be stolen.
    Canary,
    /// Usage on a key that the ledger does not know, or on no key.
    Stranger,
    /// No trustworthy data.
    Blind,
}

impl Rule {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Spike,
        Self::Drift,
        Self::Ceiling,
        Self::Budget,
        Self::Loss,
        Self::Model,
        Self::FirstUse,
        Self::Alibi,
        Self::RunSize,
        Self::Dormant,
        Self::Canary,
        Self::Stranger,
        Self::Blind,
    ];

    /// The name in the ledger, in verdicts and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Spike => "spike",
            Self::Drift => "drift",
            Self::Ceiling => "ceiling",
            Self::Budget => "budget",
            Self::Loss => "loss",
            Self::Model => "model",
            Self::FirstUse => "first_use",
            Self::Alibi => "alibi",
            Self::RunSize => "run_size",
            Self::Dormant => "dormant",
            Self::Canary => "canary",
            Self::Stranger => "stranger",
            Self::Blind => "blind",
        }
    }

    /// The rule of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.as_str() == name)
    }

    /// It judges by statistics and needs history; what it says is probable, not certain.
    pub const fn is_statistical(self) -> bool {
        matches!(self, Self::Spike | Self::Drift | Self::RunSize)
    }

    /// The most it may lead to unless the ledger says otherwise.
    pub const fn default_action(self) -> RuleAction {
        match self {
            Self::Stranger | Self::Budget | Self::Blind | Self::RunSize => RuleAction::Warn,
            _ => RuleAction::Trip,
        }
    }

    /// The most it may lead to under this policy.
    pub fn action(self, policy: &BTreeMap<String, RuleAction>) -> RuleAction {
        policy.get(self.as_str()).copied().unwrap_or(self.default_action())
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_is_found_by_its_name() {
        for rule in Rule::ALL {
            assert_eq!(Rule::named(rule.as_str()), Some(rule));
        }
        assert_eq!(Rule::named("spikes"), None);
    }

    #[test]
    fn the_ledger_overrides_the_default() {
        let policy = BTreeMap::from([("spike".to_owned(), RuleAction::Warn)]);
        assert_eq!(Rule::Spike.action(&policy), RuleAction::Warn);
        assert_eq!(Rule::Drift.action(&policy), RuleAction::Trip);
    }
}
