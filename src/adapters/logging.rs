//! Logs for the operator, on standard error. Every line passes the scrubber, whoever wrote it and at whatever level.

use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;

use tracing::{Level, Metadata};
use tracing_subscriber::filter::{EnvFilter, FilterExt, filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use crate::domain::redact::scrub;

/// How logs look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// How often `-v` was given: 0 warnings, 1 what guard does, 2 or more everything.
    pub verbose: u8,
    /// One JSON object a line.
    pub json: bool,
}

/// Libraries whose debug and trace output may hold requests with their headers; they never say more than warnings.
const WIRE_LIBRARIES: [&str; 7] = ["hyper", "hyper_util", "h2", "reqwest", "rustls", "tower", "axum"];

/// Starts logging for the life of the process. `directives` is the value of `GUARD_LOG`, for example `info` or
/// `guard::app=debug`; it wins over `-v`. A second call changes nothing.
pub fn start(style: Style, directives: Option<&str>) {
    let default = match style.verbose {
        0 => "warn",
        1 => "warn,guard=info",
        _ => "warn,guard=trace",
    };
    let (filter, complaint) = match directives.map(str::parse::<EnvFilter>) {
        None => (EnvFilter::new(default), None),
        Some(Ok(filter)) => (filter, None),
        Some(Err(error)) => (EnvFilter::new(default), Some(error)),
    };
    let filter = filter.and(filter_fn(allowed));
    let journal = connected_to_journal(std::env::var("JOURNAL_STREAM").ok().as_deref());
    let writer = Scrubbed { sink: io::stderr, journal };
    let layer = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(writer);
    let layer = match (style.json, journal) {
        (true, _) => layer.json().flatten_event(true).boxed(),
        // The journal knows the time.
        (false, true) => layer.without_time().with_target(false).with_level(false).boxed(),
        (false, false) if io::stderr().is_terminal() => layer.without_time().with_target(false).boxed(),
        (false, false) => layer.with_target(false).boxed(),
    };
    // An error means that logging has started already.
    let _ = tracing_subscriber::registry().with(layer.with_filter(filter)).try_init();
    if let Some(error) = complaint {
        tracing::warn!("GUARD_LOG is ignored, it cannot be understood: {error}");
    }
}

fn allowed(meta: &Metadata<'_>) -> bool {
    let library = meta.target().split("::").next().unwrap_or_default();
    *meta.level() <= Level::WARN || !WIRE_LIBRARIES.contains(&library)
}

/// Whether standard error is the journal's stream: `JOURNAL_STREAM` is its device and inode number.
/// <https://www.freedesktop.org/software/systemd/man/latest/systemd.exec.html>
fn connected_to_journal(stream: Option<&str>) -> bool {
    let Some((device, inode)) = stream.and_then(|s| s.split_once(':')) else { return false };
    rustix::fs::fstat(io::stderr().as_fd())
        .is_ok_and(|stat| device.parse() == Ok(stat.st_dev) && inode.parse() == Ok(stat.st_ino))
}

/// Makes writers that take one whole line at a time, as the formatter writes it.
struct Scrubbed<S> {
    sink: S,
    journal: bool,
}

impl<'a, S, W> MakeWriter<'a> for Scrubbed<S>
where
    S: Fn() -> W,
    W: Write,
{
    type Writer = ScrubbedLine<W>;

    fn make_writer(&'a self) -> Self::Writer {
        ScrubbedLine { sink: (self.sink)(), prefix: "" }
    }

    fn make_writer_for(&'a self, meta: &Metadata<'_>) -> Self::Writer {
        let prefix = if self.journal { priority(*meta.level()) } else { "" };
        ScrubbedLine { sink: (self.sink)(), prefix }
    }
}

/// The journal's priority prefix. <https://www.freedesktop.org/software/systemd/man/latest/sd-daemon.html>
fn priority(level: Level) -> &'static str {
    match level {
        Level::ERROR => "<3>",
        Level::WARN => "<4>",
        Level::INFO => "<6>",
        _ => "<7>",
    }
}

struct ScrubbedLine<W> {
    sink: W,
    prefix: &'static str,
}

impl<W: Write> Write for ScrubbedLine<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let clean = format!("{}{}", self.prefix, scrub(&String::from_utf8_lossy(line)));
        self.sink.write_all(clean.as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(journal: bool, act: impl FnOnce()) -> String {
        let page = Page::default();
        let sink = {
            let page = page.clone();
            move || page.clone()
        };
        let layer =
            tracing_subscriber::fmt::layer().with_ansi(false).without_time().with_writer(Scrubbed { sink, journal });
        let filter = "trace".parse::<EnvFilter>().unwrap().and(filter_fn(allowed));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer.with_filter(filter)), act);
        let bytes = page.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn no_key_reaches_a_line_whatever_the_level_or_field() {
        let key = "sk-ant-api03-AbCdEfGhIjKlMnOp";
        let text = logged(false, || {
            tracing::trace!("the key is {key}");
            tracing::error!(field = key, "in a field");
        });
        assert!(!text.contains("AbCdEfGh"), "{text}");
        assert_eq!(text.matches("[redacted]").count(), 2, "{text}");
    }

    #[test]
    fn libraries_that_see_headers_are_held_at_warnings() {
        let text = logged(false, || {
            tracing::trace!(target: "hyper::proto", "x-api-key: a");
            tracing::debug!(target: "h2", "x-api-key: b");
            tracing::info!(target: "reqwest::connect", "c");
            tracing::warn!(target: "rustls::conn", "seen");
            tracing::trace!(target: "guard::app", "also seen");
        });
        assert_eq!(text.lines().count(), 2, "{text}");
    }

    #[test]
    fn the_journal_gets_priorities() {
        let text = logged(true, || {
            tracing::error!("e");
            tracing::warn!("w");
            tracing::info!("i");
            tracing::trace!("t");
        });
        let prefixes: Vec<&str> = text.lines().map(|line| &line[..3]).collect();
        assert_eq!(prefixes, ["<3>", "<4>", "<6>", "<7>"]);
    }

    #[test]
    fn a_control_sequence_in_a_message_stays_text() {
        let text = logged(false, || tracing::warn!("name \u{1b}[31mred"));
        assert!(!text.contains('\u{1b}'), "{text:?}");
    }

    #[test]
    fn only_the_journal_s_own_stream_counts() {
        assert!(!connected_to_journal(None));
        assert!(!connected_to_journal(Some("nonsense")));
        assert!(!connected_to_journal(Some("0:0")));
        let stat = rustix::fs::fstat(io::stderr().as_fd()).unwrap();
        assert!(connected_to_journal(Some(&format!("{}:{}", stat.st_dev, stat.st_ino))));
    }
}
