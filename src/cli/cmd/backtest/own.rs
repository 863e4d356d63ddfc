use std::collections::BTreeMap;

use serde_json::json;

use super::{Args, percent, table};
use crate::app::backtest::own::{self, Kind, Order, Report};
use crate::cli::{Failure, Session};
use crate::domain::ids::WorkspaceName;
use crate::domain::ledger::TripMode;
use crate::domain::time::rfc3339;
use crate::exit::Exit;
use crate::wiring;

/// How many thefts of each kind are tried on each key, unless the person says otherwise.
const THEFTS: u32 = 3;
/// At most so many verdicts are printed.
const SHOWN: usize = 20;

/// Replays a workspace's own past.
pub(super) async fn run(args: &Args, workspace: WorkspaceName, session: &Session) -> Result<Exit, Failure> {
    let app = session.app("backtest")?;
    session.workspace(&app.ledger, &workspace)?;
    let order =
        Order { workspace, days: args.days, inject: args.inject.unwrap_or(THEFTS), seed: args.seed, jobs: args.jobs };
    let report = own::run(&app, &order).await?;
    let diff = if args.suggest { Some(diff(session, &report)?) } else { None };
    session.out.document(&json!({ "type": "backtest", "schema": 1, "backtest": report, "diff": diff }));
    print(session, &report);
    if let Some(diff) = diff {
        print_proposal(session, &report, &diff);
    } else if !report.proposal.suggestions.is_empty() {
        session.out.line("");
        session.out.line("`--suggest` proposes settings that fit.");
    }
    Ok(Exit::Done)
}

/// The proposed change to the ledger as a unified diff; empty when nothing is proposed.
fn diff(session: &Session, report: &Report) -> Result<String, Failure> {
    let text = session.judged(wiring::load_ledger(&session.paths))?.text;
    wiring::ledger_diff(&session.paths, &text, &report.workspace, &report.proposal.suggestions)
}

fn print(session: &Session, report: &Report) {
    let out = &session.out;
    if let Some(why) = &report.trouble {
        out.note(format!("guard: what is not stored yet could not be read from the provider: {why}"));
    }
    let keys =
        if report.principals.len() == 1 { "1 key".to_owned() } else { format!("{} keys", report.principals.len()) };
    out.line(format!(
        "{}: {keys}, {} from {} to {}",
        report.workspace,
        report.spent,
        rfc3339(report.from),
        rfc3339(report.until)
    ));
    match (report.verdicts.len(), report.trips) {
        (0, _) => out.line("Nothing of it would have been remarked."),
        (all, trips) => {
            out.line(format!("It would have tripped {} and warned {}:", times(trips), times(all - trips)));
        }
    }
    for verdict in report.verdicts.iter().take(SHOWN) {
        let whose = verdict.principal.as_ref().map_or_else(|| report.workspace.to_string(), ToString::to_string);
        out.line(format!(
            "  {} {} {whose} ({}): {}",
            rfc3339(verdict.polled_at),
            verdict.level.as_str(),
            verdict.rule,
            verdict.sentence
        ));
    }
    if report.verdicts.len() > SHOWN {
        let mut rest: BTreeMap<(&str, &str), usize> = BTreeMap::new();
        for verdict in &report.verdicts[SHOWN..] {
            *rest.entry((verdict.level.as_str(), verdict.rule.as_str())).or_default() += 1;
        }
        let rest: Vec<String> = rest.iter().map(|((level, rule), n)| format!("{n} × {level} by {rule}")).collect();
        out.line(format!("  and {} more: {} (`--json` lists all)", report.verdicts.len() - SHOWN, rest.join(", ")));
    }
    out.line("");
    if report.kinds.is_empty() {
        out.line("No theft was tried: that takes 13 days of usage and a key.");
        return;
    }
    let on = if report.tried_on == 1 { "the key".to_owned() } else { format!("{} keys", report.tried_on) };
    let accepted = report
        .acceptable_loss
        .map_or_else(|| "`acceptable_loss` is not set".to_owned(), |accepted| format!("{accepted} are acceptable"));
    let mode = match report.mode {
        TripMode::Observe => "; guard only observes today, so that a theft would go on after the delay",
        TripMode::Gate => "; a trip closes the gate today, but the key lives on",
        TripMode::Kill => "",
    };
    out.line(format!("Thefts at random minutes, on {on}, until guard would trip ({accepted}{mode}):"));
    out.line(thefts(&report.kinds).to_string());
}

fn times(count: usize) -> String {
    match count {
        0 => "never".to_owned(),
        1 => "once".to_owned(),
        n => format!("{n} times"),
    }
}

fn thefts(kinds: &[Kind]) -> comfy_table::Table {
    let number = |value: Option<f64>| value.map_or("–".to_owned(), |value| format!("{value:.0}"));
    let money = |value: Option<f64>| value.map_or("–".to_owned(), |value| format!("${value:.2}"));
    let mut table = table([
        "theft",
        "tried",
        "tripped",
        "warned",
        "warned after",
        "tripped after",
        "p95 min",
        "loss",
        "p95",
        "above acceptable",
    ]);
    for kind in kinds {
        table.add_row([
            kind.kind.clone(),
            kind.thefts.to_string(),
            percent(kind.tripped),
            percent(kind.warned),
            number(kind.warn_delay_minutes_median),
            number(kind.delay_minutes_median),
            number(kind.delay_minutes_p95),
            money(kind.loss_usd_median),
            money(kind.loss_usd_p95),
            kind.above_acceptable.map_or("–".to_owned(), percent),
        ]);
    }
    table
}

fn print_proposal(session: &Session, report: &Report, diff: &str) {
    let out = &session.out;
    out.line("");
    for reservation in &report.proposal.reservations {
        out.line(format!("Not proposed: {reservation}."));
    }
    if diff.is_empty() {
        out.line("No change to the ledger is proposed.");
        return;
    }
    out.line("Proposed, because:");
    for suggestion in &report.proposal.suggestions {
        out.line(format!("  {}: {}", suggestion.path.join("."), suggestion.why));
    }
    out.line("");
    for line in diff.lines() {
        out.line(line);
    }
}
