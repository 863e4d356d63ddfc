//! What `guard status` and the status page show: filled by whoever knows the state, judged and drawn here.

mod html;
mod text;
mod view;

pub use html::{STYLE_PATH, html};
pub use text::text;
pub use view::{
    ChannelView, ConsumerHolds, ConsumerView, FeedState, FeedView, GateView, KeyRole, KeyView, Level, NotifierView,
    Obligation, RotationView, StatusView, VerdictView, WorkspaceView,
};

use crate::domain::ledger::TripMode;

/// The style sheet to serve at [`STYLE_PATH`], as `text/css`.
pub const STYLE: &str = super::page::STYLE;

/// What a trip may do, in a word or two.
const fn mode_words(mode: TripMode) -> &'static str {
    match mode {
        TripMode::Observe => "observe only",
        TripMode::Gate => "may close the gate",
        TripMode::Kill => "may kill",
    }
}
