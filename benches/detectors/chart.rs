//! The comparison as a drawing.

use std::fmt::Write as _;

use super::Score;

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 440.0;

/// One part of the recordings.
pub struct Panel {
    /// What it is.
    pub title: &'static str,
    /// By rival, its settings, the usual one first.
    pub rivals: Vec<Vec<Score>>,
    /// guard.
    pub own: Score,
}

fn x(rate: f64) -> f64 {
    60.0 + (rate.max(0.01).log10() + 2.0) / 4.0 * (WIDTH - 100.0)
}

fn y(share: f64) -> f64 {
    HEIGHT - 50.0 - share * (HEIGHT - 100.0)
}

/// A panel a part: false alarms to the right (logarithmic), detection upwards. A rival is a dot at its usual setting with a line through
/// its stricter ones.
pub fn draw(panels: &[Panel]) -> String {
    let mut svg = format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{}" font-family="sans-serif" font-size="11">"#,
        HEIGHT * panels.len() as f64
    );
    svg.push_str(r#"<rect width="100%" height="100%" fill="white"/>"#);
    for (i, panel) in panels.iter().enumerate() {
        let _ = write!(
            svg,
            r#"<g transform="translate(0,{})"><text x="60" y="24" font-size="14">{}</text>"#,
            HEIGHT * i as f64,
            panel.title
        );
        axes(&mut svg);
        for rival in &panel.rivals {
            line(&mut svg, rival);
        }
        let mut taken = Vec::new();
        dot(&mut svg, &panel.own, "#0a7a3c", 7.0, &mut taken);
        for rival in panel.rivals.iter().filter_map(|rival| rival.first()) {
            dot(&mut svg, rival, "#b04a1e", 4.0, &mut taken);
        }
        svg.push_str("</g>");
    }
    svg.push_str("</svg>\n");
    svg
}

fn axes(svg: &mut String) {
    for rate in [0.01, 0.1, 1.0, 10.0, 100.0] {
        let (at, bottom) = (x(rate), y(0.0));
        let label = if rate <= 0.01 { "0".to_owned() } else { rate.to_string() };
        let _ = write!(
            svg,
            r##"<line x1="{at:.0}" x2="{at:.0}" y1="{:.0}" y2="{bottom:.0}" stroke="#ddd"/><text x="{at:.0}" y="{:.0}" text-anchor="middle">{label}</text>"##,
            y(1.0),
            bottom + 16.0
        );
    }
    for share in [0.0, 0.25, 0.5, 0.75, 1.0] {
        let at = y(share);
        let _ = write!(
            svg,
            r##"<line x1="60" x2="{}" y1="{at:.0}" y2="{at:.0}" stroke="#ddd"/><text x="54" y="{:.0}" text-anchor="end">{} %</text>"##,
            WIDTH - 40.0,
            at + 4.0,
            share * 100.0
        );
    }
    let _ = write!(
        svg,
        r#"<text x="{}" y="{}" text-anchor="middle">false trips a key-month; upwards: attacks detected (median delay); lines: the same detector with a higher limit</text>"#,
        WIDTH / 2.0,
        HEIGHT - 14.0
    );
}

fn line(svg: &mut String, rival: &[Score]) {
    let points: Vec<String> =
        rival.iter().map(|s| format!("{:.0},{:.0}", x(s.false_alarms), y(s.detected()))).collect();
    let _ = write!(svg, r##"<polyline points="{}" fill="none" stroke="#e5c8b8"/>"##, points.join(" "));
}

fn dot(svg: &mut String, score: &Score, colour: &str, size: f64, taken: &mut Vec<(f64, f64)>) {
    let (at, up) = (x(score.false_alarms), y(score.detected()));
    let (anchor, beside) = if at > WIDTH * 0.6 { ("end", at - 8.0) } else { ("start", at + 8.0) };
    // A label moves down until it covers no other.
    let mut label = up + 4.0;
    while taken.iter().any(|(x, y)| (x - beside).abs() < 300.0 && (y - label).abs() < 12.0) {
        label += 12.0;
    }
    taken.push((beside, label));
    let _ = write!(
        svg,
        r#"<circle cx="{at:.0}" cy="{up:.0}" r="{size}" fill="{colour}"/><text x="{beside:.0}" y="{label:.0}" text-anchor="{anchor}" fill="{colour}">{} ({:.0} min)</text>"#,
        score.name,
        score.delay()
    );
}
