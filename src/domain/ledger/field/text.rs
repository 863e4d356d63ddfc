use std::path::PathBuf;
use std::str::FromStr;

use chrono_tz::Tz;
use serde_json::{Value, json};
use toml::Spanned;
use toml::de::DeValue;

use super::{FieldType, wrong_type};
use crate::domain::ids::InvalidId;
use crate::domain::ledger::notes::Notes;
use crate::domain::ledger::words::shown;
use crate::domain::ledger::{FieldPath, InvalidFieldPath};
use crate::domain::money::UsdMicros;

/// A string with a meaning.
pub(in crate::domain::ledger) struct Text<T> {
    /// The meaning, or what is wrong.
    pub parse: fn(&str) -> Result<T, String>,
    /// As it is typed.
    pub show: fn(&T) -> String,
    /// For people.
    pub allowed: &'static str,
    /// A valid one, without quotes.
    pub example: &'static str,
    /// A regular expression (ECMA 262) that every valid one matches.
    pub pattern: &'static str,
}

impl<T> FieldType for Text<T> {
    type Value = T;

    fn read(&self, value: &Spanned<DeValue<'_>>, path: &str, notes: &mut Notes<'_>) -> Option<T> {
        let number = match value.get_ref() {
            DeValue::String(typed) => {
                return match (self.parse)(typed) {
                    Ok(meaning) => Some(meaning),
                    Err(why) => {
                        let remedy = format!("write for example `{}`", self.example());
                        notes.error(value.span(), path, why, remedy).allowed(self.allowed);
                        None
                    }
                };
            }
            DeValue::Integer(number) => number.to_string(),
            DeValue::Float(number) => number.to_string(),
            _ => String::new(),
        };
        if (self.parse)(&number).is_ok() {
            notes
                .error(value.span(), path, "this must be a string", format!("put it in quotes: `\"{number}\"`"))
                .allowed(self.allowed);
        } else {
            wrong_type(self, value, path, notes);
        }
        None
    }

    fn allowed(&self) -> String {
        self.allowed.to_owned()
    }

    fn example(&self) -> String {
        format!("{:?}", self.example)
    }

    fn schema(&self) -> Value {
        json!({ "type": "string", "pattern": self.pattern, "examples": [self.example] })
    }

    fn show(&self, value: &T) -> Value {
        json!((self.show)(value))
    }
}

/// Words for people: one line.
pub(in crate::domain::ledger) fn free_text(example: &'static str) -> Text<String> {
    Text {
        parse: |typed| match typed {
            t if t.trim().is_empty() => Err("the text is empty".to_owned()),
            t if t.chars().count() > 500 => Err("the text is longer than 500 characters".to_owned()),
            t if t.chars().any(char::is_control) => {
                Err("the text has a line break or another control character".to_owned())
            }
            t => Ok(t.to_owned()),
        },
        show: String::clone,
        allowed: "one line of text, 1 to 500 characters",
        example,
        pattern: r"\S",
    }
}

/// A name that another system gave: printable ASCII without spaces, and not a way out of a path.
pub(in crate::domain::ledger) fn one_word(example: &'static str) -> Text<String> {
    Text {
        parse: |typed| {
            let graphic = !typed.is_empty() && typed.len() <= 500 && typed.bytes().all(|b| b.is_ascii_graphic());
            match graphic && typed.split('/').all(|part| !matches!(part, "" | "." | "..")) {
                true => Ok(typed.to_owned()),
                false => Err(format!("`{}` is not a name", shown(typed))),
            }
        },
        show: String::clone,
        allowed: "1 to 500 printable ASCII characters without spaces, as parts of a path neither empty nor `..`",
        example,
        pattern: r"^[!-~]{1,500}$",
    }
}

/// The way to a value within a document.
pub(in crate::domain::ledger) fn field_path(example: &'static str) -> Text<FieldPath> {
    Text {
        parse: |typed| typed.parse().map_err(|why: InvalidFieldPath| why.to_string()),
        show: FieldPath::to_string,
        allowed: "names with dots between and positions in brackets; a name with other characters in double quotes",
        example,
        pattern: r"\S",
    }
}

/// An identifier of the provider.
pub(in crate::domain::ledger) fn id<T>(example: &'static str, pattern: &'static str) -> Text<T>
where
    T: FromStr<Err = InvalidId> + ToString,
{
    Text {
        parse: |typed| typed.parse().map_err(|why: InvalidId| why.to_string()),
        show: T::to_string,
        allowed: "the identifier that the provider's console and `guard init` show",
        example,
        pattern,
    }
}

/// A name that people choose and machines use.
pub(in crate::domain::ledger) fn slug<T>(example: &'static str) -> Text<T>
where
    T: FromStr<Err = InvalidId> + ToString,
{
    Text {
        parse: |typed| typed.parse().map_err(|why: InvalidId| why.to_string()),
        show: T::to_string,
        allowed: "1 to 64 lower-case letters, digits, `-`, `_`, `.`, beginning with a letter or a digit",
        example,
        pattern: r"^[a-z0-9][a-z0-9._-]{0,63}$",
    }
}

/// An amount in US dollars: `"25.00"` or `"25.00 USD"`.
pub(in crate::domain::ledger) fn money() -> Text<UsdMicros> {
    Text {
        parse: |typed| {
            UsdMicros::parse(typed.strip_suffix(" USD").unwrap_or(typed))
                .map_err(|_| format!("`{}` is not an amount in US dollars", shown(typed)))
        },
        show: |amount| {
            let (whole, rest) = (amount.micros() / 1_000_000, amount.micros() % 1_000_000);
            let fraction = format!("{rest:06}");
            // Cents always, finer digits only where there are some.
            let kept = fraction.trim_end_matches('0').len().max(2);
            format!("{whole}.{}", &fraction[..kept])
        },
        allowed: "an amount in US dollars in quotes, with up to six decimals, optionally followed by ` USD`",
        example: "25.00",
        pattern: r"^[0-9]+(\.[0-9]{1,6})?( USD)?$",
    }
}

/// An absolute path without `..`.
pub(in crate::domain::ledger) fn absolute_path(example: &'static str) -> Text<PathBuf> {
    Text {
        parse: |typed| match typed {
            t if !t.starts_with('/') => Err(format!("`{}` is not an absolute path", shown(t))),
            t if t.chars().any(char::is_control) => Err("the path has a control character".to_owned()),
            t if t.split('/').any(|part| part == "..") => Err(format!("`{}` goes up with `..`", shown(t))),
            t => Ok(PathBuf::from(t)),
        },
        show: |path| path.display().to_string(),
        allowed: "an absolute path without `..`",
        example,
        pattern: r"^/",
    }
}

/// The name of an environment variable.
pub(in crate::domain::ledger) fn environment_variable() -> Text<String> {
    Text {
        parse: |typed| {
            let mut bytes = typed.bytes();
            let first = bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
            match first && typed.len() <= 128 && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_') {
                true => Ok(typed.to_owned()),
                false => Err(format!("`{}` is not the name of an environment variable", shown(typed))),
            }
        },
        show: String::clone,
        allowed: "letters, digits and `_`, not beginning with a digit",
        example: "ANTHROPIC_API_KEY",
        pattern: r"^[A-Za-z_][A-Za-z0-9_]{0,127}$",
    }
}

/// The mode of a file that holds a key: at most `0640`.
pub(in crate::domain::ledger) fn file_mode() -> Text<u32> {
    Text {
        parse: |typed| match u32::from_str_radix(typed, 8) {
            Ok(mode) if typed.len() == 4 && mode & !0o640 == 0 && mode & 0o400 != 0 => Ok(mode),
            _ => Err(format!("`{}` is not a mode for a file that holds a key", shown(typed))),
        },
        show: |mode| format!("{mode:04o}"),
        allowed: "`0400`, `0440`, `0600` or `0640`, in quotes",
        example: "0600",
        pattern: r"^0(40|44|60|64)0$",
    }
}

/// A model id, or a prefix of model ids followed by `*`.
pub(in crate::domain::ledger) fn model_pattern() -> Text<String> {
    Text {
        parse: |typed| {
            let name = typed.strip_suffix('*').unwrap_or(typed);
            let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':' | b'@' | b'/');
            match !typed.is_empty() && typed.len() <= 128 && name.bytes().all(plain) {
                true => Ok(typed.to_owned()),
                false => Err(format!("`{}` is not a model id", shown(typed))),
            }
        },
        show: String::clone,
        allowed: "a model id, or the beginning of model ids followed by `*`",
        example: "claude-haiku-4-5*",
        pattern: r"^([A-Za-z0-9._:@/-]+\*?|\*)$",
    }
}

/// A time of day, `"03:30"`, as hour and minute.
pub(in crate::domain::ledger) fn time_of_day() -> Text<(u8, u8)> {
    Text {
        parse: |typed| {
            let number = |part: &str, below: u8| {
                (part.len() == 2).then(|| part.parse().ok().filter(|n: &u8| *n < below)).flatten()
            };
            typed
                .split_once(':')
                .and_then(|(hour, minute)| Some((number(hour, 24)?, number(minute, 60)?)))
                .ok_or_else(|| format!("`{}` is not a time of day", shown(typed)))
        },
        show: |(hour, minute)| format!("{hour:02}:{minute:02}"),
        allowed: "a time of day as HH:MM, from 00:00 to 23:59",
        example: "03:30",
        pattern: r"^([01][0-9]|2[0-3]):[0-5][0-9]$",
    }
}

/// A time zone of the IANA database.
pub(in crate::domain::ledger) fn time_zone() -> Text<Tz> {
    Text {
        parse: |typed| typed.parse().map_err(|_| format!("`{}` is not a time zone", shown(typed))),
        show: |zone: &Tz| zone.name().to_owned(),
        allowed: "a time zone of the IANA database",
        example: "Europe/Berlin",
        pattern: r"^[A-Za-z0-9+_/-]+$",
    }
}
