//! The shell of every page: language, title, policy, style.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

/// The style sheet of all pages.
pub const STYLE: &str = include_str!("style.css");

/// Where a page finds its style.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StyleFrom {
    /// In the page itself, which then needs nobody: for files.
    Page,
    /// At this address of the same server, whose policy forbids style inside pages.
    Server(&'static str),
}

/// A page. The policy of a self-contained one allows its own style, by hash, and nothing else.
pub fn page(title: &str, style: StyleFrom, body: &Markup) -> String {
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        STANDARD.encode(Sha256::digest(STYLE))
    );
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                @if style == StyleFrom::Page { meta http-equiv="Content-Security-Policy" content=(policy); }
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                meta name="robots" content="noindex";
                title { (title) }
                @match style {
                    // The style is ours and holds no `<`; escaping would change what the hash stands for.
                    StyleFrom::Page => style { (PreEscaped(STYLE)) },
                    StyleFrom::Server(address) => link rel="stylesheet" href=(address);,
                }
            }
            body { (body) }
        }
    };
    markup.into_string()
}
