use std::ops::Range;

/// Readers of dotenv files do not agree on this file, or guard cannot tell what they would make of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub(super) struct Ambiguous {
    /// Counted from 1.
    pub(super) line: usize,
    pub(super) why: &'static str,
}

/// How a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Bare,
    Single,
    Double,
}

/// The assignment that counts.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found<'b> {
    pub(super) line: usize,
    pub(super) style: Style,
    /// The value with its quotes.
    pub(super) place: Range<usize>,
    /// The value without its quotes.
    pub(super) text: &'b [u8],
}

/// What there is to know before an edit.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Scan<'b> {
    /// The last assignment of the variable: all readers let the last one win.
    pub(super) found: Option<Found<'b>>,
    /// Assignments of the variable before that one.
    pub(super) earlier: usize,
    /// Number of the line that one more assignment would be on.
    pub(super) end: usize,
    /// The last line ends with a backslash: a shell would glue the next one to it.
    pub(super) glued: bool,
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Finds `variable` in a dotenv file. Understands blank lines, comments, `export`, bare values with ` #` comments, single and
/// double quotes across lines, and both line endings; whatever two readers in use could take differently is [`Ambiguous`].
pub(super) fn scan<'b>(bytes: &'b [u8], variable: &str) -> Result<Scan<'b>, Ambiguous> {
    let mut scanner = Scanner { bytes, at: 0, line: 1 };
    let mut scan = Scan { found: None, earlier: 0, end: 1, glued: false };
    if bytes.starts_with(BYTE_ORDER_MARK) {
        scanner.at = BYTE_ORDER_MARK.len();
    }
    while scanner.at < bytes.len() {
        let (line, glued) = (scanner.line, scan.glued);
        let Line { binding, open_ended } = scanner.line()?;
        scan.glued = open_ended;
        let Some(Binding { name, value }) = binding else { continue };
        if name.starts_with(b"'") || name.starts_with(b"\"") {
            return Err(Ambiguous { line, why: "a name in quotes, which not every reader takes" });
        }
        if name != variable.as_bytes() {
            continue;
        }
        let Some(value) = value else {
            return Err(Ambiguous {
                line,
                why: "the variable stands here without `=`, which unsets it for some readers",
            });
        };
        if glued {
            return Err(Ambiguous { line, why: "the line before ends with a backslash, which glues both in a shell" });
        }
        if line == 1 && bytes.starts_with(BYTE_ORDER_MARK) {
            return Err(Ambiguous { line, why: "a byte order mark stands before the variable's name; remove it" });
        }
        scan.earlier += usize::from(scan.found.is_some());
        scan.found = Some(value.clear(bytes, line)?);
    }
    scan.end = scanner.line;
    Ok(scan)
}

struct Scanner<'b> {
    bytes: &'b [u8],
    at: usize,
    line: usize,
}

/// One line, or several when quotes span them.
struct Line<'b> {
    binding: Option<Binding<'b>>,
    /// It ends with a backslash, so that a shell would glue the next one to it. Comments cannot be continued.
    open_ended: bool,
}

struct Binding<'b> {
    name: &'b [u8],
    /// `None`: a name without `=`.
    value: Option<Value>,
}

struct Value {
    style: Style,
    /// With the quotes.
    place: Range<usize>,
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | 0x0b | 0x0c)
}

impl<'b> Scanner<'b> {
    /// Where the line that contains `from` ends, without its line break, and where the next one begins.
    fn line_end(&self, from: usize) -> (usize, usize) {
        match self.bytes[from..].iter().position(|b| *b == b'\n') {
            Some(offset) => {
                let end = from + offset;
                (if end > from && self.bytes[end - 1] == b'\r' { end - 1 } else { end }, end + 1)
            }
            None => (self.bytes.len(), self.bytes.len()),
        }
    }

    fn skip_blanks(&self, from: usize, end: usize) -> usize {
        from + self.bytes[from..end].iter().take_while(|b| is_blank(**b)).count()
    }

    fn ambiguous(&self, why: &'static str) -> Ambiguous {
        Ambiguous { line: self.line, why }
    }

    /// Takes the next line and moves on.
    fn line(&mut self) -> Result<Line<'b>, Ambiguous> {
        let (end, next) = self.line_end(self.at);
        let start = self.skip_blanks(self.at, end);
        let comment = self.bytes[start..end].first() == Some(&b'#');
        let binding = if comment { None } else { self.binding(start, end)? };
        if binding.is_none() && !comment && self.bytes[start..end].iter().any(|b| matches!(b, b'"' | b'\'')) {
            return Err(self.ambiguous("quotes on a line that is neither an assignment nor a comment"));
        }
        // Quotes may span line ends; only what is outside of them counts for the form of the line.
        let quoted = match binding.as_ref().and_then(|binding| binding.value.as_ref()) {
            Some(value) if value.style != Style::Bare => value.place.clone(),
            _ => end..end,
        };
        let (end, next) = if quoted.end > end { self.line_end(quoted.end) } else { (end, next) };
        if !quoted.is_empty() {
            self.nothing_follows(quoted.end, end)?;
        }
        if [self.at..quoted.start, quoted.end..end].into_iter().any(|part| self.bytes[part].contains(&b'\r')) {
            return Err(self.ambiguous("a carriage return inside the line, which some readers take for its end"));
        }
        let open_ended = !comment && end > self.at && self.bytes[end - 1] == b'\\';
        self.line += self.bytes[self.at..next].iter().filter(|b| **b == b'\n').count();
        self.at = next;
        Ok(Line { binding, open_ended })
    }

    fn binding(&self, start: usize, end: usize) -> Result<Option<Binding<'b>>, Ambiguous> {
        let mut name = start;
        if self.bytes[start..end].starts_with(b"export") {
            let after = self.skip_blanks(start + 6, end);
            name = if after > start + 6 { after } else { start };
        }
        let length = self.bytes[name..end].iter().take_while(|b| !is_blank(**b) && !matches!(b, b'=' | b'#')).count();
        let equals = self.skip_blanks(name + length, end);
        let name = &self.bytes[name..name + length];
        match self.bytes[equals..end].first() {
            _ if name.is_empty() => return Ok(None),
            Some(b'=') => {}
            None | Some(b'#') => return Ok(Some(Binding { name, value: None })),
            Some(_) => return Ok(None),
        }
        let value = self.skip_blanks(equals + 1, end);
        let (style, place) = match self.bytes[value..end].first() {
            Some(b'\'') => (Style::Single, value..self.closing(value, b'\'')?),
            Some(b'"') => (Style::Double, value..self.closing(value, b'"')?),
            Some(_) => (Style::Bare, value..self.bare_end(value, end)),
            // Nothing but blanks: a value would begin right behind the sign.
            None => (Style::Bare, equals + 1..equals + 1),
        };
        Ok(Some(Binding { name, value: Some(Value { style, place }) }))
    }

    /// The place after the quote that closes the one at `open`, perhaps lines below.
    fn closing(&self, open: usize, quote: u8) -> Result<usize, Ambiguous> {
        let mut backslashes = 0;
        for (offset, byte) in self.bytes[open + 1..].iter().enumerate() {
            if *byte == quote {
                match (quote, backslashes) {
                    (_, 0) => return Ok(open + 1 + offset + 1),
                    (b'"', 1) => {}
                    _ => return Err(self.ambiguous("backslashes before a quote, which readers take differently")),
                }
            }
            backslashes = if *byte == b'\\' { backslashes + 1 } else { 0 };
        }
        Err(self.ambiguous("the quote is never closed"))
    }

    /// Where a value without quotes ends: before blanks and a comment.
    fn bare_end(&self, start: usize, end: usize) -> usize {
        let value = &self.bytes[start..end];
        let comment = (1..value.len()).find(|at| value[*at] == b'#' && is_blank(value[at - 1])).unwrap_or(value.len());
        let trailing = value[..comment].iter().rev().take_while(|b| is_blank(**b)).count();
        start + comment - trailing
    }

    /// After a closing quote only blanks and a comment may stand.
    fn nothing_follows(&self, close: usize, end: usize) -> Result<(), Ambiguous> {
        let rest = self.skip_blanks(close, end);
        let comment = rest > close && self.bytes[rest..end].first() == Some(&b'#');
        if rest == end || comment { Ok(()) } else { Err(self.ambiguous("text after the closing quote")) }
    }
}

impl Value {
    /// The value, when every reader takes it for the same.
    fn clear(self, bytes: &[u8], line: usize) -> Result<Found<'_>, Ambiguous> {
        let Self { style, place } = self;
        let quotes = if style == Style::Bare { 0 } else { 1 };
        let text = &bytes[place.start + quotes..place.end - quotes];
        let special: &[u8] = match style {
            Style::Bare => b"\\'\"`$#",
            Style::Single => b"\\",
            Style::Double => b"\\`$",
        };
        if text.iter().any(|b| special.contains(b)) {
            let why = "the variable's value has characters that readers take differently; empty it or quote it plainly";
            return Err(Ambiguous { line, why });
        }
        Ok(Found { line, style, place, text })
    }
}
