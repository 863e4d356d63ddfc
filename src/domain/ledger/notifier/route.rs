//! Which channel is told what, and when.

use std::time::Duration;

use chrono::{Datelike, TimeDelta, Timelike};
use chrono_tz::Tz;

use crate::domain::ids::WorkspaceName;
use crate::domain::ledger::field::{Choice, DAY, Lasting, List, MINUTE, Text, slug, time_zone};
use crate::domain::ledger::section::Section;
use crate::domain::ledger::words::shown;
use crate::domain::message::Phase;
use crate::domain::notice::{Notice, Severity};
use crate::domain::time::Timestamp;

/// What a channel is told, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The least severity.
    pub at_least: Severity,
    /// Only notices about workspaces of these environments, and about none; empty: all.
    pub environments: Vec<String>,
    /// Only these events: names, or beginnings followed by `*`; empty: all.
    pub events: Vec<String>,
    /// Only at this time of day.
    pub hours: Option<Hours>,
    /// Only on these days, 0 = Monday; empty: every day.
    pub days: Vec<u8>,
    /// The zone that hours and days are meant in.
    pub timezone: Tz,
    /// A critical matter that nobody has acknowledged is told again every so often.
    pub repeat: Option<Duration>,
    /// Only critical matters that nobody has acknowledged for so long.
    pub unacknowledged_for: Option<Duration>,
}

impl Default for Route {
    fn default() -> Self {
        Self {
            at_least: Severity::Warning,
            environments: Vec::new(),
            events: Vec::new(),
            hours: None,
            days: Vec::new(),
            timezone: chrono_tz::UTC,
            repeat: None,
            unacknowledged_for: None,
        }
    }
}

/// A part of the day, in minutes from midnight; it wraps around midnight when it ends before it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hours {
    /// From, included.
    pub from: u16,
    /// Until, not included.
    pub until: u16,
}

impl Hours {
    fn contains(self, minute: u16) -> bool {
        if self.from <= self.until {
            (self.from..self.until).contains(&minute)
        } else {
            minute >= self.from || minute < self.until
        }
    }
}

impl Route {
    /// Why the channel is not told of this notice whatever the hour; `None` when it is. `environment` is that of the notice's
    /// workspace.
    pub fn refuses(&self, notice: &Notice, environment: Option<&str>) -> Option<&'static str> {
        let fits = |pattern: &String| match pattern.strip_suffix('*') {
            Some(prefix) => notice.event.starts_with(prefix),
            None => *pattern == notice.event,
        };
        if notice.severity < self.at_least {
            return Some("less severe than the channel is told");
        }
        if environment.is_some_and(|e| !self.environments.is_empty() && !self.environments.iter().any(|x| x == e)) {
            return Some("another environment");
        }
        if !self.events.is_empty() && !self.events.iter().any(fits) {
            return Some("another kind of event");
        }
        let escalates = notice.severity == Severity::Critical && notice.phase() == Phase::Begins;
        (self.unacknowledged_for.is_some() && !escalates).then_some("only what nobody acknowledges is told here")
    }

    /// Whether the channel is told things at this instant.
    pub fn is_on_duty(&self, at: Timestamp) -> bool {
        let local = at.with_timezone(&self.timezone);
        let minute = local.hour() * 60 + local.minute();
        // Hours that wrap around midnight belong to the day on which they began.
        let began = match self.hours {
            Some(hours) if hours.from > hours.until && minute < u32::from(hours.until) => local - TimeDelta::days(1),
            _ => local,
        };
        let day = u8::try_from(began.weekday().num_days_from_monday()).unwrap_or(u8::MAX);
        let day_fits = self.days.is_empty() || self.days.contains(&day);
        let hour_fits = self.hours.is_none_or(|hours| hours.contains(u16::try_from(minute).unwrap_or(u16::MAX)));
        day_fits && hour_fits
    }

    /// The environment's name of a workspace, as [`Route::refuses`] wants it.
    pub fn environment<'l>(
        ledger: &'l crate::domain::ledger::Ledger,
        workspace: Option<&WorkspaceName>,
    ) -> Option<&'l str> {
        ledger.workspace(workspace?).map(|w| w.environment.as_str())
    }
}

/// Reads the fields that all kinds have.
pub(super) fn read(section: &mut Section<'_, '_, '_>) -> Route {
    let usual = Route::default();
    let route = Route {
        at_least: section.with_default(
            "at_least",
            "The least severity that the channel is told.",
            Choice(&[
                ("info", Severity::Info),
                ("notice", Severity::Notice),
                ("warning", Severity::Warning),
                ("critical", Severity::Critical),
            ]),
            usual.at_least,
        ),
        environments: section.with_default(
            "environments",
            "Only workspaces of these environments (and what concerns no workspace); empty: all.",
            List(slug::<WorkspaceName>("prod")),
            Vec::new(),
        ).into_iter().map(String::from).collect(),
        events: section.with_default(
            "events",
            "Only these events: names, or beginnings of names followed by `*`; empty: all.",
            List(event_pattern()),
            Vec::new(),
        ),
        hours: section.optional(
            "hours",
            "Only at this time of day. A critical notice that no channel would get is sent at any hour.",
            hours(),
        ),
        days: section.with_default(
            "days",
            "Only on these days of the week; empty: every day.",
            List(Choice(&[("mon", 0), ("tue", 1), ("wed", 2), ("thu", 3), ("fri", 4), ("sat", 5), ("sun", 6)])),
            Vec::new(),
        ),
        timezone: section.with_default(
            "timezone",
            "The time zone that hours and days are meant in.",
            time_zone(),
            usual.timezone,
        ),
        repeat: section.optional(
            "repeat",
            "A critical matter that lasts is told again every so often until somebody acknowledges it (`guard incident ack`) or it is over.",
            Lasting(MINUTE, DAY),
        ),
        unacknowledged_for: section.optional(
            "unacknowledged_for",
            "Escalation: the channel is told only of critical matters that nobody has acknowledged for so long.",
            Lasting(MINUTE, DAY),
        ),
    };
    if section.has("timezone") && route.hours.is_none() && route.days.is_empty() {
        section.warn_at(
            &["timezone"],
            "`timezone` has no effect without `hours` or `days`",
            "remove it, or add `hours`",
        );
    }
    route
}

/// The name of an event, or the beginning of names.
fn event_pattern() -> Text<String> {
    Text {
        parse: |typed| {
            let name = typed.strip_suffix('*').unwrap_or(typed);
            let plain = |b: u8| b.is_ascii_lowercase() || matches!(b, b'.' | b'_');
            match !typed.is_empty() && typed.len() <= 64 && name.bytes().all(plain) {
                true => Ok(typed.to_owned()),
                false => Err(format!("`{}` is not the name of an event", shown(typed))),
            }
        },
        show: String::clone,
        allowed: "the name of an event as notices carry it (`key.tripped`), or a beginning followed by `*` (`key.*`)",
        example: "key.*",
        pattern: r"^([a-z._]+\*?|\*)$",
    }
}

/// A part of the day, `"08:00-18:00"`.
fn hours() -> Text<Hours> {
    Text {
        parse: |typed| {
            let minute = |text: &str| {
                let (hour, minute) = text.split_once(':')?;
                let number = |part: &str| (part.len() == 2).then(|| part.parse::<u16>().ok()).flatten();
                let (hour, minute) = (number(hour)?, number(minute)?);
                (minute < 60 && hour * 60 + minute <= 24 * 60).then_some(hour * 60 + minute)
            };
            typed
                .split_once('-')
                .and_then(|(from, until)| Some(Hours { from: minute(from)?, until: minute(until)? }))
                .filter(|hours| hours.from != hours.until && hours.from < 24 * 60)
                .ok_or_else(|| format!("`{}` is not a part of the day", shown(typed)))
        },
        show: |hours| {
            let time = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
            format!("{}-{}", time(hours.from), time(hours.until))
        },
        allowed: "a part of the day as HH:MM-HH:MM, from 00:00 to 24:00; `22:00-06:00` goes over midnight",
        example: "08:00-18:00",
        pattern: r"^([01][0-9]|2[0-3]):[0-5][0-9]-(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$",
    }
}
