use serde_json::json;

use super::acts::Story;
use crate::cli::Output;
use crate::domain::ids::KeyId;
use crate::domain::time::{Timestamp, humane};
use crate::sandbox::attack::Shape;
use crate::sandbox::log::{Line, Plane};
use crate::sandbox::score::{ATTACKER, PIPELINE, Score, death};

/// One line of the timeline.
struct Moment {
    at: Timestamp,
    what: String,
}

/// Prints the timeline and the figures, all from the sandbox's log.
pub fn print(out: &Output, attack: Shape, story: &Story, score: &Score, log: &[Line]) {
    let moments = timeline(story, log);
    let mut document = serde_json::to_value(score).unwrap_or_default();
    document["type"] = "drill".into();
    document["schema"] = 1.into();
    document["attack"] = attack.as_str().into();
    document["passed"] = score.passed().into();
    document["timeline"] = moments.iter().map(|m| json!({ "at": m.at, "what": m.what })).collect();
    out.document(&document);

    out.line("");
    out.line(format!("Timeline of the drill ({}), from the sandbox's own log:", attack.as_str()));
    for moment in &moments {
        out.line(format!("  {}  {}", moment.at.format("%H:%M:%S"), moment.what));
    }
    let seconds = |s: Option<i64>| s.map_or("never".to_owned(), |s| humane(chrono::TimeDelta::seconds(s)));
    out.line("");
    out.line(format!("  time to detect                {}", seconds(score.detect_seconds)));
    out.line(format!("  time to effective revocation  {}", seconds(score.revoke_seconds)));
    out.line(format!("  lost                          {}", score.lost_usd));
    out.line(format!("  lost without guard            {}", score.lost_without_guard_usd));
    out.line(format!("  failed requests               {} of {}", score.failed_requests, score.pipeline_requests));
    out.line(format!("  false trips                   {}", score.false_trips));
}

fn timeline(story: &Story, log: &[Line]) -> Vec<Moment> {
    let plot = &story.plot;
    let key = |id: &KeyId| match id {
        id if *id == plot.replaced => "the old key".to_owned(),
        id if *id == plot.stolen => "the new key".to_owned(),
        id if *id == story.standby => "the standby".to_owned(),
        id => id.to_string(),
    };
    let accepted = |l: &Line| (200..300).contains(&l.status);
    let by = |actor: &'static str| {
        move |l: &&Line| l.plane == Plane::Inference && l.path == "/v1/messages" && l.actor.as_deref() == Some(actor)
    };
    let mut moments = Vec::new();
    let mut add = |line: Option<&Line>, what: String| moments.extend(line.map(|l| Moment { at: l.at, what }));
    for id in [&plot.replaced, &plot.stolen, &story.standby] {
        let of = |l: &&Line| l.key.as_ref() == Some(id) && accepted(l);
        add(log.iter().filter(by(PIPELINE)).find(of), format!("the pipeline's first message with {}", key(id)));
        add(log.iter().filter(by(PIPELINE)).rfind(of), format!("the pipeline's last message with {}", key(id)));
    }
    let orders =
        log.iter().filter(|l| l.plane == Plane::Admin && l.method == "POST" && accepted(l) && l.at >= story.begun);
    for line in orders {
        let (Some(id), Some(note)) = (&line.key, &line.note) else { continue };
        let verb = match note.as_str() {
            "status inactive" => "deactivates",
            "status active" => "activates",
            "status archived" => "archives",
            _ => continue,
        };
        add(Some(line), format!("guard {verb} {}", key(id)));
    }
    let watched = Some(plot.watched_from);
    add(death(log, &plot.replaced, watched), "the old key is refused: proven dead".to_owned());
    let strikes = || log.iter().filter(by(ATTACKER));
    add(strikes().find(|l| accepted(l)), "THEFT: the first stolen request".to_owned());
    add(strikes().rfind(|l| accepted(l)), "the last stolen request that was answered".to_owned());
    let robbed = strikes().find(|l| accepted(l)).map(|l| l.at);
    add(death(log, &plot.stolen, robbed), "the stolen key is refused: proven dead".to_owned());
    moments.sort_by_key(|m| m.at);
    moments
}
