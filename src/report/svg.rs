//! The frame of every picture: a title and a description for those who do not see it, colours by class, patterns so that
//! colour is never alone.

use maud::{Markup, html};

use super::harmless;

/// How wide a picture is drawn. Pages carry both and show the one that fits, so that text is never scaled to dust.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// For screens and paper.
    Wide,
    /// For phones.
    Narrow,
    /// For half a page, and for phones.
    Half,
}

impl Size {
    /// Width in user units, which are CSS pixels at the size that the picture is meant for.
    pub const fn width(self) -> f64 {
        match self {
            Self::Wide => 920.0,
            Self::Narrow => 340.0,
            Self::Half => 370.0,
        }
    }

    /// Height of the text in the picture.
    pub const fn text(self) -> f64 {
        match self {
            Self::Wide | Self::Half => 13.0,
            Self::Narrow => 12.0,
        }
    }

    /// The word for ids and style classes.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Wide => "wide",
            Self::Narrow => "narrow",
            Self::Half => "half",
        }
    }
}

/// A fill: a colour and the pattern that goes with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ink {
    /// The n-th ordinary thing, from 0; after the fourth the last repeats.
    Series(usize),
    /// What should not be there.
    Alarm,
    /// What happened and is over, what was avoided: present, not loud.
    Quiet,
}

impl Ink {
    const ALL: [Self; 6] =
        [Self::Series(0), Self::Series(1), Self::Series(2), Self::Series(3), Self::Alarm, Self::Quiet];

    /// Its name in the style sheet and in pattern ids.
    pub const fn class(self) -> &'static str {
        match self {
            Self::Series(0) => "ink-a",
            Self::Series(1) => "ink-b",
            Self::Series(2) => "ink-c",
            Self::Series(_) => "ink-d",
            Self::Alarm => "ink-alarm",
            Self::Quiet => "ink-quiet",
        }
    }

    /// The lines over the colour, in a square of 6.
    const fn lines(self) -> &'static str {
        match self {
            Self::Series(0) => "",
            Self::Series(1) => "M0 1.5h6M0 4.5h6",
            Self::Series(2) => "M1.5 0v6M4.5 0v6",
            Self::Series(_) => "M0 3h6M3 0v6",
            Self::Alarm => "M-1 1L1 -1M0 6L6 0M5 7L7 5",
            Self::Quiet => "M-1 5L1 7M0 0L6 6M5 -1L7 1",
        }
    }
}

/// A number in a drawing: one decimal is a tenth of a pixel.
pub fn num(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}

/// The fill attribute of `ink` in the picture `id`.
pub fn fill(id: &str, ink: Ink) -> String {
    format!("url(#{id}-{})", ink.class())
}

fn pattern(id: &str, ink: Ink) -> Markup {
    html! {
        pattern id=(format!("{id}-{}", ink.class())) width="6" height="6" patternUnits="userSpaceOnUse" {
            rect class=(ink.class()) width="6" height="6" {}
            @if !ink.lines().is_empty() { path class="hatch" d=(ink.lines()) {} }
        }
    }
}

/// A picture. `id` must be unique on the page and a plain word.
pub fn picture(id: &str, size: Size, height: f64, title: &str, description: &str, body: &Markup) -> Markup {
    html! {
        svg class=(format!("picture {}", size.word())) role="img" aria-labelledby=(format!("{id}-title {id}-desc"))
            viewBox=(format!("0 0 {} {}", num(size.width()), num(height))) font-size=(num(size.text())) {
            title id=(format!("{id}-title")) { (harmless::line(title)) }
            desc id=(format!("{id}-desc")) { (harmless::line(description)) }
            defs {
                @for ink in Ink::ALL { (pattern(id, ink)) }
                pattern id=(format!("{id}-hidden")) width="8" height="8" patternUnits="userSpaceOnUse" {
                    rect class="hidden-ground" width="8" height="8" {}
                    path class="hidden-line" d="M-1 1L1 -1M0 8L8 0M7 9L9 7" {}
                }
            }
            (body)
        }
    }
}

/// A sample of a fill for a legend.
pub fn swatch(id: &str, ink: Ink) -> Markup {
    html! {
        svg class="swatch" viewBox="0 0 14 14" aria-hidden="true" {
            defs { (pattern(id, ink)) }
            rect width="14" height="14" rx="2" fill=(fill(id, ink)) {}
        }
    }
}

/// About how wide `text` is at `size`; rather too wide than too narrow.
pub fn text_width(text: &str, size: f64) -> f64 {
    let ems: f64 = text.chars().map(|c| if c.is_ascii() { 0.58 } else { 1.0 }).sum();
    ems * size
}
