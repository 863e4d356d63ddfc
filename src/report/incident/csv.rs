use crate::domain::incident::UsageSeries;
use crate::report::harmless;

/// `usage.csv`: one line a minute and model, with what was expected of the minute. Amounts are decimal USD. A model name
/// that a spreadsheet would take for a formula is set in an apostrophe.
///
/// # Errors
/// Only what the writer of CSV reports; writing to memory does not fail.
pub fn usage_csv(series: &UsageSeries) -> Result<Vec<u8>, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(["minute", "model", "cost_usd", "tokens", "median_usd", "upper_usd", "visible_at"])?;
    let amount = |dollars: f64| format!("{dollars:.6}");
    for charge in &series.charges {
        let band = series.band(charge.minute);
        let hidden = series
            .hidden
            .iter()
            .find(|h| (h.from..h.until).contains(&charge.minute.end()))
            .map(|h| h.until.to_rfc3339());
        writer.write_record([
            charge.minute.to_string(),
            harmless::no_formula(&harmless::line(&charge.model)),
            amount(charge.cost.dollars()),
            charge.tokens.to_string(),
            band.map(|b| amount(b.median.dollars())).unwrap_or_default(),
            band.map(|b| amount(b.upper.dollars())).unwrap_or_default(),
            hidden.unwrap_or_default(),
        ])?;
    }
    writer.into_inner().map_err(|e| csv::Error::from(std::io::Error::other(e.to_string())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::incident::Charge;
    use crate::domain::money::UsdMicros;
    use crate::domain::time::Minute;

    #[test]
    fn formulas_are_text() {
        let series = UsageSeries {
            from: Minute::from_epoch(0),
            until: Minute::from_epoch(1),
            charges: vec![Charge {
                minute: Minute::from_epoch(0),
                model: "=HYPERLINK(\"http://x\")".to_owned(),
                cost: UsdMicros::from_micros(12_345),
                tokens: 7,
            }],
            bands: Vec::new(),
            hidden: Vec::new(),
        };
        let text = String::from_utf8(usage_csv(&series).unwrap()).unwrap();
        assert_eq!(text.lines().nth(1), Some("1970-01-01T00:00Z,\"'=HYPERLINK(\"\"http://x\"\")\",0.012345,7,,,"));
    }
}
