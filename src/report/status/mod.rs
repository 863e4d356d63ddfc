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

/// The style sheet to serve at [`STYLE_PATH`], as `text/css`.
pub const STYLE: &str = super::page::STYLE;
