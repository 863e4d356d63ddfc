//! Where the labels of marks go: each beside its line, none over another.

/// On which side of its line a label prefers to stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Text ends at the line.
    Left,
    /// Text begins at the line.
    Right,
}

/// A label that wants to stand beside `x`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Wanted {
    /// Where the mark's line is.
    pub x: f64,
    /// How wide the text is.
    pub width: f64,
    /// Where it prefers to stand.
    pub side: Side,
}

/// Where a label stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Placed {
    /// Left edge of the text.
    pub left: f64,
    /// The end of the text that is next to its line.
    pub side: Side,
    /// Row, 0 next to the plot.
    pub lane: usize,
}

/// Distance between two labels of a row, and between a line and its label.
const GAP: f64 = 5.0;

/// Places labels in rows above a plot that spans `left..right`, in the order given. A label that does not fit on its side
/// goes to the other, and is shifted if it fits on neither. Labels get higher rows than the lines that they would cover, so that lines end below the text of others.
pub fn place(wanted: &[Wanted], left: f64, right: f64) -> Vec<Placed> {
    let sides: Vec<Side> = wanted.iter().map(|w| fitting(*w, left, right)).collect();
    let (mut order, mut to_the_right): (Vec<usize>, Vec<usize>) =
        (0..wanted.len()).partition(|i| sides[*i] == Side::Left);
    // From the outside in: a label is placed after those whose lines it may cover. Of marks on one spot the first ends on top.
    order.sort_by(|a, b| wanted[*a].x.total_cmp(&wanted[*b].x).then(b.cmp(a)));
    to_the_right.sort_by(|a, b| wanted[*b].x.total_cmp(&wanted[*a].x).then(b.cmp(a)));
    order.append(&mut to_the_right);
    let mut placed: Vec<Option<Placed>> = vec![None; wanted.len()];
    for i in order {
        let (Wanted { x, width, .. }, side) = (wanted[i], sides[i]);
        let beside = if side == Side::Right { x + GAP } else { x - GAP - width };
        let from = beside.min(right - width).max(left);
        let to = from + width + GAP;
        let others = || placed.iter().zip(wanted).filter_map(|(p, w)| p.map(|p| (p, w)));
        let above_lines =
            others().filter(|(_, w)| (from - GAP..to).contains(&w.x)).map(|(p, _)| p.lane + 1).max().unwrap_or(0);
        let free = |lane: usize| !others().any(|(p, w)| p.lane == lane && p.left < to && from < p.left + w.width + GAP);
        // Each label occupies one row and asks for one above it at most, so that twice as many rows are always enough.
        let lane = (above_lines..=wanted.len() * 2).find(|lane| free(*lane)).unwrap_or(wanted.len() * 2);
        placed[i] = Some(Placed { left: from, side, lane });
    }
    placed.into_iter().map(|p| p.unwrap_or(Placed { left, side: Side::Right, lane: 0 })).collect()
}

fn fitting(wanted: Wanted, left: f64, right: f64) -> Side {
    let fits = |side| match side {
        Side::Left => wanted.x - GAP - wanted.width >= left,
        Side::Right => wanted.x + GAP + wanted.width <= right,
    };
    let other = if wanted.side == Side::Left { Side::Right } else { Side::Left };
    if !fits(wanted.side) && fits(other) { other } else { wanted.side }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn marks_of_one_instant_stack_in_their_order() {
        let wanted = [Wanted { x: 50.0, width: 60.0, side: Side::Right }; 3];
        let lanes: Vec<_> = place(&wanted, 0.0, 300.0).into_iter().map(|p| p.lane).collect();
        assert_eq!(lanes, [2, 1, 0]);
    }

    proptest! {
        #[test]
        fn labels_never_overlap(marks in prop::collection::vec((0.0f64..300.0, 20.0f64..180.0, any::<bool>()), 0..12)) {
            let wanted: Vec<_> = marks
                .into_iter()
                .map(|(x, width, left)| Wanted { x, width, side: if left { Side::Left } else { Side::Right } })
                .collect();
            let placed = place(&wanted, 0.0, 300.0);
            for (i, a) in placed.iter().enumerate() {
                prop_assert!(a.left >= 0.0 && a.left + wanted[i].width <= 300.0 + 1e-9);
                for (j, b) in placed.iter().enumerate().skip(i + 1) {
                    let apart = a.left + wanted[i].width <= b.left || b.left + wanted[j].width <= a.left;
                    prop_assert!(a.lane != b.lane || apart, "{i} and {j}");
                }
            }
        }
    }
}
