//! Every command that a text of guard's tells people to run exists and takes those arguments.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{CommandFactory, Parser};
use guard::cli::Cli;

fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => sources(&path, found),
            false if path.extension().is_some_and(|e| e == "rs" || e == "html") => found.push(path),
            false => {}
        }
    }
}

const KEY: &str = "apikey_01Rj2N8SVvo6BePZj99NhmiT";

/// The commands in one line of source: between backticks, or as a text of their own.
fn commands(line: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in line.match_indices("guard ") {
        let before = &line[..at];
        let end = match before.trim_end_matches(' ').chars().next_back() {
            Some('`') if before.ends_with('`') => '`',
            Some('"') => '"',
            _ => continue,
        };
        let text = &line[at..];
        let Some(stop) = text.find(end) else { continue };
        // A text goes on behind an escaped quote, which begins a value, and ends at a line's end.
        let text = &text[..stop];
        let text = text.split("\\n").next().unwrap_or(text);
        let text = text.strip_suffix('\\').map_or_else(|| text.to_owned(), |before| format!("{before}text"));
        let known = |word: &str| Cli::command().find_subcommand(word).is_some();
        // A sentence that begins with the name is no command.
        if end == '`' || text.split(' ').nth(1).is_some_and(known) {
            found.push(text);
        }
    }
    found
}

/// Placeholders become values of their kind.
fn filled(command: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut quoted = false;
    for word in
        command.split_whitespace().take_while(|word| !matches!(*word, "|" | "&&" | "…") && !word.starts_with('('))
    {
        if quoted {
            quoted = !word.ends_with('\'');
            continue;
        }
        quoted = word.starts_with('\'') && !word.ends_with('\'');
        let last = words.last().map(String::as_str);
        words.push(match (last, word) {
            (Some("--incident"), _) => "1".to_owned(),
            (Some("--head"), _) => format!("1:{}", "0".repeat(64)),
            (Some("--attack"), "SHAPE") => "spike".to_owned(),
            (Some("why" | "unsilence"), word) if word.starts_with('{') => "1".to_owned(),
            (Some("show" | "export" | "ack" | "close"), word) if word != "-w" && words[1] == "incident" => {
                "1".to_owned()
            }
            (Some("--key" | "forget"), word) if word.starts_with('{') => KEY.to_owned(),
            (Some(last), "{}") if last != "-w" && words.get(2).is_some_and(|word| word == "forget") => KEY.to_owned(),
            (_, "KEY" | "{key}" | "ID" | "{id}") => KEY.to_owned(),
            (_, word) if word.starts_with('{') || word == "NAME" => "prod".to_owned(),
            (_, word) => word.to_owned(),
        });
    }
    // What stands in the environment of whoever is told.
    if words.get(2).is_some_and(|word| word == "mint") {
        words.extend(["--url", "http://127.0.0.1:4010"].map(str::to_owned));
    }
    words
}

#[test]
fn every_command_that_people_are_told_to_run_exists() {
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    let (mut told, mut wrong) = (0, Vec::new());
    for file in files {
        for (number, line) in fs::read_to_string(&file).unwrap().lines().enumerate() {
            if line.starts_with("#[cfg(test)]") {
                break;
            }
            // A test's own texts and what programmers read is not what people are told.
            if line.trim_start().starts_with("//") {
                continue;
            }
            for command in commands(line) {
                told += 1;
                let words = filled(&command);
                // A command's name without any argument names the command.
                let named = words[1..].iter().try_fold(Cli::command(), |c, word| c.find_subcommand(word).cloned());
                match Cli::try_parse_from(&words) {
                    Err(error) if error.use_stderr() && named.is_none() => {
                        let first = error.to_string().lines().next().unwrap_or_default().to_owned();
                        wrong.push(format!("{}:{}: `{command}`: {first}", file.display(), number + 1));
                    }
                    _ => {}
                }
            }
        }
    }
    assert!(told > 50, "only {told} commands were found");
    assert!(wrong.is_empty(), "{wrong:#?}");
}
