//! Usage against what was expected, for a terminal: `guard baseline show` and the line of `guard status`.

use super::axis::{MoneyAxis, Scale, time_ticks};
use super::status::Level;
use super::usage_bins::{Bin, Bins};
use crate::domain::incident::UsageSeries;
use crate::domain::time::Timestamp;

/// What a terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charset {
    /// Block characters.
    Blocks,
    /// Nothing but ASCII.
    Ascii,
}

/// What is drawn.
#[derive(Debug, Clone)]
pub struct TerminalPlot<'a> {
    /// Usage and bands.
    pub series: &'a UsageSeries,
    /// When a rule said something, and how serious it was.
    pub verdicts: &'a [(Timestamp, Level)],
    /// Characters a line, axis included; at least 40 are used.
    pub width: usize,
    /// Lines of the plot itself; at least 4 are used.
    pub height: usize,
    /// How money is drawn.
    pub scale: Scale,
    /// Which characters may be used.
    pub charset: Charset,
}

/// Characters for the axis, its line included.
const MARGIN: usize = 10;

struct Glyphs {
    above: char,
    within: char,
    median: char,
    upper: char,
    corner: char,
    floor: char,
    wall: char,
}

impl Charset {
    const fn glyphs(self) -> Glyphs {
        match self {
            Self::Blocks => {
                Glyphs {
                    above: '█', within: '▒', median: '─', upper: '┄', corner: '└', floor: '─', wall: '│'
                }
            }
            Self::Ascii => {
                Glyphs { above: '#', within: ':', median: '-', upper: '=', corner: '+', floor: '-', wall: '|' }
            }
        }
    }
}

impl TerminalPlot<'_> {
    /// The plot, its legend below, every line ended. No colour: shade and letters say everything.
    pub fn draw(&self) -> String {
        let columns = self.width.max(40) - MARGIN;
        let height = self.height.max(4);
        let bins = Bins::new(self.series, columns);
        let axis = MoneyAxis::new(bins.highest(), bins.highest_expected(), self.scale);
        let glyphs = self.charset.glyphs();
        // A short series would else fill a part of the width only.
        let stretch = (columns / bins.columns.len().max(1)).max(1);
        let drawn = bins.columns.len() * stretch;
        let mut lines = vec![self.verdict_line(&bins, drawn)];
        for row in (0..height).rev() {
            let mut line = format!("{:>8} {}", axis_label(&axis, row, height), glyphs.wall);
            for bin in &bins.columns {
                let cell = cell(bin, &axis, row, height, &glyphs);
                line.extend(std::iter::repeat_n(cell, stretch));
            }
            lines.push(line);
        }
        lines.push(format!("{:>9}{}", "", glyphs.corner) + &glyphs.floor.to_string().repeat(drawn));
        lines.push(self.time_line(&bins, drawn));
        lines.push(String::new());
        let unit = if bins.width == 1 { String::new() } else { format!(", mean of {} min", bins.width) };
        lines.push(format!(
            "{:>10}USD per minute{unit}   {} above the limit   {} within   {} upper limit   {} median",
            "", glyphs.above, glyphs.within, glyphs.upper, glyphs.median
        ));
        if !self.verdicts.is_empty() {
            lines.push(format!("{:>10}T trip   W warning   n notice   times in UTC", ""));
        }
        lines.iter().map(|l| format!("{}\n", l.trim_end())).collect()
    }

    fn verdict_line(&self, bins: &Bins, drawn: usize) -> String {
        let mut marks: Vec<Option<Level>> = vec![None; drawn];
        for (at, level) in self.verdicts {
            if let Some(mark) = marks.get_mut(column(bins.share(*at), drawn)) {
                // The gravest of a column is the one to see.
                *mark = (*mark).max(Some(*level));
            }
        }
        let letter = |level: &Option<Level>| match level {
            Some(Level::Trip) => 'T',
            Some(Level::Warn) => 'W',
            Some(Level::Notice) => 'n',
            Some(Level::Ok) | None => ' ',
        };
        " ".repeat(MARGIN) + &marks.iter().map(letter).collect::<String>()
    }

    fn time_line(&self, bins: &Bins, drawn: usize) -> String {
        let mut line: Vec<char> = vec![' '; MARGIN + drawn];
        for (at, label) in time_ticks(self.series.from.start(), self.series.until.start(), drawn / 10) {
            let start = MARGIN + column(bins.share(at), drawn);
            if start + label.len() <= line.len() {
                line.splice(start..start + label.len(), label.chars());
            }
        }
        line.into_iter().collect()
    }
}

fn column(share: f64, columns: usize) -> usize {
    ((share * columns as f64) as usize).min(columns.saturating_sub(1))
}

/// The row that holds a share of the height.
fn row_of(share: f64, height: usize) -> usize {
    ((share * height as f64) as usize).min(height - 1)
}

fn axis_label(axis: &MoneyAxis, row: usize, height: usize) -> String {
    axis.ticks.iter().rev().find(|t| row_of(axis.at(**t), height) == row).map(|t| axis.label(*t)).unwrap_or_default()
}

fn cell(bin: &Bin, axis: &MoneyAxis, row: usize, height: usize, glyphs: &Glyphs) -> char {
    let total = bin.total();
    if total > 0.0 && row <= row_of(axis.at(total), height) {
        return if bin.is_above() { glyphs.above } else { glyphs.within };
    }
    match bin.band {
        Some((_, upper)) if row_of(axis.at(upper), height) == row => glyphs.upper,
        Some((median, _)) if row_of(axis.at(median), height) == row => glyphs.median,
        _ => ' ',
    }
}

/// Usage as one line of at most `width` characters, relative to its own highest.
pub fn spark(series: &UsageSeries, width: usize, charset: Charset) -> String {
    const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    const ASCII: [char; 8] = ['.', '.', ':', ':', '+', '+', '#', '#'];
    let levels = if charset == Charset::Blocks { BLOCKS } else { ASCII };
    let bins = Bins::new(series, width);
    let highest = bins.highest();
    let level = |bin: &Bin| match bin.total() {
        t if t <= 0.0 => ' ',
        t => levels[row_of(t / highest, levels.len())],
    };
    bins.columns.iter().map(level).collect()
}
