//! Usage as the feed reports it: tokens by class, per minute, principal and model. Buckets *replace* what was known of
//! their minute; they are never added to it.

use std::ops::{Add, AddAssign};

use serde::{Deserialize, Serialize};

use super::ids::{Principal, WorkspaceId};
use super::time::Minute;

/// Tokens by price class. Counts saturate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Tokens {
    /// Input that was neither read from nor written to a cache.
    pub uncached_input: u64,
    /// Input read from a cache.
    pub cache_read: u64,
    /// Input written to a cache for five minutes.
    pub cache_write_5m: u64,
    /// Input written to a cache for an hour.
    pub cache_write_1h: u64,
    /// Output.
    pub output: u64,
    /// Web searches made by the server (requests, not tokens).
    pub web_searches: u64,
}

impl Tokens {
    /// All tokens, whatever their class; web searches do not count.
    pub fn total(&self) -> u64 {
        self.input().saturating_add(self.output)
    }

    /// All input, cached or not.
    pub fn input(&self) -> u64 {
        self.uncached_input
            .saturating_add(self.cache_read)
            .saturating_add(self.cache_write_5m)
            .saturating_add(self.cache_write_1h)
    }

    /// No usage at all.
    pub fn is_zero(&self) -> bool {
        *self == Self::default()
    }
}

impl Add for Tokens {
    type Output = Self;
    fn add(self, o: Self) -> Self {
        Self {
            uncached_input: self.uncached_input.saturating_add(o.uncached_input),
            cache_read: self.cache_read.saturating_add(o.cache_read),
            cache_write_5m: self.cache_write_5m.saturating_add(o.cache_write_5m),
            cache_write_1h: self.cache_write_1h.saturating_add(o.cache_write_1h),
            output: self.output.saturating_add(o.output),
            web_searches: self.web_searches.saturating_add(o.web_searches),
        }
    }
}

impl AddAssign for Tokens {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

/// How usage was billed, beyond the model. Words are the provider's own; unknown ones are kept.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Billing {
    /// `standard`, `batch`, `priority`, …
    pub service_tier: Option<String>,
    /// `0-200k`, `200k-1M`, …
    pub context_window: Option<String>,
    /// `global`, `us`, …
    pub inference_geo: Option<String>,
}

/// One line of the feed: what one principal used of one model in one minute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageRow {
    /// When.
    pub minute: Minute,
    /// Who.
    pub principal: Principal,
    /// Where; `None` is the default workspace.
    pub workspace: Option<WorkspaceId>,
    /// The model's id as reported; may be one that guard does not know.
    pub model: String,
    /// Tier, context window and geography.
    pub billing: Billing,
    /// How much.
    pub tokens: Tokens,
}

/// A stretch of the feed, read to its last page: everything that the provider showed for `from..until` at `read_at`.
/// A minute without rows inside the stretch was reported as empty, which is no proof of silence until newer data exists.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct UsageWindow {
    /// First minute that was asked for and answered.
    pub from: Option<Minute>,
    /// First minute after the stretch.
    pub until: Option<Minute>,
    /// The lines, oldest first.
    pub rows: Vec<UsageRow>,
}
