use chrono::TimeDelta;
use serde_json::json;

use super::acts::Story;
use super::scene::Scene;
use crate::cli::Output;
use crate::domain::ids::KeyId;
use crate::domain::time::{Timestamp, humane};
use crate::sandbox::log::{Line, Plane};
use crate::sandbox::score::{ATTACKER, PIPELINE, Score, death};

/// One line of the timeline.
struct Moment {
    at: Timestamp,
    what: String,
}

/// Prints the timeline and the figures, all from the sandbox's log.
pub fn print(out: &Output, scene: &Scene, story: &Story, score: &Score, passed: bool, log: &[Line]) {
    let moments = timeline(story, log);
    let mut document = serde_json::to_value(score).unwrap_or_default();
    document["type"] = "drill".into();
    document["schema"] = 1.into();
    document["attack"] = scene.shape.as_str().into();
    document["name"] = scene.name().into();
    document["passed"] = passed.into();
    document["timeline"] = moments.iter().map(|m| json!({ "at": m.at, "what": m.what })).collect();
    out.document(&document);

    out.line("");
    out.line(format!("Timeline of the drill ({}), from the sandbox's own log:", scene.name()));
    let days = moments.first().zip(moments.last()).is_some_and(|(a, b)| b.at - a.at > TimeDelta::hours(20));
    for moment in &moments {
        let form = if days { "%a %H:%M:%S" } else { "%H:%M:%S" };
        out.line(format!("  {}  {}", moment.at.format(form), moment.what));
    }
    let seconds = |s: Option<i64>| s.map_or("never".to_owned(), |s| humane(TimeDelta::seconds(s)));
    let stolen = format!("{} answered, {} refused", score.stolen_requests, score.refused_requests);
    let mut lines = vec![
        ("the theft was", score.outcome.as_str().to_owned()),
        ("people were told after", seconds(score.told_seconds)),
        ("time to close the gate", seconds(score.gate_seconds)),
        ("time to detect", seconds(score.detect_seconds)),
        ("time to effective revocation", seconds(score.revoke_seconds)),
        ("lost", score.lost_usd.to_string()),
        ("lost without guard", score.lost_without_guard_usd.to_string()),
        ("stolen requests", stolen),
        ("failed requests", format!("{} of {}", score.failed_requests, score.pipeline_requests)),
        ("false trips", score.false_trips.to_string()),
    ];
    if let Some(outage) = &score.outage {
        lines.push(("provider down for", seconds(Some(outage.seconds))));
        lines.push(("key stopped after recovery", seconds(outage.kill_seconds_after)));
        lines.push(("longest silence meanwhile", seconds(Some(outage.longest_silence_seconds))));
        lines.push(("announced before it was dead", if outage.announced_early { "yes" } else { "no" }.to_owned()));
    }
    out.line("");
    for (what, figure) in lines {
        out.line(format!("  {what:<28}  {figure}"));
    }
}

fn timeline(story: &Story, log: &[Line]) -> Vec<Moment> {
    let plot = &story.plot;
    let key = |id: &KeyId| {
        let name = story.names.iter().find(|(of, _)| of == id).map(|(_, name)| (*name).to_owned());
        name.unwrap_or_else(|| id.to_string())
    };
    let accepted = |l: &Line| (200..300).contains(&l.status);
    let by = |actor: &'static str| {
        move |l: &&Line| l.plane == Plane::Inference && l.path == "/v1/messages" && l.actor.as_deref() == Some(actor)
    };
    let mut moments = Vec::new();
    let mut add = |line: Option<&Line>, what: String| moments.extend(line.map(|l| Moment { at: l.at, what }));
    for (id, name) in &story.names {
        let of = |l: &&Line| l.key.as_ref() == Some(id) && accepted(l);
        add(log.iter().filter(by(PIPELINE)).find(of), format!("the pipeline's first message with {name}"));
        add(log.iter().filter(by(PIPELINE)).rfind(of), format!("the pipeline's last message with {name}"));
    }
    let mut denied = 0;
    for line in log.iter().filter(|l| l.plane == Plane::Admin && l.method == "POST" && l.at >= plot.watched_from) {
        let (Some(id), Some(note)) = (&line.key, &line.note) else { continue };
        let (verb, order) = match note.split("; ").next() {
            Some("status inactive") => ("deactivates", "deactivate"),
            Some("status active") => ("activates", "activate"),
            Some("status archived") => ("archives", "archive"),
            _ => continue,
        };
        if accepted(line) {
            add(Some(line), format!("guard {verb} {}", key(id)));
        } else {
            denied += 1;
            // One line for all that follow.
            if denied == 1 {
                add(Some(line), format!("guard orders the provider to {order} {}: it takes no orders", key(id)));
            }
        }
    }
    if let Some((_, until)) = plot.outage {
        moments.push(Moment { at: until, what: format!("the provider is back; it refused {denied} orders") });
    }
    let mut add = |line: Option<&Line>, what: String| moments.extend(line.map(|l| Moment { at: l.at, what }));
    if let Some(replaced) = &plot.replaced {
        add(death(log, replaced, Some(plot.watched_from)), "the old key is refused: proven dead".to_owned());
    }
    let strikes = || log.iter().filter(by(ATTACKER));
    let answered = strikes().find(|l| accepted(l));
    add(answered, "THEFT: the first stolen request".to_owned());
    if answered.is_none() {
        add(strikes().next(), format!("THEFT: the first request with {}, which is refused", key(&plot.stolen)));
    }
    let harm = strikes().find(|l| accepted(l) && l.at >= plot.harm_from);
    add(harm.filter(|l| answered.is_some_and(|a| a.at != l.at)), "the abuse begins".to_owned());
    add(strikes().rfind(|l| accepted(l)), "the last stolen request that was answered".to_owned());
    let robbed = harm.or(answered).map(|l| l.at);
    add(death(log, &plot.stolen, robbed), format!("{} is refused: proven dead", key(&plot.stolen)));
    let told = log.iter().filter(|l| {
        l.plane == Plane::People && l.key.as_ref() == Some(&plot.stolen) && answered.is_some_and(|a| l.at >= a.at)
    });
    for (count, line) in told.enumerate().take(MOST_TOLD) {
        let note = line.note.as_deref().unwrap_or_default();
        let more = if count + 1 == MOST_TOLD { " …" } else { "" };
        let event = note.split(": ").next().unwrap_or_default();
        add(Some(line), format!("people are told: {event}{more}"));
    }
    moments.sort_by_key(|m| m.at);
    moments
}

/// So many messages to people are shown.
const MOST_TOLD: usize = 6;
