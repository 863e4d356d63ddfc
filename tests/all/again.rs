//! Runs one test of this binary again in a process of its own, for what belongs to a whole process: limits, environment.

use std::io::Write;
use std::process::Command;

/// Says that a test did nothing, past the harness that keeps the output of passing tests to itself.
pub fn skipped(why: &str) {
    let _ = writeln!(std::io::stderr(), "SKIPPED: {why}");
}

/// `Some` inside the second process; in the first one the test is run again with these variables, after a shell's `prelude`.
pub fn alone(test: &str, prelude: &str, variables: &[(&str, &str)]) -> Option<()> {
    if std::env::var("GUARD_TEST_AGAIN").is_ok_and(|running| running == test) {
        return Some(());
    }
    let output = Command::new("/bin/sh")
        .args(["-c", &format!("{prelude}\nexec \"$0\" \"$@\"")])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env("GUARD_TEST_AGAIN", test)
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}{}", String::from_utf8_lossy(&output.stderr));
    None
}
