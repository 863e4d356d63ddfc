use crate::domain::secret::Secret;

/// What stands for a secret.
const MARK: &str = "[redacted]";
/// How key texts begin, whatever key it is.
const KEY: &str = "sk-ant-";
/// So many characters of a secret in a row count as the secret.
const PIECE: usize = 8;

/// `text` without anything that looks like a key and without any eight characters in a row of `secret`.
pub fn redact(text: &str, secret: Option<&Secret>) -> String {
    let bytes = text.as_bytes();
    let mut hidden = vec![false; bytes.len()];
    for (start, _) in text.match_indices(KEY) {
        let rest = bytes[start..].iter().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
        hidden[start..start + rest.count()].fill(true);
    }
    let secret = secret.map(|s| s.expose().as_bytes()).unwrap_or_default();
    let piece = PIECE.min(secret.len());
    if piece > 0 {
        for start in 0..(bytes.len() + 1).saturating_sub(piece) {
            if secret.windows(piece).any(|part| part == &bytes[start..start + piece]) {
                hidden[start..start + piece].fill(true);
            }
        }
    }
    let mut clean = String::with_capacity(text.len());
    for (position, character) in text.char_indices() {
        if !hidden[position] {
            clean.push(character);
        } else if position == 0 || !hidden[position - 1] {
            clean.push_str(MARK);
        }
    }
    clean
}

/// The last line that says anything, after a colon, printable, redacted and cut; or nothing.
pub(super) fn last_line(output: &[u8], secret: Option<&Secret>) -> String {
    let text = String::from_utf8_lossy(output);
    match text.lines().rev().map(str::trim).find(|line| !line.is_empty()) {
        Some(line) => {
            let clean = redact(line, secret);
            format!(": {}", clean.chars().take(200).flat_map(char::escape_debug).collect::<String>())
        }
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_pieces_of_the_secret_are_hidden() {
        let secret = Secret::new("abcdefghijklmnop".into()).unwrap();
        assert_eq!(redact("é got abcdefghijklmnop!", Some(&secret)), "é got [redacted]!");
        assert_eq!(redact("xx cdefghij yy abcdefg", Some(&secret)), "xx [redacted] yy abcdefg");
        assert_eq!(redact("a sk-ant-api03-R2D_x-igAA, b", None), "a [redacted], b");
        assert_eq!(redact("", Some(&secret)), "");
        let short = Secret::new("abc".into()).unwrap();
        assert_eq!(redact("1abc2", Some(&short)), "1[redacted]2");
    }

    #[test]
    fn the_last_line_is_one_printable_line() {
        assert_eq!(last_line(b"first\nno \x1b[31mlogin\xff\n\n", None), ": no \\u{1b}[31mlogin\u{fffd}");
        assert_eq!(last_line(b" \n", None), "");
    }
}
