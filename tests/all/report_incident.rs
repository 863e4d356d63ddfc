//! The incident page: its words in every standing, and its manners towards hostile text.

use guard::domain::incident::{Failover, Hint, IncidentReport, Outcome, RedactedLedger, Standing};
use guard::domain::money::UsdMicros;
use guard::domain::time::Timestamp;
use guard::report::incident::html;
use proptest::prelude::*;

use crate::report_fixture::{report, usd};
use crate::report_hostile::{hostile, series, well_formed};

/// The words of a section, one line a block.
fn words(page: &str, section: &str) -> String {
    let start = page.find(&format!("<h2 id=\"{section}\">")).unwrap();
    let section = &page[start..start + page[start..].find("</section>").unwrap()];
    let mut text = String::new();
    for piece in section.replace("</p>", "\n").replace("</h2>", "\n").replace("</h3>", "\n").split('<') {
        text.push_str(piece.split_once('>').map_or(piece, |(_, after)| after));
    }
    text.replace('\u{a0}', " ")
}

fn heading(page: &str) -> &str {
    page.split_once("<h1>").unwrap().1.split_once("</h1>").unwrap().0
}

#[test]
fn the_story_in_every_standing() {
    let contained = report();
    let mut simulated = report();
    simulated.standing = Standing::Simulated;
    simulated.moments.gate_closed = None;
    simulated.moments.kill_sent = None;
    simulated.moments.dead = None;
    simulated.failover = Failover::None { remedy: "Create a key in the console and run `guard key add`.".to_owned() };
    let mut acting = report();
    acting.standing = Standing::Acting;
    acting.moments.dead = None;
    acting.moments.onset = None;
    acting.loss.acceptable = Some(usd("5"));
    acting.involved[1].part = acting.involved[0].part;
    acting.failover = Failover::Underway { hint: Hint::of("SkTd"), delivered: (1, 2) };
    let story = |report: &IncidentReport| {
        let page = html(report);
        format!("{}\n{}", heading(&page), words(&page, "story"))
    };
    let stories: Vec<_> = [contained, simulated, acting].iter().map(story).collect();
    insta::assert_snapshot!(stories.join("\n--------\n"));
}

#[test]
fn an_unproven_death_is_announced_above_everything_else() {
    let mut acting = report();
    acting.standing = Standing::Acting;
    acting.moments.dead = None;
    let page = html(&acting);
    let warning = page.find("not proven dead").unwrap();
    assert!(warning < page.find("<svg").unwrap());
    assert!(!html(&report()).contains("not proven dead"));
}

#[test]
fn the_page_asks_nobody_and_runs_nothing() {
    let page = html(&report());
    for forbidden in ["<script", "<link", "<img", "<iframe", "@import", "src=", "javascript:", " on", "style=\""] {
        // ` on` is an attribute only inside a tag.
        let inside_tags = page.split('<').filter_map(|p| p.split_once('>')).map(|(tag, _)| tag);
        let found = match forbidden {
            " on" => inside_tags.clone().any(|tag| tag.contains(" on")),
            _ => page.contains(forbidden),
        };
        assert!(!found, "{forbidden}");
    }
    assert!(page.contains("default-src 'none'; style-src 'sha256-"));
    assert!(page.contains("<html lang=\"en\">"));
}

/// `text` wherever text from outside can stand.
fn filled(text: &str) -> IncidentReport {
    let mut report = report();
    let text = text.to_owned();
    report.environment = text.clone();
    report.guard_version = text.clone();
    report.cause.rule = text.clone();
    report.cause.sentence = text.clone();
    report.cause.figures[0].name = text.clone();
    report.cause.figures[0].value = text.clone();
    for action in &mut report.timeline {
        action.actor = text.clone();
        action.what = text.clone();
        action.detail = text.clone();
        action.outcome = Outcome::Unknown;
    }
    for charge in &mut report.usage.charges {
        charge.model = text.clone();
    }
    for line in &mut report.breakdown {
        line.model = text.clone();
        line.tier = Some(text.clone());
    }
    for answer in &mut report.provider_responses {
        answer.request = text.clone();
        answer.request_id = Some(text.clone());
        answer.meaning = text.clone();
    }
    report.runs[0].program = text.clone();
    report.evidence.records.push(text.clone());
    report
        .evidence
        .records
        .push(serde_json::json!({"seq": text, "time": text, "kind": text, "subject": text, "hash": text}).to_string());
    report.evidence.head.as_mut().unwrap().hash = text.clone();
    report.loss.horizon.because = text.clone();
    report.failover = Failover::None { remedy: text.clone() };
    report.open_questions = vec![text.clone()];
    report.ledger =
        RedactedLedger::of(&toml::to_string(&toml::Table::from_iter([("name".to_owned(), text.into())])).unwrap());
    report
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn any_text_gives_a_harmless_page(text in hostile()) {
        let page = html(&filled(&text));
        prop_assert_eq!(well_formed(&page), Ok(()));
        prop_assert!(!page.contains("<script"));
    }

    #[test]
    fn any_figures_give_a_page_with_numbers(usage in series(), at in any::<u32>(), micros in any::<u64>()) {
        let mut report = report();
        report.usage = usage;
        report.moments.dead = Timestamp::from_timestamp(i64::from(at), 0);
        report.loss.without_kill = UsdMicros::from_micros(micros);
        let page = html(&report);
        prop_assert_eq!(well_formed(&page), Ok(()));
        prop_assert!(!page.contains("NaN") && !page.contains("=\"inf"));
        prop_assert!(page.len() < 400_000, "{}", page.len());
    }
}

#[test]
fn the_page_stays_small_however_much_there_is_to_tell() {
    let mut report = filled(&"<\u{202e}\"".repeat(10_000));
    for _ in 0..9 {
        report.timeline.extend_from_within(..);
    }
    assert!(report.timeline.len() > 6_000);
    let page = html(&report);
    assert!(page.len() < 4_000_000, "{} bytes", page.len());
    assert_eq!(well_formed(&page), Ok(()));
    assert!(page.contains("more lines are in"));
}
