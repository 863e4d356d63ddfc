//! The words of the page for readers who do not know guard.

use maud::{Markup, html};

const TERMS: &[(&str, &str)] = &[
    (
        "Baseline",
        "What this key usually spends in a minute at this time, learnt from its own past: a median, and an upper limit above which usage is remarked.",
    ),
    ("Consumer", "A place from which a job reads its key: a file, a keyring, a secret manager."),
    ("Dead", "The provider has confirmed that the key is inactive, and refuses it when it is tried."),
    ("Feed", "The provider's usage report. It shows usage some minutes after it happened."),
    ("Gate", "A latch on the machine that runs the jobs. While it is closed no job starts."),
    ("Hint", "The last four characters of a key. Neither this page nor any file beside it holds more of one."),
    ("Ledger", "The reviewed file that says what each key is for and what guard may do."),
    ("Run", "One execution of a job that guard started. Usage outside of runs is foreign."),
    ("Standby", "A second key, prepared in advance and inactive until it is needed."),
    ("Trip", "guard's decision to stop a key: the gate is closed, the key is set inactive."),
];

/// A list of definitions.
pub fn glossary() -> Markup {
    html! { dl class="terms" { @for (term, meaning) in TERMS { div { dt { (term) } dd { (meaning) } } } } }
}
