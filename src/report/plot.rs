//! The picture of usage against what was expected, with what could not be seen yet and what was done.

use maud::{Markup, html};

use super::axis::{MoneyAxis, Scale, dollars, time_ticks};
use super::harmless;
use super::labels::{Side, Wanted, place};
use super::svg::{Ink, Size, fill, num, picture, swatch, text_width};
use super::usage_bins::{Bin, Bins};
use crate::domain::incident::UsageSeries;
use crate::domain::time::{Timestamp, rfc3339};

/// Something that happened at an instant.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    /// When.
    pub at: Timestamp,
    /// Two or three words.
    pub label: String,
    /// Drawn stronger.
    pub strong: bool,
    /// It led to what comes after it: its label stands before its line.
    pub before: bool,
}

/// What is drawn.
#[derive(Debug, Clone)]
pub struct UsagePlot<'a> {
    /// Unique on the page; a plain word.
    pub id: &'a str,
    /// The picture's name for those who do not see it.
    pub title: &'a str,
    /// Usage and bands.
    pub series: &'a UsageSeries,
    /// What happened, oldest first.
    pub marks: &'a [Mark],
    /// Models that should not be there.
    pub foreign: &'a [&'a str],
    /// How money is drawn.
    pub scale: Scale,
}

/// Room for the labels of the axes.
const LEFT: f64 = 52.0;
const BOTTOM: f64 = 26.0;
const LANE: f64 = 18.0;
/// The row that names the unit, between the plot and the labels of marks.
const UNIT: f64 = 30.0;

/// Where things are on paper.
struct Frame {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

impl Frame {
    fn x(&self, share: f64) -> f64 {
        self.left + share * (self.right - self.left)
    }

    fn y(&self, share: f64) -> f64 {
        self.bottom - share * (self.bottom - self.top)
    }
}

impl UsagePlot<'_> {
    /// Both sizes, the legend and the table of the same figures.
    pub fn figure(&self) -> Markup {
        html! {
            (self.draw(Size::Wide))
            (self.draw(Size::Narrow))
            (self.legend())
            (self.table())
        }
    }

    fn bins(&self, size: Size) -> Bins {
        Bins::new(self.series, if size == Size::Wide { 210 } else { 70 })
    }

    fn axis(&self, bins: &Bins) -> MoneyAxis {
        MoneyAxis::new(bins.highest(), bins.highest_expected(), self.scale)
    }

    /// The fill of each model.
    fn inks(&self, bins: &Bins) -> Vec<Ink> {
        let mut ordinary = 0;
        let ink = |model: &String| {
            if self.foreign.contains(&model.as_str()) {
                return Ink::Alarm;
            }
            ordinary += 1;
            Ink::Series(ordinary - 1)
        };
        bins.models.iter().map(ink).collect()
    }

    /// The marks that lie in the window: another one at its edge would tell a wrong time.
    fn visible_marks(&self) -> Vec<&Mark> {
        let window = self.series.from.start()..=self.series.until.start();
        self.marks.iter().filter(|m| window.contains(&m.at)).collect()
    }

    fn draw(&self, size: Size) -> Markup {
        let bins = self.bins(size);
        let axis = self.axis(&bins);
        let marks = self.visible_marks();
        let texts: Vec<String> = marks.iter().map(|m| mark_text(m, size)).collect();
        let right = size.width() - 8.0;
        let wanted: Vec<Wanted> = marks
            .iter()
            .zip(&texts)
            .map(|(m, text)| Wanted {
                x: LEFT + bins.share(m.at) * (right - LEFT),
                width: text_width(text, size.text()),
                side: if m.before { Side::Left } else { Side::Right },
            })
            .collect();
        let placed = place(&wanted, LEFT, right);
        let lanes = placed.iter().map(|p| p.lane + 1).max().unwrap_or(0);
        let top = 8.0 + UNIT + lanes as f64 * LANE;
        let plot_height = if size == Size::Wide { 260.0 } else { 190.0 };
        let frame = Frame { left: LEFT, right, top, bottom: top + plot_height };
        let id = format!("{}-{}", self.id, size.word());
        let body = html! {
            (self.grid(&frame, &axis, &bins, size))
            (band(&frame, &axis, &bins))
            (self.hidden(&frame, &bins, &id))
            (self.columns(&frame, &axis, &bins, &id))
            (limits(&frame, &axis, &bins))
            @for ((mark, place), want) in marks.iter().zip(&placed).zip(&wanted) {
                @let y = frame.top - UNIT - 2.0 - place.lane as f64 * LANE;
                path class=(if mark.strong { "mark strong" } else { "mark" })
                    d=(format!("M{} {}V{}", num(want.x), num(frame.bottom), num(y - 10.0))) {}
                @if mark.strong { circle class="mark-foot" cx=(num(want.x)) cy=(num(frame.bottom)) r="4" {} }
            }
            @for (((mark, place), want), text) in marks.iter().zip(&placed).zip(&wanted).zip(&texts) {
                // Widths are estimates: the end beside the line is the one to hold on to.
                @let (anchor, x) = match place.side {
                    Side::Left => ("end", place.left + want.width),
                    Side::Right => ("start", place.left),
                };
                text class=(if mark.strong { "mark-label strong" } else { "mark-label" }) text-anchor=(anchor) x=(num(x))
                    y=(num(frame.top - UNIT - 2.0 - place.lane as f64 * LANE)) { (text) }
            }
        };
        picture(&id, size, frame.bottom + BOTTOM, self.title, &self.description(&bins), &body)
    }

    fn grid(&self, frame: &Frame, axis: &MoneyAxis, bins: &Bins, size: Size) -> Markup {
        let unit = match (bins.width, axis.is_log()) {
            (1, false) => "USD per minute".to_owned(),
            (1, true) => "USD per minute, each step ten times".to_owned(),
            (n, false) => format!("USD per minute, mean of {n} min"),
            (n, true) => format!("USD per minute, mean of {n} min, each step ten times"),
        };
        let most = if size == Size::Wide { 10 } else { 5 };
        let until = self.series.until.start();
        html! {
            text class="unit" x="0" y=(num(frame.top - 14.0)) { (unit) }
            @for tick in &axis.ticks {
                @let y = frame.y(axis.at(*tick));
                path class="grid" d=(format!("M{} {}H{}", num(frame.left), num(y), num(frame.right))) {}
                text class="tick" text-anchor="end" x=(num(frame.left - 8.0)) y=(num(y + 4.0)) { (axis.label(*tick)) }
            }
            @for (at, label) in time_ticks(self.series.from.start(), until, most) {
                @let x = frame.x(bins.share(at));
                path class="tick-line" d=(format!("M{} {}v5", num(x), num(frame.bottom))) {}
                // The first label would stick out of the picture if it were centred on its tick.
                @let anchor = if x > frame.right - 16.0 { "end" } else { "middle" };
                text class="tick" text-anchor=(anchor) x=(num(x)) y=(num(frame.bottom + 20.0)) { (label) }
            }
        }
    }

    fn hidden(&self, frame: &Frame, bins: &Bins, id: &str) -> Markup {
        html! {
            @for span in &self.series.hidden {
                @let (from, until) = (frame.x(bins.share(span.from)), frame.x(bins.share(span.until)));
                @if until > from {
                    rect class="hidden" fill=(format!("url(#{id}-hidden)")) x=(num(from)) y=(num(frame.top))
                        width=(num(until - from)) height=(num(frame.bottom - frame.top)) {}
                }
            }
        }
    }

    fn columns(&self, frame: &Frame, axis: &MoneyAxis, bins: &Bins, id: &str) -> Markup {
        let inks = self.inks(bins);
        // Parts of a stack have no meaning on a logarithmic axis: there a column is one piece.
        let mut paths: Vec<(Ink, String)> = if axis.is_log() {
            vec![(Ink::Series(0), String::new())]
        } else {
            inks.iter().map(|ink| (*ink, String::new())).collect()
        };
        let step = (frame.right - frame.left) / bins.columns.len() as f64;
        let gap = if step >= 4.0 { 1.0 } else { 0.0 };
        // What belongs there stands at the bottom, what does not on top.
        let mut order: Vec<usize> = (0..inks.len()).collect();
        order.sort_by_key(|i| (inks[*i] == Ink::Alarm, *i));
        for (i, column) in bins.columns.iter().enumerate() {
            let x = frame.left + step * i as f64;
            let mut draw = |piece: usize, low: f64, high: f64| {
                let (y, height) = (frame.y(axis.at(high)), frame.y(axis.at(low)) - frame.y(axis.at(high)));
                if let Some((_, path)) = paths.get_mut(piece).filter(|_| height > 0.05) {
                    path.push_str(&format!(
                        "M{} {}h{}v{}h-{2}z",
                        num(x),
                        num(y),
                        num((step - gap).max(0.1)),
                        num(height)
                    ));
                }
            };
            if axis.is_log() {
                draw(0, 0.0, column.total());
            } else {
                let mut low = 0.0;
                for model in &order {
                    draw(*model, low, low + column.by_model[*model]);
                    low += column.by_model[*model];
                }
            }
        }
        html! { @for (ink, path) in &paths { @if !path.is_empty() { path fill=(fill(id, *ink)) d=(path) {} } } }
    }

    fn legend(&self) -> Markup {
        let bins = self.bins(Size::Wide);
        let log = self.axis(&bins).is_log();
        let inks = self.inks(&bins);
        html! {
            ul class="legend" {
                @if log {
                    li { (swatch(&format!("{}-key", self.id), Ink::Series(0))) "all models together" }
                } @else {
                    @for (i, (model, ink)) in bins.models.iter().zip(inks).enumerate() {
                        li {
                            (swatch(&format!("{}-key{i}", self.id), ink)) (harmless::short(model, 40))
                            @if ink == Ink::Alarm { " (not expected)" }
                        }
                    }
                }
                @if !self.series.bands.is_empty() {
                    li { svg class="swatch" viewBox="0 0 14 14" aria-hidden="true" {
                        rect class="band" y="3" width="14" height="11" {} path class="upper" d="M0 3h14" {} path class="median" d="M0 9h14" {}
                    } "expected: median (dashed) and upper limit" }
                }
                @if !self.series.hidden.is_empty() {
                    li { svg class="swatch" viewBox="0 0 14 14" aria-hidden="true" {
                        rect class="hidden-ground" width="14" height="14" {} path class="hidden-line" d="M0 14L14 0M0 7L7 0M7 14L14 7" {}
                    } "happened, but not yet visible to anybody" }
                }
            }
        }
    }

    fn table(&self) -> Markup {
        let bins = Bins::new(self.series, 60);
        let money = |v: f64| format!("{v:.4}");
        html! {
            details {
                summary { "The same as a table" }
                div class="scroll" tabindex="0" role="region" aria-label=(format!("Table: {}", harmless::line(self.title))) {
                    table {
                        caption { "USD per minute" @if bins.width > 1 { ", mean of " (bins.width) " minutes" } ", times in UTC" }
                        thead { tr {
                            th scope="col" { "From" }
                            @for model in &bins.models { th scope="col" class="num" { (harmless::short(model, 40)) } }
                            th scope="col" class="num" { "Median" }
                            th scope="col" class="num" { "Upper limit" }
                            th scope="col" { "Above" }
                        } }
                        tbody { @for bin in &bins.columns { tr {
                            th scope="row" { (bin.from.start().format("%e %b %H:%M")) }
                            @for cost in &bin.by_model { td class="num" { (money(*cost)) } }
                            td class="num" { (bin.band.map_or_else(|| "–".to_owned(), |b| money(b.0))) }
                            td class="num" { (bin.band.map_or_else(|| "–".to_owned(), |b| money(b.1))) }
                            td { (if bin.is_above() { "yes" } else { "no" }) }
                        } } }
                    }
                }
            }
        }
    }

    fn description(&self, bins: &Bins) -> String {
        let expected = bins.highest_expected();
        let mut text =
            format!("From {} to {}: at most {} a minute", self.series.from, self.series.until, dollars(bins.highest()));
        if expected > 0.0 {
            text.push_str(&format!("; at most {} was expected", dollars(expected)));
        }
        for mark in self.marks {
            text.push_str(&format!("; {} at {}", mark.label, rfc3339(mark.at)));
        }
        text + "."
    }
}

fn mark_text(mark: &Mark, size: Size) -> String {
    let form = if size == Size::Wide { "%H:%M:%S" } else { "%H:%M" };
    format!("{} {}", mark.at.format(form), harmless::short(&mark.label, 24))
}

/// The edges of runs of columns for which `value` is known, as a line of steps.
fn steps(frame: &Frame, axis: &MoneyAxis, columns: &[Bin], value: impl Fn(&Bin) -> Option<f64>) -> String {
    let step = (frame.right - frame.left) / columns.len() as f64;
    let mut path = String::new();
    let mut last: Option<f64> = None;
    for (i, column) in columns.iter().enumerate() {
        let next = value(column);
        if next != last {
            let x = num(frame.left + step * i as f64);
            match (last, next) {
                (None, Some(v)) => path.push_str(&format!("M{x} {}", num(frame.y(axis.at(v))))),
                (Some(_), Some(v)) => path.push_str(&format!("H{x}V{}", num(frame.y(axis.at(v))))),
                (_, None) => path.push_str(&format!("H{x}")),
            }
            last = next;
        }
    }
    if last.is_some() {
        path.push_str(&format!("H{}", num(frame.right)));
    }
    path
}

fn band(frame: &Frame, axis: &MoneyAxis, bins: &Bins) -> Markup {
    let step = (frame.right - frame.left) / bins.columns.len() as f64;
    let mut area = String::new();
    let mut i = 0;
    while let Some(first) = bins.columns.get(i) {
        let run = bins.columns[i..].iter().take_while(|c| c.band == first.band).count();
        if let Some((_, upper)) = first.band {
            let (y, x) = (frame.y(axis.at(upper)), frame.left + step * i as f64);
            let width = num(step * run as f64);
            area.push_str(&format!("M{} {}h{width}V{}h-{width}z", num(x), num(y), num(frame.bottom)));
        }
        i += run;
    }
    html! { path class="band" d=(area) {} }
}

fn limits(frame: &Frame, axis: &MoneyAxis, bins: &Bins) -> Markup {
    html! {
        path class="upper" d=(steps(frame, axis, &bins.columns, |c| c.band.map(|b| b.1))) {}
        path class="median" d=(steps(frame, axis, &bins.columns, |c| c.band.map(|b| b.0))) {}
        path class="floor" d=(format!("M{} {}H{}", num(frame.left), num(frame.bottom), num(frame.right))) {}
    }
}
