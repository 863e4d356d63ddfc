//! The status as a page of guard's own server.

use maud::{Markup, html as markup};

use super::mode_words;
use super::view::{ConsumerHolds, FeedState, GateView, KeyRole, Level, StatusView, WorkspaceView};
use crate::domain::time::{Timestamp, humane, rfc3339};
use crate::report::axis::Scale;
use crate::report::harmless;
use crate::report::page::{StyleFrom, page};
use crate::report::plot::{Mark, UsagePlot};

/// Where the page asks its server for [`STYLE`](super::STYLE).
pub const STYLE_PATH: &str = "/style.css";

/// The last verdicts of a workspace that are shown.
const VERDICTS: usize = 10;

/// The page. Its style comes from [`STYLE_PATH`] of the same server, so that `style-src 'self'` suffices.
pub fn html(view: &StatusView) -> String {
    let owed = view.owed();
    let headline = match owed.len() {
        0 => "Nothing is owed".to_owned(),
        1 => "One thing is owed".to_owned(),
        n => format!("{n} things are owed"),
    };
    let body = markup! {
        a class="skip" href="#main" { "Skip to the status" }
        header class="top" {
            p class="over" { "guard status" }
            h1 { (headline) }
            p class="lead" { "As of " time datetime=(rfc3339(view.generated_at)) { (view.generated_at.format("%-d %B %Y, %H:%M:%S UTC")) } "." }
            (obligations(view))
        }
        main id="main" {
            (general(view))
            @for workspace in &view.workspaces { (workspace_card(workspace, view.generated_at)) }
        }
        footer { p { "guard " (harmless::short(&view.guard_version, 40)) ". This page changes nothing and loads nothing but its own style." } }
    };
    page(&format!("{headline}: guard status"), StyleFrom::Server(STYLE_PATH), &body)
}

fn ago(now: Timestamp, at: Timestamp) -> String {
    format!("{} ago", humane(now.signed_duration_since(at)))
}

/// `17 Mar 02:47 UTC`.
fn when(at: Timestamp) -> String {
    at.format("%-d %b %H:%M UTC").to_string()
}

fn obligations(view: &StatusView) -> Markup {
    let owed = view.owed();
    markup! { @if !owed.is_empty() { div class="notice" {
        ul class="plain" { @for (workspace, one) in &owed { li {
            @if let Some(name) = workspace { strong { (name) } ": " }
            (harmless::line(&one.what)) @if let Some(since) = one.since { ", since " (when(since)) } "."
            @if let Some(remedy) = &one.remedy { code { (harmless::line(remedy)) } }
        } } }
    } } }
}

fn general(view: &StatusView) -> Markup {
    let now = view.generated_at;
    let class = match view.feed.state {
        FeedState::Fresh => "tag good",
        FeedState::Late => "tag warn",
        FeedState::Blind => "tag alarm",
    };
    markup! {
        section aria-labelledby="general" {
            h2 id="general" { "guard itself" }
            dl class="facts" {
                dt { "Usage feed" }
                dd { span class=(class) { (view.feed.state.words()) } " "
                    @match view.feed.newest { Some(minute) => { "newest data from " (when(minute.start())) }, None => "no data yet" } ", "
                    @match view.feed.last_good_poll { Some(at) => { "polled " (ago(now, at)) }, None => "never polled" }
                    @if let Some(why) = &view.feed.why { ": " (harmless::line(why)) } }
                dt { "Notices" }
                dd { @if view.notifiers.waiting == 0 { "none waiting" } @else { (view.notifiers.waiting) " waiting" }
                    @if let Some(oldest) = view.notifiers.oldest { ", the oldest since " (when(oldest)) }
                    @for channel in &view.notifiers.channels {
                        br; (harmless::short(&channel.name, 64)) ": "
                        @match (&channel.failing, channel.last_delivered) {
                            (Some(why), _) => { span class="tag alarm" { "failing" } " " (harmless::line(why)) },
                            (None, Some(at)) => { "delivered " (ago(now, at)) },
                            (None, None) => "not used yet",
                        }
                    } }
                dt { "Evidence" }
                dd { @match &view.evidence { Some(head) => { (head.seq) " records, head " code { (harmless::short(&head.hash, 16)) } }, None => "no record yet" } }
                dt { "Vault" }
                dd { (harmless::line(&view.vault)) }
            }
        }
    }
}

fn workspace_card(workspace: &WorkspaceView, now: Timestamp) -> Markup {
    let id = format!("workspace-{}", workspace.name);
    markup! {
        section class="workspace" aria-labelledby=(id) {
            h2 id=(id) {
                (workspace.name)
                @match &workspace.gate {
                    GateView::Open { .. } => span class="pill good" { "gate open" },
                    GateView::Closed { .. } => span class="pill alarm" { "gate closed" },
                }
            }
            p class="soft small" { (harmless::short(&workspace.environment, 40)) ", guard " (mode_words(workspace.mode))
                @match &workspace.gate { GateView::Open { generation } => { ", " (generation) " trips so far" }, GateView::Closed { why, .. } => { "; gate closed: " (harmless::line(why)) } } }
            @if let Some(rotation) = &workspace.rotation {
                p { span class=(if rotation.blocked { "tag alarm" } else { "tag" }) { @if rotation.blocked { "blocked" } @else { "rotating" } }
                    " Rotation " (rotation.id) " is in " strong { (harmless::short(&rotation.phase, 20)) } " since " (when(rotation.since))
                    "; it waits for " (harmless::line(&rotation.waits_for)) "."
                    @if let Some(until) = rotation.until { " It goes on at " (when(until)) "." }
                    @if !rotation.can.is_empty() {
                        " You can: " @for (i, command) in rotation.can.iter().enumerate() { @if i > 0 { ", " } code { (harmless::line(command)) } } "."
                    } }
            }
            (usage(workspace))
            (keys(workspace, now))
            (consumers(workspace))
            (verdicts(workspace))
        }
    }
}

fn usage(workspace: &WorkspaceView) -> Markup {
    let Some(series) = &workspace.usage else { return markup! {} };
    let shown = |at: Timestamp| at >= series.from.start() && at < series.until.start();
    let mut marks: Vec<Mark> = workspace
        .verdicts
        .iter()
        .filter(|v| v.level >= Level::Warn && shown(v.at))
        .take(VERDICTS)
        .map(|v| Mark {
            at: v.at,
            label: format!("{} {}", v.level.words().to_lowercase(), v.rule),
            strong: v.level == Level::Trip,
            before: false,
        })
        .collect();
    marks.sort_by_key(|m| m.at);
    let (id, title) = (format!("usage-{}", workspace.name), format!("Usage of {}", workspace.name));
    let plot = UsagePlot { id: &id, title: &title, series, marks: &marks, foreign: &[], scale: Scale::Auto };
    markup! { figure {
        figcaption { span class="name" { "Usage" } span class="say" { (series.total(series.from, series.until)) " since " (when(series.from.start())) } }
        (plot.figure())
    } }
}

fn keys(workspace: &WorkspaceView, now: Timestamp) -> Markup {
    let tag = |role: KeyRole| match role {
        KeyRole::Active => "tag good",
        KeyRole::Doomed | KeyRole::Stranger => "tag alarm",
        KeyRole::Incoming | KeyRole::Outgoing => "tag warn",
        KeyRole::Standby | KeyRole::Retired | KeyRole::Tripped | KeyRole::Canary => "tag",
    };
    markup! { @if !workspace.keys.is_empty() {
        div class="scroll" tabindex="0" role="region" aria-label=(format!("Table: keys of {}", workspace.name)) { table {
            caption { "Keys" }
            thead { tr { th scope="col" { "Role" } th scope="col" { "Ends in" } th scope="col" { "At the provider" }
                th scope="col" { "Last used" } th scope="col" { "Made" } th scope="col" { "Id" } } }
            tbody { @for key in &workspace.keys { tr {
                td { span class=(tag(key.role)) { (key.role.words()) } }
                td { @match &key.hint { Some(hint) => code { (hint) }, None => "–" } }
                td { (harmless::short(key.status.as_ref().map_or("not known", |s| s.as_str()), 20)) }
                td { @match key.last_used { Some(minute) => (ago(now, minute.start())), None => "never" } }
                td { @match key.created_at { Some(at) => (ago(now, at)), None => "–" }
                    @if let Some(end) = key.expires_at { ", expires " (end.format("%Y-%m-%d")) } }
                th scope="row" class="mono" { (key.id) }
            } } }
        } }
    } }
}

fn consumers(workspace: &WorkspaceView) -> Markup {
    markup! { @if !workspace.consumers.is_empty() {
        div class="scroll" tabindex="0" role="region" aria-label=(format!("Table: consumers of {}", workspace.name)) { table {
            caption { "Consumers" }
            thead { tr { th scope="col" { "Name" } th scope="col" { "Holds" } th scope="col" { "Place" } } }
            tbody { @for consumer in &workspace.consumers { tr {
                th scope="row" { (harmless::short(&consumer.name, 64)) }
                td { @match &consumer.holds {
                    ConsumerHolds::Current => "the active key",
                    ConsumerHolds::Other { hint } => { span class="tag alarm" { "another key" } " " code { (hint) } },
                    ConsumerHolds::Nothing => span class="tag alarm" { "no key" },
                    ConsumerHolds::Unreadable { why } => { span class="tag warn" { "cannot be read" } " " (harmless::line(why)) },
                } }
                td class="long" { (harmless::line(&consumer.what)) }
            } } }
        } }
    } }
}

fn verdicts(workspace: &WorkspaceView) -> Markup {
    let tag = |level: Level| match level {
        Level::Trip => "tag alarm",
        Level::Warn => "tag warn",
        Level::Notice | Level::Ok => "tag",
    };
    markup! { @if !workspace.verdicts.is_empty() {
        div class="scroll" tabindex="0" role="region" aria-label=(format!("Table: verdicts on {}", workspace.name)) { table {
            caption { "Last verdicts" }
            thead { tr { th scope="col" { "Time" } th scope="col" { "Level" } th scope="col" { "Rule" } th scope="col" { "What it says" } } }
            tbody { @for verdict in workspace.verdicts.iter().take(VERDICTS) { tr {
                th scope="row" class="when" { (verdict.at.format("%e %b %H:%M")) }
                td { span class=(tag(verdict.level)) { (verdict.level.words()) } }
                td { (harmless::short(&verdict.rule, 20)) }
                td class="long" { (harmless::line(&verdict.sentence)) }
            } } }
        } }
    } }
}
