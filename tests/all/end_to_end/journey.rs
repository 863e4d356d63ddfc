//! A newcomer's first hour, with nothing but printed hints: every command comes from what guard and its sandbox said before.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use tempfile::TempDir;

/// The sandbox of `guard sandbox` in another process, and what it said at its start.
struct Sandbox {
    child: Child,
    said: Vec<String>,
    _more: BufReader<ChildStdout>,
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        // Killing one that has ended is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A person at a shell who types what is printed.
struct Newcomer {
    dir: TempDir,
    environment: Vec<(String, String)>,
    transcript: String,
}

impl Newcomer {
    fn new() -> Self {
        Self { dir: TempDir::new().unwrap(), environment: Vec::new(), transcript: String::new() }
    }

    #[allow(clippy::disallowed_methods, reason = "the test types commands into a shell")]
    fn shell(&self, line: &str) -> Command {
        let programs = Path::new(env!("CARGO_BIN_EXE_guard")).parent().unwrap();
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", line])
            .env_clear()
            .env("PATH", format!("{}:/usr/bin:/bin", programs.display()))
            .env("CONFIGURATION_DIRECTORY", self.dir.path().join("config"))
            .env("STATE_DIRECTORY", self.dir.path().join("state"))
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(self.dir.path())
            .stdin(Stdio::null());
        command
    }

    fn start_sandbox(&mut self) -> Sandbox {
        let dir = self.dir.path().join("sandbox");
        let line = format!(
            "exec guard sandbox --clock virtual --start 2026-11-21T12:00:00Z --listen 127.0.0.1:0 --dir {}",
            dir.display()
        );
        let mut child = self.shell(&line).stdout(Stdio::piped()).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut said = Vec::new();
        // The last line of its introduction.
        while !said.last().is_some_and(|line: &String| line.contains("guard rearm")) {
            let mut line = String::new();
            assert!(out.read_line(&mut line).unwrap() > 0, "it said only {said:#?}");
            said.push(line.trim_end().to_owned());
        }
        self.transcript.push_str(&format!("$ guard sandbox --clock virtual\n{}\n", said.join("\n")));
        Sandbox { child, said, _more: out }
    }

    /// Types a line; what was printed. Asserts its exit status.
    #[track_caller]
    fn types(&mut self, line: &str, status: i32) -> String {
        let output = self.shell(line).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let (stdout, stderr) = (text(output.stdout), text(output.stderr));
        let printed = format!("{stdout}{stderr}");
        assert_eq!(output.status.code(), Some(status), "{line}\n{printed}");
        self.transcript.push_str(&format!("\n$ {line}\n{printed}"));
        if status != 0 {
            assert!(!stderr.is_empty() || line.contains("key add"), "{line} says nothing on standard error");
            self.transcript.push_str(&format!("[{status}]\n"));
        }
        printed
    }
}

/// The one printed command that contains all of `parts`.
#[track_caller]
fn hinted(said: &[String], parts: &[&str]) -> String {
    let found = said.iter().find(|line| line.starts_with("  ") && parts.iter().all(|part| line.contains(part)));
    found.unwrap_or_else(|| panic!("nobody was told {parts:?}: {said:#?}")).trim().to_owned()
}

/// The command between backticks in what was printed.
#[track_caller]
fn quoted(printed: &str, part: &str) -> String {
    let found = printed.split('`').skip(1).step_by(2).find(|command| command.contains(part));
    found.unwrap_or_else(|| panic!("nobody was told {part}: {printed}")).to_owned()
}

/// What differs from run to run gets a name: addresses, directories, keys by their order, hashes, figures of speed.
fn redacted(text: &str, dir: &Path) -> String {
    let text = text.replace(&dir.display().to_string(), "DIR");
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut out = String::new();
    let mut rest = text.as_str();
    while let Some(first) = rest.chars().next() {
        let kinds = [
            ("apikey_", "KEY"),
            ("wrkspc_", "WORKSPACE"),
            ("user_", "USER"),
            ("http://127.0.0.1:", "URL"),
            ("…", "HINT"),
        ];
        let kind = kinds.iter().find(|(prefix, _)| rest.starts_with(prefix));
        let hexadecimal = rest.bytes().take_while(|b| b.is_ascii_hexdigit() || *b == b'-').count();
        let inside_word = out.chars().next_back().is_some_and(|c| c.is_ascii_alphanumeric());
        if let Some((prefix, kind)) = kind {
            let tail = rest[prefix.len()..].bytes().take_while(u8::is_ascii_alphanumeric).count();
            if tail > 0 {
                let word = rest[..prefix.len() + tail].to_owned();
                let name = names.entry(word).or_insert_with(|| {
                    let count = counts.entry(kind).or_default();
                    *count += 1;
                    format!("{kind}-{count}")
                });
                out.push_str(name);
                rest = &rest[prefix.len() + tail..];
                continue;
            }
        } else if hexadecimal >= 16 && !inside_word {
            out.push_str("HASH");
            rest = &rest[hexadecimal..];
            continue;
        }
        out.push(first);
        rest = &rest[first.len_utf8()..];
    }
    out
}

#[test]
fn a_newcomer_gets_from_nothing_to_a_tripped_and_rearmed_key_by_printed_hints_alone() {
    let mut person = Newcomer::new();
    let sandbox = person.start_sandbox();
    let said = &sandbox.said;
    for line in said.iter().filter_map(|line| line.trim().strip_prefix("export ")) {
        let (name, value) = line.split_once('=').unwrap();
        person.environment.push((name.to_owned(), value.to_owned()));
    }
    let printed = person.types(&hinted(said, &["guard init"]), 0);
    let next: Vec<String> = printed.lines().map(str::to_owned).collect();
    person.types(&hinted(&next, &["ledger list"]), 0);
    // Findings are a status of their own: nobody owns the keys yet.
    person.types(&hinted(&next, &["ledger diff"]), 1);

    // The job's file becomes a consumer, as the sandbox suggested.
    let ledger = person.dir.path().join("config/guard.toml");
    let at = said.iter().position(|line| line.contains("[[workspace.consumer]]")).unwrap();
    let block: String = said[at..at + 4].iter().map(|line| format!("{}\n", line.trim())).collect();
    // The suggestion is for the workspace that stands last.
    fs::write(&ledger, format!("{}\n{block}", fs::read_to_string(&ledger).unwrap())).unwrap();
    person.types("guard ledger check", 0);

    let add = hinted(said, &["cut", "guard key add"]);
    person.types(&add, 0);
    person.types(&hinted(said, &["guard status"]), 0);
    let standby = hinted(said, &["sandbox mint", "guard key add"]);
    let printed = person.types(&standby, 0);
    person.types(&quoted(&printed, "rotate"), 0);

    let job = hinted(said, &["sandbox pipeline --dotenv"]);
    assert!(person.types(&job, 0).contains("100 of 100 messages went through"));
    let rotate = hinted(said, &["guard rotate"]);
    let printed = person.types(&rotate, 75);
    assert!(printed.contains("add --wait"), "{printed}");
    assert!(person.types(&job, 0).contains("100 of 100 messages went through"));
    person.types("guard status", 0);
    person.types(&format!("{rotate} --wait"), 0);
    assert!(person.types(&job, 0).contains("100 of 100 messages went through"));
    // The sandbox's time is virtual, and so the traffic and what is said of it are the same each time.
    let watch = format!("{} --once", hinted(said, &["guard watch"]));
    assert_eq!(person.shell(&watch).output().unwrap().status.code(), Some(0));
    assert!(person.types(&job, 0).contains("100 of 100 messages went through"));

    let printed = person.types(&hinted(said, &["guard trip"]), 0);
    let rearm = quoted(&printed, "guard rearm").replace("TEXT", "'cause found'");
    assert!(person.types(&job, 1).contains("0 of 100 messages went through"));
    // No standby is left, so that a person must make a key first.
    let printed = person.types(&rearm, 10);
    assert!(quoted(&printed, "key add").starts_with("guard key add -w "), "{printed}");
    person.types(&standby.replace(" --inactive", ""), 0);
    person.types(&rearm, 0);
    assert!(person.types(&job, 0).contains("100 of 100 messages went through"));
    let through_guard = hinted(said, &["guard exec"]);
    assert!(person.types(&through_guard, 0).contains("100 of 100 messages went through"));
    // What the watchdog noticed meanwhile counts here, so that these are not part of the transcript.
    let unrecorded = |line: &str| String::from_utf8(person.shell(line).output().unwrap().stdout).unwrap();
    assert!(unrecorded("guard evidence verify").starts_with("the chain is sound"));
    assert!(unrecorded("guard status").contains("open, 1 trip so far"));

    assert!(!person.transcript.contains("sk-ant-"), "{}", person.transcript);
    let transcript = redacted(&person.transcript, person.dir.path());
    // A log line of `guard exec` begins with the real time, and a hundred failures look alike.
    let alike = |line: &&str| line.starts_with("message ") && !line.starts_with("message 1 ");
    let kept: Vec<&str> = transcript.lines().filter(|line| !line.contains(" WARN ") && !alike(line)).collect();
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("journey", kept.join("\n"));
    });
}
