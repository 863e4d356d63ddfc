mod own;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;

use crate::app::backtest::inject;
use crate::app::backtest::{self, Row, RunRecords, Settings, Summary};
use crate::cli::{Failure, Session};
use crate::domain::ids::WorkspaceName;
use crate::domain::watch::Rule;
use crate::exit::Exit;
use crate::wiring;

/// Arguments of `guard backtest`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Recorded usage: a directory with keys.csv and series, or one CSV file (see docs/backtest.md)
    #[arg(long, value_name = "PATH", required_unless_present = "workspace", conflicts_with = "workspace")]
    data: Option<PathBuf>,
    /// Replay this workspace's own past instead, as the ledger would have judged it
    #[arg(short, long, value_name = "NAME")]
    workspace: Option<WorkspaceName>,
    /// How many days of its past
    #[arg(long, value_name = "N", default_value_t = 31, requires = "workspace", value_parser = clap::value_parser!(u32).range(1..=366))]
    days: u32,
    /// Propose settings, as a change to the ledger
    #[arg(long, requires = "workspace")]
    suggest: bool,
    /// Run only these rules
    #[arg(long, value_name = "RULE", value_delimiter = ',', value_parser = rule, conflicts_with = "workspace")]
    rules: Vec<Rule>,
    /// Where run records come from
    #[arg(long, value_enum, default_value_t = Runs::None, value_name = "SOURCE", conflicts_with = "workspace")]
    runs: Runs,
    /// Add every kind of attack (and, to recorded usage, of harmless change) this many times, at random minutes [default: 0 for
    /// recorded usage, 3 for a workspace]
    #[arg(long, value_name = "N")]
    inject: Option<u32>,
    /// What the random minutes follow from
    #[arg(long, default_value_t = 1, value_name = "NUMBER")]
    seed: u64,
    /// How many threads [default: all cores]
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
}

/// The model of injected thefts.
const FOREIGN_MODEL: &str = "model-o";

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Runs {
    /// There are none
    None,
    /// As if every run of the recorded usage had been started by `guard exec`
    Derived,
}

fn rule(name: &str) -> Result<Rule, String> {
    Rule::named(name).ok_or_else(|| format!("the rules are {}", Rule::ALL.map(Rule::as_str).join(", ")))
}

#[derive(Serialize)]
struct RowLine<'r> {
    r#type: &'static str,
    schema: u32,
    #[serde(flatten)]
    row: &'r Row,
}

#[derive(Serialize)]
struct SummaryLine<'s> {
    r#type: &'static str,
    schema: u32,
    #[serde(flatten)]
    summary: &'s Summary,
}

/// Replays recorded usage and says what the watchdog would have done.
pub async fn run(args: Args, session: &Session) -> Result<Exit, Failure> {
    if let Some(workspace) = args.workspace.clone() {
        return own::run(&args, workspace, session).await;
    }
    let mut data = wiring::read_series(&args.data.unwrap_or_default())?;
    let inject = args.inject.unwrap_or(0);
    if inject > 0 {
        data.cases = inject::cases(&data, inject, args.seed, &Arc::from(FOREIGN_MODEL));
    }
    let runs = match args.runs {
        Runs::None => RunRecords::None,
        Runs::Derived => RunRecords::Derived,
    };
    let (rows, summary) = backtest::run(&data, &Settings { rules: args.rules, runs, jobs: args.jobs });
    for row in &rows {
        session.out.document(&RowLine { r#type: "row", schema: 1, row });
    }
    session.out.document(&SummaryLine { r#type: "summary", schema: 1, summary: &summary });
    print(session, &rows, &summary);
    Ok(Exit::Done)
}

fn print(session: &Session, rows: &[Row], summary: &Summary) {
    let out = &session.out;
    for row in rows.iter().filter(|row| row.class != "attack" && row.trips > 0) {
        let (case, rule) = (row.case.as_deref().unwrap_or("unchanged"), row.rule.map_or("", Rule::as_str));
        let at = row.first_trip_at.map(|at| at.0.to_string()).unwrap_or_default();
        out.line(format!("false trip: {} ({case}, {}) at {at} by {rule}, {} in all", row.key, row.profile, row.trips));
    }
    let number =
        |value: Option<f64>, digits: usize| value.map_or("–".to_owned(), |value| format!("{value:.digits$}"));
    let mut normal = table(["unchanged", "keys", "key-months", "false trips", "a key-month", "warnings a key-month"]);
    for line in &summary.normal {
        normal.add_row([
            line.profile.clone(),
            line.keys.to_string(),
            format!("{:.1}", line.key_months),
            line.false_trips.to_string(),
            format!("{:.3}", line.false_trips_per_key_month),
            format!("{:.2}", line.warns_per_key_month),
        ]);
    }
    let mut benign = table(["harmless change", "cases", "tripped", "share", "warned", ""]);
    for line in &summary.benign {
        benign.add_row([
            line.kind.clone(),
            line.cases.to_string(),
            line.tripped.to_string(),
            percent(line.trip_share),
            percent(line.warn_share),
            String::new(),
        ]);
    }
    let mut attacks = table([
        "attack",
        "file",
        "cases",
        "tripped",
        "warned",
        "delay min",
        "p95",
        "warned after",
        "loss days",
        "p95",
        "floor p95",
        "of attack",
    ]);
    for line in &summary.attacks {
        attacks.add_row([
            line.kind.clone(),
            line.file.clone().unwrap_or_else(|| "all".to_owned()),
            line.cases.to_string(),
            percent(line.detection_rate),
            percent(line.warn_rate),
            number(line.delay_minutes_median, 0),
            number(line.delay_minutes_p95, 0),
            number(line.warn_delay_minutes_median, 0),
            number(line.loss_days_median, 3),
            number(line.loss_days_p95, 3),
            number(line.floor_days_p95, 3),
            line.loss_share_median.map_or("–".to_owned(), percent),
        ]);
    }
    for table in [normal, benign, attacks] {
        if table.row_count() > 0 {
            out.line(table.to_string());
        }
    }
}

fn table<const N: usize>(header: [&str; N]) -> comfy_table::Table {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header(header);
    table
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}
