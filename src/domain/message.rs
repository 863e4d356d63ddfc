//! A notice on its way to one channel: which matter it belongs to and what it does to that matter. Channels that keep an open
//! page (a pager, an alert manager) open, take and close it by the matter's name.

use super::notice::{Notice, Severity};

/// What a notice does to the matter it belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// It stands alone; nothing will end it.
    Single,
    /// A matter begins that lasts until it ends.
    Begins,
    /// News of a matter that lasts.
    Continues,
    /// A person has taken it on.
    Acknowledged,
    /// It is over.
    Ends,
}

impl Phase {
    /// The phase of this word.
    pub fn of_word(word: &str) -> Option<Self> {
        [Self::Single, Self::Begins, Self::Continues, Self::Acknowledged, Self::Ends]
            .into_iter()
            .find(|phase| phase.as_str() == word)
    }

    /// The word for machines.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Single => "single",
            Self::Begins => "begins",
            Self::Continues => "continues",
            Self::Acknowledged => "acknowledged",
            Self::Ends => "ends",
        }
    }
}

/// Tells that a person has taken an incident on.
pub const ACKNOWLEDGED: &str = "incident.acknowledged";

impl Notice {
    /// The stable name of the matter: an incident, a blindness, a task that does not succeed; else the notice's own.
    pub fn thread(&self) -> String {
        match (&self.workspace, self.incident, self.event.as_str()) {
            (Some(workspace), Some(incident), _) => format!("{workspace}/incident/{incident}"),
            (_, _, "feed.blind" | "feed.seen") => "feed".to_owned(),
            (Some(workspace), None, event @ ("task.blocked" | "task.recovered")) => {
                // The announcement of a task ends in its name.
                match self.dedup.split_once(&format!("/{event}/")) {
                    Some((_, task)) => format!("{workspace}/task/{task}"),
                    None => self.dedup.clone(),
                }
            }
            _ => self.dedup.clone(),
        }
    }

    /// What it does to that matter.
    pub fn phase(&self) -> Phase {
        match (self.event.as_str(), self.incident) {
            (ACKNOWLEDGED, Some(_)) => Phase::Acknowledged,
            ("incident.rearmed" | "incident.closed" | "incident.resolved", Some(_)) | ("feed.seen", _) => Phase::Ends,
            ("task.recovered", None) => Phase::Ends,
            ("key.tripped", Some(_)) | ("feed.blind", _) | ("task.blocked", None) => Phase::Begins,
            (_, Some(_)) => Phase::Continues,
            _ => Phase::Single,
        }
    }
}

/// What a channel is asked to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The words. For several alike notices: what they have in common.
    pub notice: Notice,
    /// The matter's name as this channel knows it.
    pub thread: String,
    /// What it does to that matter.
    pub phase: Phase,
    /// The notice that opened the matter on this channel, where it is another one.
    pub opened_by: Option<Notice>,
    /// It was said before and nobody has taken it on.
    pub again: bool,
}

impl Message {
    /// One notice by itself.
    pub fn of(notice: Notice) -> Self {
        Self { thread: notice.thread(), phase: notice.phase(), notice, opened_by: None, again: false }
    }

    /// The least number of alike notices that become one message.
    pub const ALIKE: usize = 3;

    /// Whether two notices of one round are alike enough for one message: the same thing happened, equally bad, at about the same
    /// time, somewhere else.
    pub fn alike(one: &Notice, other: &Notice) -> bool {
        one.event == other.event
            && one.severity == other.severity
            && one.phase() == other.phase()
            && (one.at - other.at).abs() <= chrono::TimeDelta::minutes(5)
    }

    /// Several alike notices as one. `None` for an empty list.
    pub fn of_alike(notices: &[Notice]) -> Option<Self> {
        /// So many are spelled out.
        const SHOWN: usize = 10;
        let first = notices.first()?;
        let mut names: Vec<&str> = notices.iter().filter_map(|n| n.workspace.as_ref()).map(|w| w.as_str()).collect();
        names.dedup();
        let whose = match names.as_slice() {
            [] => String::new(),
            [one] => format!(" in {one}"),
            [one, two, three, _, ..] => format!(" in {one}, {two}, {three} and {} more", names.len() - 3),
            few => format!(" in {}", few.join(", ")),
        };
        let what = match first.event.as_str() {
            "key.tripped" => "incidents",
            "key.trip_observed" => "trips that were only observed",
            "incident.rearmed" => "incidents released",
            "task.blocked" => "tasks that do not succeed",
            "kill.unconfirmed" => "kills that are not confirmed",
            event => event,
        };
        let mut detail: Vec<String> = notices.iter().take(SHOWN).map(|n| format!("• {}", n.summary)).collect();
        if notices.len() > SHOWN {
            detail.push(format!("and {} more; `guard status` shows all", notices.len() - SHOWN));
        }
        let notice = Notice {
            dedup: format!("group/{}", first.dedup),
            summary: format!("{} {what} at once{whose}", notices.len()),
            detail: detail.join("\n"),
            workspace: None,
            key: None,
            incident: None,
            evidence_head: notices.iter().rev().find_map(|n| n.evidence_head.clone()),
            ..first.clone()
        };
        Some(Self { thread: notice.dedup.clone(), phase: first.phase(), notice, opened_by: None, again: false })
    }

    /// The severity that channels choose by: an ending matters to whoever was told of the beginning.
    pub fn is_critical(&self) -> bool {
        self.notice.severity == Severity::Critical
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{IncidentId, WorkspaceName};

    fn notice(event: &str, workspace: &str, incident: Option<u64>) -> Notice {
        Notice {
            dedup: format!("{workspace}/7/{event}"),
            event: event.to_owned(),
            severity: Severity::Critical,
            at: chrono::DateTime::from_timestamp(1_700_000_000, 0).unwrap(),
            workspace: Some(WorkspaceName::new(workspace).unwrap()),
            key: None,
            incident: incident.map(IncidentId),
            summary: format!("{workspace}: gate closed"),
            detail: String::new(),
            evidence_head: Some("7:aa".into()),
        }
    }

    #[test]
    fn everything_about_an_incident_is_one_matter() {
        let told = [
            ("key.tripped", Phase::Begins),
            ("key.dead", Phase::Continues),
            ("task.blocked", Phase::Continues),
            ("incident.acknowledged", Phase::Acknowledged),
            ("incident.rearmed", Phase::Ends),
        ];
        for (event, phase) in told {
            let notice = notice(event, "prod", Some(3));
            assert_eq!((notice.thread().as_str(), notice.phase()), ("prod/incident/3", phase), "{event}");
        }
    }

    #[test]
    fn a_task_that_succeeds_again_ends_what_its_failure_began() {
        let named = |event: &str| Notice {
            dedup: format!("prod/{}/{event}/deliver to api", event.len()),
            ..notice(event, "prod", None)
        };
        let (blocked, recovered) = (named("task.blocked"), named("task.recovered"));
        assert_eq!(blocked.thread(), "prod/task/deliver to api");
        assert_eq!(blocked.thread(), recovered.thread());
        assert_eq!((blocked.phase(), recovered.phase()), (Phase::Begins, Phase::Ends));
        assert_eq!(notice("rotation.ended", "prod", None).phase(), Phase::Single);
    }

    #[test]
    fn twenty_workspaces_by_one_cause_are_one_message() {
        let all: Vec<Notice> = (1..=20).map(|n| notice("key.tripped", &format!("w{n}"), Some(1))).collect();
        assert!(all.iter().all(|n| Message::alike(&all[0], n)));
        let message = Message::of_alike(&all).unwrap();
        assert_eq!(message.notice.summary, "20 incidents at once in w1, w2, w3 and 17 more");
        assert_eq!(message.notice.detail.lines().count(), 11);
        assert!(message.notice.detail.ends_with("and 10 more; `guard status` shows all"));
        assert_eq!((message.thread.as_str(), message.phase), ("group/w1/7/key.tripped", Phase::Begins));
        assert!(!Message::alike(&all[0], &notice("key.dead", "w2", Some(1))));
    }
}
