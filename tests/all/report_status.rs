//! The status for people and machines, and the plot of `guard baseline show`.

use guard::domain::incident::Hint;
use guard::report::axis::Scale;
use guard::report::status::{self, ConsumerHolds, FeedState, GateView, KeyRole, Level, StatusView};
use guard::report::terminal_plot::{Charset, TerminalPlot};

use crate::report_fixture::{at, usage};
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
