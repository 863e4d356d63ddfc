use std::time::Duration;

use serde_json::{Value, json};
use toml::Spanned;
use toml::de::DeValue;

use super::{FieldType, wrong_type};
use crate::domain::ledger::notes::Notes;
use crate::domain::ledger::words::shown;

pub(in crate::domain::ledger) const SECOND: Duration = Duration::from_secs(1);
pub(in crate::domain::ledger) const MINUTE: Duration = Duration::from_secs(60);
pub(in crate::domain::ledger) const HOUR: Duration = Duration::from_secs(3_600);
pub(in crate::domain::ledger) const DAY: Duration = Duration::from_secs(86_400);

/// Units, from the largest; a month has no fixed length and is left out.
const UNITS: [(char, u64); 5] = [('w', 604_800), ('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

/// A duration between two bounds, both included: `"90s"`, `"15m"`, `"1h30m"`, `"7d"`.
pub(in crate::domain::ledger) struct Lasting(pub Duration, pub Duration);

impl FieldType for Lasting {
    type Value = Duration;

    fn read(&self, value: &Spanned<DeValue<'_>>, path: &str, notes: &mut Notes<'_>) -> Option<Duration> {
        let typed = match value.get_ref() {
            DeValue::String(typed) => typed,
            DeValue::Integer(number) => {
                notes
                    .error(
                        value.span(),
                        path,
                        format!("{number} has no unit"),
                        format!("write `\"{number}m\"` for minutes, `\"{number}s\"` for seconds"),
                    )
                    .allowed(self.allowed());
                return None;
            }
            _ => {
                wrong_type(self, value, path, notes);
                return None;
            }
        };
        let (message, suggestion) = match parse_duration(typed) {
            None => {
                (format!("`{}` is not a duration", shown(typed)), format!("write for example `{}`", self.example()))
            }
            Some(length) if length < self.0 => {
                (format!("`{}` is too short", shown(typed)), format!("write `\"{}\"` or more", duration_text(self.0)))
            }
            Some(length) if length > self.1 => {
                (format!("`{}` is too long", shown(typed)), format!("write `\"{}\"` or less", duration_text(self.1)))
            }
            Some(length) => return Some(length),
        };
        notes.error(value.span(), path, message, suggestion).allowed(self.allowed());
        None
    }

    fn allowed(&self) -> String {
        format!(
            "a duration from {} to {}: whole numbers with the units `s`, `m`, `h`, `d`, `w`",
            duration_text(self.0),
            duration_text(self.1)
        )
    }

    fn example(&self) -> String {
        format!("{:?}", duration_text(Duration::from_secs(900).clamp(self.0, self.1)))
    }

    fn schema(&self) -> Value {
        json!({ "type": "string", "pattern": "^([0-9]+[wdhms])+$", "$comment": self.allowed() })
    }

    fn show(&self, value: &Duration) -> Value {
        json!(duration_text(*value))
    }
}

fn parse_duration(text: &str) -> Option<Duration> {
    let mut seconds: u64 = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit_and_rest) = rest.split_at(digits);
        let mut chars = unit_and_rest.chars();
        let unit = chars.next().and_then(|c| UNITS.iter().find(|(unit, _)| *unit == c))?.1;
        seconds = seconds.checked_add(number.parse::<u64>().ok()?.checked_mul(unit)?)?;
        rest = chars.as_str();
    }
    (!text.is_empty()).then(|| Duration::from_secs(seconds))
}

/// `7d`, `1h30m`: as it is typed in the ledger. Fractions of a second are dropped.
pub(in crate::domain::ledger) fn duration_text(length: Duration) -> String {
    let mut seconds = length.as_secs();
    if seconds == 0 {
        return "0s".to_owned();
    }
    let mut text = String::new();
    // Weeks are read but never written: `90d` says more than `12w6d`.
    for (unit, worth) in &UNITS[1..] {
        if seconds >= *worth {
            text.push_str(&format!("{}{unit}", seconds / worth));
            seconds %= worth;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_whole_numbers_with_units() {
        for bad in
            ["", "15", "m", "1.5h", "-1m", "15 m", "1M", "15min", "1mo", "99999999999999999999s", "9999999999999999w"]
        {
            assert_eq!(parse_duration(bad), None, "{bad}");
        }
        assert_eq!(parse_duration("1h30m"), Some(Duration::from_secs(5_400)));
        assert_eq!(parse_duration("2w"), Some(14 * DAY));
    }

    proptest! {
        #[test]
        fn text_round_trips(seconds in any::<u64>()) {
            let length = Duration::from_secs(seconds);
            prop_assert_eq!(parse_duration(&duration_text(length)), Some(length));
        }
    }
}
