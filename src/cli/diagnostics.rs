//! Problems of a ledger as people read them: file, line, column, the lines themselves, what is allowed, what to do.

use std::fmt::Write;

use annotate_snippets::{AnnotationKind, Level as Tone, Renderer, Snippet};

use super::Failure;
use crate::domain::ledger::{Level, Problem, redact};
use crate::exit::Exit;

/// More than this many are counted, not shown.
const SHOWN: usize = 50;

/// The failure of a command whose ledger is wrong. Nothing was changed by it.
pub fn refused(path: &str, text: &str, problems: &[Problem]) -> Failure {
    let errors = problems.iter().filter(|p| p.level == Level::Error).count();
    let count = if errors == 1 { "one mistake".to_owned() } else { format!("{errors} mistakes") };
    let message = format!("{} has {count}; nothing was changed\n\n{}", escaped(path), render(path, text, problems));
    Failure::new(Exit::Config, message).hint("mend the ledger, then run `guard ledger check`")
}

/// All problems, one after the other, without colours. Secrets and control characters in `text` are not repeated.
pub fn render(path: &str, text: &str, problems: &[Problem]) -> String {
    let (text, _) = redact(text);
    let path = escaped(path);
    let renderer = Renderer::plain().term_width(120);
    let mut out = String::new();
    for problem in problems.iter().take(SHOWN) {
        let title = match problem.field.as_str() {
            "" => problem.message.clone(),
            field => format!("{field}: {}", problem.message),
        };
        let tone = match problem.level {
            Level::Error => Tone::ERROR,
            Level::Warning => Tone::WARNING,
        };
        let mut snippet = Snippet::source(&*text)
            .path(&*path)
            .annotation(AnnotationKind::Primary.span(first_line(&text, &problem.span)));
        if let Some((span, why)) = &problem.related {
            snippet = snippet.annotation(AnnotationKind::Context.span(first_line(&text, span)).label(*why));
        }
        let mut group = tone.primary_title(title).element(snippet);
        if let Some(allowed) = &problem.allowed {
            group = group.element(Tone::NOTE.message(format!("allowed: {allowed}")));
        }
        group = group.element(Tone::HELP.message(&problem.suggestion));
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{}\n", renderer.render(&[group]));
    }
    if let Some(more) = problems.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        let _ = writeln!(out, "… and {more} more");
    }
    out.trim_end().to_owned()
}

/// The part of a span that lies on its first line: a table that is wrong as a whole needs no ten lines of excerpt.
fn first_line(text: &str, span: &std::ops::Range<usize>) -> std::ops::Range<usize> {
    let covered = text.get(span.clone()).unwrap_or_default();
    span.start..span.start + covered.find('\n').unwrap_or(covered.len())
}

fn escaped(path: &str) -> String {
    path.chars().flat_map(|c| if c.is_control() { c.escape_debug().collect::<Vec<_>>() } else { vec![c] }).collect()
}
