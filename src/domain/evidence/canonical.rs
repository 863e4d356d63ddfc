use serde_json::Value;

/// The one form of `value` that is hashed; see the module's page for the rules.
pub fn canonical(value: &Value) -> String {
    let mut out = String::new();
    write(value, &mut out);
    out
}

fn write(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        // Fractions have no single textual form that every language prints alike; as a string they cannot drift.
        Value::Number(number) if number.is_f64() => text(&number.to_string(), out),
        Value::Number(number) => out.push_str(&number.to_string()),
        Value::String(string) => text(string, out),
        Value::Array(items) => {
            out.push('[');
            for (position, item) in items.iter().enumerate() {
                if position > 0 {
                    out.push(',');
                }
                write(item, out);
            }
            out.push(']');
        }
        Value::Object(members) => {
            let mut sorted: Vec<_> = members.iter().collect();
            sorted.sort_unstable_by_key(|(name, _)| name.as_bytes());
            out.push('{');
            for (position, (name, member)) in sorted.into_iter().enumerate() {
                if position > 0 {
                    out.push(',');
                }
                text(name, out);
                out.push(':');
                write(member, out);
            }
            out.push('}');
        }
    }
}

fn text(string: &str, out: &mut String) {
    out.push('"');
    for character in string.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            c if c < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_space_numbers_and_escapes_are_fixed() {
        let value = serde_json::json!({"b": [1, -2, 1.5, null, true], "a": {"z": "é\"\\\n\u{1}\u{7f}", "A": u64::MAX}});
        let expected = "{\"a\":{\"A\":18446744073709551615,\"z\":\"é\\\"\\\\\\n\\u0001\u{7f}\"},\
                        \"b\":[1,-2,\"1.5\",null,true]}";
        assert_eq!(canonical(&value), expected);
    }

    #[test]
    fn what_was_written_is_read_and_written_the_same() {
        let value = serde_json::json!({"k": [0.1, 1e300, "1.5", i64::MIN]});
        let once = canonical(&value);
        assert_eq!(canonical(&serde_json::from_str(&once).unwrap()), once);
    }
}
