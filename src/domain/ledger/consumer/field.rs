use std::path::{Path, PathBuf};

use super::ConsumerKind;
use crate::domain::ledger::field::{Choice, Flag, absolute_path, field_path};
use crate::domain::ledger::section::{KindOf, Section};
use crate::domain::ledger::{DocumentFormat, FieldPath};

/// One string of a JSON, TOML or YAML file; every other byte stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldSettings {
    /// Absolute path.
    pub path: PathBuf,
    /// Which string. It must exist, if only as `""`.
    pub field: FieldPath,
    /// Default: what the file's name ends in.
    pub format: DocumentFormat,
    /// Whether a symbolic link is followed and its target replaced. Default: refused.
    pub follow_symlink: bool,
}

/// `kind = "field"`.
pub(super) const KIND: KindOf<ConsumerKind> = KindOf {
    name: "field",
    doc: "One string of a JSON, TOML or YAML file; every other byte of the file stays, its owner and mode as well.",
    read,
};

const FORMATS: Choice<DocumentFormat> =
    Choice(&[("json", DocumentFormat::Json), ("toml", DocumentFormat::Toml), ("yaml", DocumentFormat::Yaml)]);

fn read(section: &mut Section<'_, '_, '_>) -> Option<ConsumerKind> {
    let path = section.required("path", "Where the file is.", absolute_path("/srv/app/config.yaml"));
    let field = section.required(
        "field",
        "Which string of it holds the key, from the outside in; it must exist already, if only as \"\".",
        field_path("services.llm[0].api_key"),
    );
    let typed = section.optional("format", "How the file is written. Default: what its name ends in.", FORMATS);
    let follow_symlink = section.with_default(
        "follow_symlink",
        "Whether a symbolic link is followed and its target replaced; otherwise a link is refused.",
        Flag,
        false,
    );
    let path = path?;
    let format = typed.or_else(|| by_name(&path)).or_else(|| {
        if !section.has("format") {
            let message = "the file's name does not say whether it is JSON, TOML or YAML";
            section.error_at(&["path"], message, "add `format = \"yaml\"`").allowed("`json`, `toml` or `yaml`");
        }
        None
    });
    Some(ConsumerKind::Field(FieldSettings { path, field: field?, format: format?, follow_symlink }))
}

fn by_name(path: &Path) -> Option<DocumentFormat> {
    match path.extension()?.to_str()? {
        "json" => Some(DocumentFormat::Json),
        "toml" => Some(DocumentFormat::Toml),
        "yaml" | "yml" => Some(DocumentFormat::Yaml),
        _ => None,
    }
}
