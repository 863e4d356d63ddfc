//! The status for people and machines, and the plot of `guard baseline show`.

use guard::domain::incident::Hint;
use guard::domain::key::KeyStatus;
use guard::domain::time::Timestamp;
use guard::report::axis::Scale;
use guard::report::harmless;
use guard::report::status::{self, ConsumerHolds, FeedState, GateView, KeyRole, Level, StatusView};
use guard::report::terminal_plot::{Charset, TerminalPlot, spark};
use proptest::prelude::*;

use crate::report_fixture::{at, usage};
use crate::report_hostile::{hostile, series, well_formed};
use crate::status_fixture::{calm, rotating, status};

#[test]
fn text_says_what_is_owed_first() {
    insta::assert_snapshot!("status_text", status::text(&status(), Charset::Blocks));
}

#[test]
fn text_without_anything_owed() {
    let view = StatusView { workspaces: vec![rotating()], ..calm() };
    insta::assert_snapshot!("status_text_calm", status::text(&view, Charset::Ascii));
}

#[test]
fn json_keeps_its_shape() {
    let mut view = status();
    // The plot's figures tell nothing about the shape after the first.
    view.workspaces[0].usage.as_mut().unwrap().charges.truncate(1);
    insta::assert_json_snapshot!("status_json", view.json().unwrap());
}

#[test]
fn each_kind_of_debt_alone_makes_the_check_fail() {
    let base = StatusView { workspaces: vec![rotating()], ..calm() };
    assert!(base.is_calm(), "a rotation that waits for time owes nothing: {:?}", base.owed());
    type Change = fn(&mut StatusView);
    let changes: [(&str, Change); 8] = [
        ("blind", |v| v.feed.state = FeedState::Blind),
        ("hold", |v| v.hold = Some("moving house".to_owned())),
        ("waiting", |v| {
            v.notifiers.waiting = 1;
            v.notifiers.oldest = Some(at("02:40:00"));
        }),
        ("closed", |v| {
            v.workspaces[0].gate = GateView::Closed { why: "unreadable".to_owned(), incident: None, since: None };
        }),
        ("blocked", |v| v.workspaces[0].rotation.as_mut().unwrap().blocked = true),
        ("doomed", |v| v.workspaces[0].keys[1].role = KeyRole::Doomed),
        ("other key", |v| v.workspaces[0].consumers[0].holds = ConsumerHolds::Other { hint: Hint::of("9Kx2") }),
        ("no key", |v| v.workspaces[0].consumers[1].holds = ConsumerHolds::Nothing),
    ];
    for (name, change) in changes {
        let mut view = base.clone();
        change(&mut view);
        assert_eq!(view.owed().len(), 1, "{name}");
        assert_eq!(view.json().unwrap()["ok"], false, "{name}");
        assert!(status::html(&view).contains("One thing is owed"), "{name}");
        assert!(status::text(&view, Charset::Ascii).contains("1 THING IS OWED"), "{name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_text_gives_a_harmless_status(text in hostile()) {
        let mut view = status();
        view.guard_version = text.clone();
        view.vault = text.clone();
        view.feed.why = Some(text.clone());
        view.hold = Some(text.clone());
        view.evidence.as_mut().unwrap().hash = text.clone();
        view.notifiers.channels[0].name = text.clone();
        view.notifiers.channels[1].failing = Some(text.clone());
        view.obligations = view.workspaces[0].obligations.clone();
        view.obligations[0].what = text.clone();
        view.obligations[0].remedy = Some(text.clone());
        let tripped = &mut view.workspaces[0];
        tripped.environment = text.clone();
        tripped.gate = GateView::Closed { why: text.clone(), incident: None, since: None };
        tripped.keys[0].status = Some(KeyStatus::Unknown(text.clone()));
        tripped.consumers[0].name = text.clone();
        tripped.consumers[0].what = text.clone();
        tripped.consumers[0].holds = ConsumerHolds::Unreadable { why: text.clone() };
        tripped.verdicts[0].rule = text.clone();
        tripped.verdicts[0].sentence = text.clone();
        tripped.usage.as_mut().unwrap().charges[0].model = text.clone();
        let rotation = view.workspaces[1].rotation.as_mut().unwrap();
        rotation.phase = text.clone();
        rotation.waits_for = text;
        prop_assert_eq!(well_formed(&status::html(&view)), Ok(()));
        for line in status::text(&view, Charset::Blocks).lines() {
            prop_assert!(harmless::is_harmless(line), "{line:?}");
        }
    }

    #[test]
    fn any_figures_fit_the_terminal(
        series in series(),
        at in any::<u32>(),
        width in 0usize..300,
        height in 0usize..60,
    ) {
        let verdicts = [(Timestamp::from_timestamp(i64::from(at), 0).unwrap(), Level::Warn)];
        for (charset, scale) in [(Charset::Blocks, Scale::Auto), (Charset::Ascii, Scale::Log)] {
            let plot = TerminalPlot { series: &series, verdicts: &verdicts, width, height, scale, charset }.draw();
            // The legend is text of its own and may be wider than a very narrow plot.
            let rows = plot.lines().take(height.max(4) + 3);
            prop_assert!(rows.map(|l| l.chars().count()).all(|l| l <= width.max(40)), "{plot}");
            prop_assert!(spark(&series, width, charset).chars().count() <= width.max(1));
        }
    }
}

#[test]
fn a_terminal_plot_reads_without_colour() {
    let series = usage();
    let verdicts = [(at("02:46:20"), Level::Warn), (at("02:47:05"), Level::Trip)];
    let plot = |charset, scale| {
        TerminalPlot { series: &series, verdicts: &verdicts, width: 100, height: 10, scale, charset }.draw()
    };
    insta::assert_snapshot!("terminal_plot_blocks", plot(Charset::Blocks, Scale::Log));
    let ascii = plot(Charset::Ascii, Scale::Linear);
    assert!(ascii.is_ascii());
    insta::assert_snapshot!("terminal_plot_ascii", ascii);
}
