//! Consumers: the places that workloads read their key from. A kind is a variant of
//! [`ConsumerKind`], one file with its fields, and a line in [`KINDS`].

mod dotenv;
mod exec;
mod file;

use std::path::PathBuf;
use std::time::Duration;

use super::field::{ProgramField, slug};
use super::section::{KindOf, Section};
use crate::domain::ids::ConsumerName;

/// The registry.
const KINDS: &[KindOf<ConsumerKind>] = &[file::KIND, dotenv::KIND, exec::KIND];

/// A program and its arguments; run without a shell. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// Absolute path, or a name that is looked up in the fixed path of hooks.
    pub path: String,
    /// Its arguments. No secret is ever among them.
    pub args: Vec<String>,
    /// Killed after this long. Default 60 seconds.
    pub timeout: Duration,
}

/// A place a workload reads its key from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsumerSettings {
    /// Unique within the workspace.
    pub name: ConsumerName,
    /// What kind of place.
    pub kind: ConsumerKind,
    /// Run after a delivery, so that the workload reads again.
    pub reload: Option<Program>,
    /// Run after the reload; a non-zero status keeps the rotation from going on.
    pub verify: Option<Program>,
}

/// The kinds of places, with their options. One adapter file each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConsumerKind {
    /// A file that holds the key and nothing else.
    File {
        /// Absolute path.
        path: PathBuf,
        /// Mode of a file that is made anew. Default 0600; an existing file keeps its own.
        mode: u32,
        /// Whether a symbolic link is followed and its target replaced. Default: refused.
        follow_symlink: bool,
    },
    /// One variable of a dotenv file; every other byte stays.
    Dotenv {
        /// Absolute path.
        path: PathBuf,
        /// The variable. Default `ANTHROPIC_API_KEY`.
        variable: String,
        /// Whether a symbolic link is followed and its target replaced. Default: refused.
        follow_symlink: bool,
    },
    /// A program that gets the key on standard input.
    Exec {
        /// Writes the key.
        write: Program,
        /// Prints the key it holds; without it the consumer is write-only.
        read: Option<Program>,
    },
}

/// Reads one `[[workspace.consumer]]`.
pub(super) fn read(section: &mut Section<'_, '_, '_>) -> Option<ConsumerSettings> {
    let name = section.required("name", "What people call the place; unique within the workspace.", slug("app"));
    let reload = section.optional(
        "reload",
        "Run after a delivery, so that the workload reads its key again. Not needed when it reads at each start.",
        ProgramField,
    );
    let verify = section.optional(
        "verify",
        "Run after the reload; while its status is not 0 the rotation goes no further and the old key stays alive.",
        ProgramField,
    );
    let kind = section.kind("What kind of place it is.", KINDS, None);
    Some(ConsumerSettings { name: name?, kind: kind?, reload, verify })
}
