//! Whether, how and when one channel is told of one notice.

use chrono::TimeDelta;

use crate::app::App;
use crate::app::silence::Silence;
use crate::domain::ledger::{NotifierSettings, Route};
use crate::domain::message::{Message, Phase};
use crate::domain::notice::{Notice, Severity};
use crate::domain::time::Timestamp;
use crate::ports::{OutboxEntry, StoreError};

/// What to do with an entry.
pub(super) enum Verdict {
    /// Say this.
    Say(Box<Message>),
    /// The channel need not be told.
    Skip(String),
    /// Not before this time.
    Hold(Timestamp),
}

/// Judges entries of one channel.
pub(super) struct Judge<'a> {
    pub(super) app: &'a App,
    /// `None`: a channel that the ledger does not describe is told everything.
    pub(super) settings: Option<&'a NotifierSettings>,
    pub(super) silences: &'a [Silence],
    pub(super) now: Timestamp,
}

impl Judge<'_> {
    pub(super) fn judge(&self, entry: &OutboxEntry) -> Result<Verdict, StoreError> {
        let notice = &entry.notice;
        if notice.event == super::CHANNEL_FAILED && notice.dedup.starts_with(&super::failure_id(&entry.notifier)) {
            return Ok(skip("it is about this channel"));
        }
        match notice.phase() {
            Phase::Acknowledged | Phase::Ends => self.news_of_an_end(entry),
            Phase::Begins => self.beginning(entry),
            Phase::Single | Phase::Continues => self.routed(entry, notice.at, false),
        }
    }

    /// Whoever was told that something began is told that somebody took it on, and that it is over; nobody else is.
    fn news_of_an_end(&self, entry: &OutboxEntry) -> Result<Verdict, StoreError> {
        let outbox = &self.app.outbox;
        let Some((opened_by, told_as)) = outbox.opening(entry.id)? else {
            return Ok(skip("the channel was not told of its beginning"));
        };
        let message = Message::of(entry.notice.clone());
        let in_a_group = told_as != message.thread;
        let ends = message.phase == Phase::Ends;
        if in_a_group && ends && self.keeps_open() && outbox.open_under(&entry.notifier, &told_as)? > 0 {
            return Ok(skip("other matters that it was told together with are not over"));
        }
        Ok(say(Message { thread: told_as, opened_by: Some(opened_by), ..message }))
    }

    fn beginning(&self, entry: &OutboxEntry) -> Result<Verdict, StoreError> {
        let taken = self.app.outbox.taken(entry.id)?;
        if let Some(told_as) = &entry.told_as {
            // A repetition.
            return Ok(match taken {
                Some(Phase::Ends) => skip("it is over"),
                Some(_) => skip("somebody has acknowledged it"),
                None => match self.silenced(&entry.notice) {
                    Some(why) => skip(why),
                    None => {
                        let again =
                            Message { again: true, thread: told_as.clone(), ..Message::of(entry.notice.clone()) };
                        say(again)
                    }
                },
            });
        }
        if taken == Some(Phase::Ends) && self.keeps_open() {
            return Ok(skip("it was over before it could be told"));
        }
        let Some(wait) = self.settings.and_then(|s| s.route.unacknowledged_for) else {
            return self.routed(entry, entry.notice.at, false);
        };
        if taken.is_some() {
            return Ok(skip("somebody has acknowledged it, or it is over"));
        }
        let due = entry.notice.at + TimeDelta::from_std(wait).unwrap_or(TimeDelta::MAX);
        if self.now < due { Ok(Verdict::Hold(due)) } else { self.routed(entry, due, true) }
    }

    fn routed(&self, entry: &OutboxEntry, at: Timestamp, again: bool) -> Result<Verdict, StoreError> {
        let notice = &entry.notice;
        if let Some(why) = self.off_route(notice, at) {
            return Ok(skip(why));
        }
        if let Some(why) = self.silenced(notice) {
            return Ok(skip(why));
        }
        let mut message = Message { again, ..Message::of(notice.clone()) };
        if message.phase == Phase::Continues
            && let Some((opened_by, told_as)) = self.app.outbox.opening(entry.id)?
        {
            message.thread = told_as;
            message.opened_by = Some(opened_by);
        }
        Ok(say(message))
    }

    fn off_route(&self, notice: &Notice, at: Timestamp) -> Option<&'static str> {
        let ledger = &self.app.ledger;
        let environment = Route::environment(ledger, notice.workspace.as_ref());
        let route = &self.settings?.route;
        if let Some(why) = route.refuses(notice, environment) {
            return Some(why);
        }
        if route.is_on_duty(at) {
            return None;
        }
        // A trip must not go unheard because everybody has gone home.
        let heard = ledger.notifiers.iter().map(|other| &other.route).any(|other| {
            other.unacknowledged_for.is_none() && other.refuses(notice, environment).is_none() && other.is_on_duty(at)
        });
        (heard || notice.severity < Severity::Critical).then_some("outside of its hours")
    }

    fn silenced(&self, notice: &Notice) -> Option<String> {
        let name = self.settings.map(|s| &s.name);
        let silence = self.silences.iter().find(|silence| silence.covers(name, notice, self.now))?;
        Some(format!("silence {}: {}", silence.id, silence.reason))
    }

    fn keeps_open(&self) -> bool {
        self.settings.is_some_and(|s| s.kind.keeps_open())
    }
}

fn skip(why: impl Into<String>) -> Verdict {
    Verdict::Skip(why.into())
}

fn say(message: Message) -> Verdict {
    Verdict::Say(Box::new(message))
}
