//! An isolation forest (Liu, Ting, Zhou: "Isolation Forest", ICDM 2008): what random cuts separate early is an anomaly.
//! 100 trees of 256 samples, as in the paper; randomness follows from a fixed seed.

use guard::domain::watch::scenario::Seed;

const TREES: usize = 100;
const SAMPLES: usize = 256;

/// A point: one number a feature.
pub type Point<const N: usize> = [f64; N];

/// Trees over one set of points.
pub struct Forest<const N: usize> {
    trees: Vec<Node<N>>,
    /// The mean path length in a tree of that many samples.
    usual: f64,
}

enum Node<const N: usize> {
    Leaf { size: usize },
    Cut { feature: usize, at: f64, below: Box<Self>, above: Box<Self> },
}

impl<const N: usize> Forest<N> {
    /// Grows a forest on `points`.
    pub fn grow(points: &[Point<N>], seed: &mut Seed) -> Self {
        let count = SAMPLES.min(points.len());
        let depth = (count.max(2) as f64).log2().ceil() as usize;
        let tree = |seed: &mut Seed| {
            let mut sample = points.to_vec();
            // The first of a shuffle that stops early: samples without replacement.
            for i in 0..count {
                let other = seed.pick(i as i64, sample.len() as i64) as usize;
                sample.swap(i, other);
            }
            cut(&mut sample[..count], depth, seed)
        };
        Self { trees: (0..TREES).map(|_| tree(seed)).collect(), usual: mean_path(count) }
    }

    /// How anomalous a point is, 0 to 1: 0.5 is as usual as the rest, near 1 is separated at once.
    pub fn score(&self, point: &Point<N>) -> f64 {
        let mean = self.trees.iter().map(|tree| path(tree, point)).sum::<f64>() / self.trees.len() as f64;
        2f64.powf(-mean / self.usual.max(1e-9))
    }
}

fn cut<const N: usize>(points: &mut [Point<N>], depth: usize, seed: &mut Seed) -> Node<N> {
    let leaf = Node::Leaf { size: points.len() };
    if depth == 0 || points.len() <= 1 {
        return leaf;
    }
    let range = |feature: usize| {
        points.iter().fold((f64::MAX, f64::MIN), |(low, high), p| (low.min(p[feature]), high.max(p[feature])))
    };
    let wide: Vec<usize> = (0..N).filter(|feature| range(*feature).0 < range(*feature).1).collect();
    if wide.is_empty() {
        return leaf;
    }
    let feature = wide[seed.pick(0, wide.len() as i64) as usize];
    let (low, high) = range(feature);
    let at = seed.between(low, high);
    points.sort_by(|a, b| a[feature].total_cmp(&b[feature]));
    let (below, above) = points.split_at_mut(points.partition_point(|p| p[feature] < at));
    Node::Cut {
        feature,
        at,
        below: Box::new(cut(below, depth - 1, seed)),
        above: Box::new(cut(above, depth - 1, seed)),
    }
}

fn path<const N: usize>(tree: &Node<N>, point: &Point<N>) -> f64 {
    let (mut node, mut length) = (tree, 0.0);
    loop {
        match node {
            Node::Leaf { size } => return length + mean_path(*size),
            Node::Cut { feature, at, below, above } => {
                node = if point[*feature] < *at { below } else { above };
                length += 1.0;
            }
        }
    }
}

/// The mean length of an unsuccessful search in a binary tree of `count` (equation 1 of the paper).
fn mean_path(count: usize) -> f64 {
    const EULER: f64 = 0.577_215_664_9;
    match count {
        0 | 1 => 0.0,
        2 => 1.0,
        _ => {
            let n = count as f64;
            2.0 * ((n - 1.0).ln() + EULER) - 2.0 * (n - 1.0) / n
        }
    }
}
