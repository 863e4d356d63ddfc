use chrono::TimeDelta;
use comfy_table::{CellAlignment, Table, presets};
use serde_json::{Value, json};

use super::every::Played;
use crate::domain::time::humane;
use crate::sandbox::score::{Outcome, Score};

/// The rows for machines.
pub fn rows(played: &[Played]) -> Vec<Value> {
    let row = |one: &Played| {
        let mut row = match &one.score {
            Ok(score) => serde_json::to_value(score).unwrap_or_default(),
            Err(error) => json!({ "error": error.message }),
        };
        row["name"] = one.scene.name().into();
        row["attack"] = one.scene.shape.as_str().into();
        row["passed"] = one.passed().into();
        row
    };
    played.iter().map(row).collect()
}

/// The table for people, with what its columns mean.
pub fn text(played: &[Played]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header([
        "theft",
        "came to",
        "people told",
        "gate closed",
        "kill sent",
        "key refused",
        "lost",
        "without guard",
    ]);
    for one in played {
        let name = one.scene.name();
        match &one.score {
            Ok(score) => {
                let mark = if one.passed() { "" } else { " (!)" };
                table.add_row([
                    name,
                    format!("{}{mark}", came_to(score)),
                    after(score.told_seconds),
                    after(score.gate_seconds),
                    after(score.detect_seconds),
                    after(score.revoke_seconds),
                    score.lost_usd.to_string(),
                    score.lost_without_guard_usd.to_string(),
                ]);
            }
            Err(_) => {
                table.add_row([name, "broke off (!)".to_owned()]);
            }
        }
    }
    for column in table.column_iter_mut().skip(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    format!(
        "{table}\n\nPeople are told after the first stolen request; the other times count from the beginning of the abuse, which \
         a probe may come\nbefore by hours. All of it is read from the sandbox's own log and from the gate's file, not from what \
         guard says."
    )
}

/// A theft that was only told, or not even that, is not called anything better.
fn came_to(score: &Score) -> String {
    match score.outcome {
        Outcome::Unnoticed => "not noticed, not stopped".to_owned(),
        Outcome::Warned => "warned, not stopped".to_owned(),
        Outcome::Stopped => "stopped".to_owned(),
        Outcome::Worthless => format!("worthless: 0 of {} answered", score.refused_requests),
    }
}

fn after(seconds: Option<i64>) -> String {
    seconds.map_or("–".to_owned(), |seconds| humane(TimeDelta::seconds(seconds)))
}
