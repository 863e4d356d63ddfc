//! Horizontal bars on one common scale: money side by side, or stretches of time after each other.

use maud::{Markup, html};

use super::harmless;
use super::svg::{Ink, Size, fill, num, picture, text_width};

/// A bar. Lengths may have any unit; they are shown as shares of the longest.
#[derive(Debug, Clone, PartialEq)]
pub struct Bar {
    /// What it is, above the bar.
    pub label: String,
    /// Its figure, in words.
    pub figure: String,
    /// Where it begins.
    pub from: f64,
    /// Where it ends.
    pub to: f64,
    /// How it is filled.
    pub ink: Ink,
}

const ROW: f64 = 52.0;
const THICK: f64 = 18.0;
/// A bar is never so short that it cannot be seen.
const SHORTEST: f64 = 3.0;

/// A picture as wide as the page; phones get their own.
pub fn full_width(id: &str, title: &str, bars: &[Bar]) -> Markup {
    html! { (draw(id, Size::Wide, title, bars)) (draw(id, Size::Narrow, title, bars)) }
}

/// A picture for half the page.
pub fn half_width(id: &str, title: &str, bars: &[Bar]) -> Markup {
    draw(id, Size::Half, title, bars)
}

/// The label, cut to the room that the figure on the same line leaves.
fn label_beside(label: &str, figure: &str, size: Size) -> String {
    let room = size.width() - text_width(figure, size.text()) - size.text();
    let mut shown = harmless::short(label, 100);
    let mut chars = shown.chars().count();
    while text_width(&shown, size.text()) > room && chars > 1 {
        chars -= 1;
        shown = harmless::short(label, chars);
    }
    shown
}

fn draw(id: &str, size: Size, title: &str, bars: &[Bar]) -> Markup {
    let id = format!("{id}-{}", size.word());
    let longest = bars.iter().map(|b| b.to).filter(|v| v.is_finite()).fold(f64::MIN_POSITIVE, f64::max);
    let share = |v: f64| if v.is_finite() { (v / longest).clamp(0.0, 1.0) } else { 0.0 };
    let description = bars.iter().map(|b| format!("{}: {}", b.label, b.figure)).collect::<Vec<_>>().join("; ");
    let body = html! {
        @for (i, bar) in bars.iter().enumerate() {
            @let y = ROW * i as f64;
            @let x = share(bar.from) * (size.width() - SHORTEST);
            @let width = ((share(bar.to) - share(bar.from)) * size.width()).clamp(SHORTEST, size.width() - x);
            @let figure = harmless::short(&bar.figure, 30);
            text class="bar-label" x="0" y=(num(y + 15.0)) { (label_beside(&bar.label, &figure, size)) }
            text class="bar-figure" text-anchor="end" x=(num(size.width())) y=(num(y + 15.0)) { (figure) }
            path class="bar-ground" d=(format!("M0 {}h{}", num(y + 24.0 + THICK / 2.0), num(size.width()))) {}
            rect x=(num(x)) y=(num(y + 24.0)) width=(num(width)) height=(num(THICK)) rx="2" fill=(fill(&id, bar.ink)) {}
        }
    };
    picture(&id, size, ROW * bars.len() as f64, title, &description, &body)
}
