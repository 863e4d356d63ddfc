//! Usage put into columns for a picture: at most so many, each an average over a whole number of minutes.

use crate::domain::incident::UsageSeries;
use crate::domain::time::{Minute, Timestamp};

/// A picture shows that many models by name; the rest is one more.
pub const NAMED_MODELS: usize = 4;

/// A column.
#[derive(Debug, Clone, PartialEq)]
pub struct Bin {
    /// Its first minute.
    pub from: Minute,
    /// The first minute after it.
    pub until: Minute,
    /// Dollars per minute by model, in the order of [`Bins::models`].
    pub by_model: Vec<f64>,
    /// Expected dollars per minute: median and upper limit.
    pub band: Option<(f64, f64)>,
}

impl Bin {
    /// Dollars per minute of all models.
    pub fn total(&self) -> f64 {
        self.by_model.iter().sum()
    }

    /// More than expected. Nothing is, where nothing is known.
    pub fn is_above(&self) -> bool {
        self.band.is_some_and(|(_, upper)| self.total() > upper)
    }
}

/// All columns.
#[derive(Debug, Clone, PartialEq)]
pub struct Bins {
    /// Models, the dearest first; names from outside. The last one stands for all the others if there are too many.
    pub models: Vec<String>,
    /// Columns, oldest first.
    pub columns: Vec<Bin>,
    /// Minutes a column.
    pub width: i64,
    from: Timestamp,
    seconds: f64,
}

impl Bins {
    /// At most `most` columns. A series that spans nothing gives one empty column.
    pub fn new(series: &UsageSeries, most: usize) -> Self {
        let minutes = i64::try_from(series.minutes()).unwrap_or(i64::MAX).max(1);
        let most = i64::try_from(most.max(1)).unwrap_or(i64::MAX);
        // Not `i64::div_ceil`, which is unstable; neither can overflow, both are positive.
        let width = (minutes / most) + i64::from(minutes % most != 0);
        let count = (minutes / width) + i64::from(minutes % width != 0);
        let ranked = series.by_model();
        let mut models: Vec<String> = ranked.iter().take(NAMED_MODELS).map(|(m, _)| (*m).to_owned()).collect();
        if ranked.len() > NAMED_MODELS {
            models.push(format!("{} other models", ranked.len() - NAMED_MODELS));
        }
        let mut columns: Vec<Bin> = (0..count)
            .map(|i| {
                let from = series.from.plus(i * width);
                let band = series.band(from).map(|b| (b.median.dollars(), b.upper.dollars()));
                Bin { from, until: from.plus(width), by_model: vec![0.0; models.len()], band }
            })
            .collect();
        for charge in &series.charges {
            let offset = charge.minute.since(series.from);
            let model = models.iter().take(NAMED_MODELS).position(|m| *m == charge.model);
            let slot = model.unwrap_or(models.len() - 1);
            let column = usize::try_from(offset.div_euclid(width)).ok().and_then(|i| columns.get_mut(i));
            if let Some(cost) = column.and_then(|c| c.by_model.get_mut(slot)) {
                *cost += charge.cost.dollars() / width as f64;
            }
        }
        Self { models, columns, width, from: series.from.start(), seconds: minutes as f64 * 60.0 }
    }

    /// Where `at` lies between the first minute (0) and the end (1); what is outside lies on the edge.
    pub fn share(&self, at: Timestamp) -> f64 {
        let passed = at.signed_duration_since(self.from).num_milliseconds() as f64 / 1000.0;
        (passed / self.seconds).clamp(0.0, 1.0)
    }

    /// The highest column, in dollars per minute.
    pub fn highest(&self) -> f64 {
        self.columns.iter().map(Bin::total).fold(0.0, f64::max)
    }

    /// The highest that was expected, in dollars per minute.
    pub fn highest_expected(&self) -> f64 {
        self.columns.iter().filter_map(|c| c.band).map(|(_, upper)| upper).fold(0.0, f64::max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::incident::Charge;
    use crate::domain::money::UsdMicros;

    fn series(minutes: i64, charges: &[(i64, &str, u64)]) -> UsageSeries {
        UsageSeries {
            from: Minute::from_epoch(0),
            until: Minute::from_epoch(minutes),
            charges: charges
                .iter()
                .map(|(m, model, dollars)| Charge {
                    minute: Minute::from_epoch(*m),
                    model: (*model).to_owned(),
                    cost: UsdMicros::from_dollars(*dollars),
                    tokens: 0,
                })
                .collect(),
            bands: Vec::new(),
            hidden: Vec::new(),
        }
    }

    #[test]
    fn columns_average_and_lose_nothing() {
        let bins = Bins::new(&series(100, &[(0, "a", 4), (1, "b", 2), (99, "a", 3)]), 30);
        assert_eq!((bins.width, bins.columns.len()), (4, 25));
        assert_eq!(bins.columns[0].total() * 4.0, 6.0);
        assert_eq!(bins.columns.iter().map(Bin::total).sum::<f64>() * 4.0, 9.0);
    }

    #[test]
    fn many_models_share_the_last_colour() {
        let charges: Vec<_> = ["a", "b", "c", "d", "e", "f"].into_iter().map(|m| (0, m, 1)).collect();
        let bins = Bins::new(&series(1, &charges), 10);
        assert_eq!(bins.models.len(), NAMED_MODELS + 1);
        assert_eq!(bins.columns[0].by_model, [1.0, 1.0, 1.0, 1.0, 2.0]);
    }

    #[test]
    fn an_inverted_or_empty_window_is_one_empty_column() {
        assert_eq!(Bins::new(&series(-5, &[(0, "a", 1)]), 10).columns.len(), 1);
        assert_eq!(Bins::new(&series(0, &[]), 10).highest(), 0.0);
    }
}
