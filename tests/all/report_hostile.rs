//! What comes from outside at its worst, and what a page must look like all the same.

use guard::domain::incident::{Band, Charge, Hidden, UsageSeries};
use guard::domain::money::UsdMicros;
use guard::domain::time::{Minute, Timestamp};
use guard::report::harmless;
use proptest::prelude::*;

/// Tags open and close in order, and nothing invisible or directing is on the page.
pub fn well_formed(page: &str) -> Result<(), String> {
    const VOID: [&str; 3] = ["meta", "br", "link"];
    let mut open: Vec<&str> = Vec::new();
    let body = page.strip_prefix("<!DOCTYPE html>").ok_or("no doctype")?;
    for piece in body.split('<').skip(1) {
        let (tag, text) = piece.split_once('>').ok_or_else(|| format!("a stray < before {piece:.60}"))?;
        if text.contains('"') && open.last() != Some(&"style") && !text.is_empty() && tag != "style" {
            return Err(format!("a raw quote in {text:.60}"));
        }
        if let Some(name) = tag.strip_prefix('/') {
            let last = open.pop();
            if last != Some(name) {
                return Err(format!("</{name}> closes {last:?}"));
            }
        } else {
            let name = tag.split_ascii_whitespace().next().unwrap_or_default();
            if !VOID.contains(&name) {
                open.push(name);
            }
        }
    }
    if !open.is_empty() {
        return Err(format!("left open: {open:?}"));
    }
    page.lines()
        .find(|line| !harmless::is_harmless(line))
        .map_or(Ok(()), |line| Err(format!("not harmless: {line:.80}")))
}

/// Text that tries to be something else.
pub fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        Just("</style><script>alert(1)</script>".to_owned()),
        Just("\" onload=\"alert(1)".to_owned()),
        Just("]]>--><!--<![CDATA[".to_owned()),
        Just("\u{202e}gnp.exe\u{2066}\u{200b}\u{feff}\u{1b}[2J\u{0}\r\n".to_owned()),
        "[\\x00-\\x20<>&\"'\u{202a}-\u{202e}]{0,80}",
    ]
}

/// Usage of any window, inverted ones included, with any money.
pub fn series() -> impl Strategy<Value = UsageSeries> {
    let minute = || (-100i64..4_000).prop_map(|m| Minute::from_epoch(29_000_000 + m));
    let money = || prop_oneof![0u64..1_000_000, any::<u64>()].prop_map(UsdMicros::from_micros);
    let charge = (minute(), "[a-f]", money(), any::<u64>()).prop_map(|(minute, model, cost, tokens)| Charge {
        minute,
        model,
        cost,
        tokens,
    });
    let band = (minute(), money(), money()).prop_map(|(from, median, upper)| Band { from, median, upper });
    let hidden = (any::<u32>(), any::<u32>()).prop_map(|(from, until)| {
        let at = |s| Timestamp::from_timestamp(i64::from(s), 0).unwrap();
        Hidden { from: at(from), until: at(until) }
    });
    let lists =
        (prop::collection::vec(charge, 0..40), prop::collection::vec(band, 0..6), prop::collection::vec(hidden, 0..3));
    (minute(), minute(), lists).prop_map(|(from, until, (charges, bands, hidden))| UsageSeries {
        from,
        until,
        charges,
        bands,
        hidden,
    })
}

#[test]
fn the_check_for_well_formed_pages_can_fail() {
    for bad in [
        "<p>",
        "<!DOCTYPE html><p></b></p>",
        "<!DOCTYPE html><p>\u{202e}</p>",
        "<!DOCTYPE html><p>\"</p>",
        "<!DOCTYPE html><",
    ] {
        assert!(well_formed(bad).is_err(), "{bad}");
    }
}
