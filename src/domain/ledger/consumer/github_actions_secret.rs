use super::ConsumerKind;
use crate::domain::ledger::SecretSource;
use crate::domain::ledger::field::{SecretFrom, Text, environment_variable, one_word, web_address};
use crate::domain::ledger::section::{KindOf, Section};
use crate::domain::ledger::words::shown;

/// A secret of GitHub Actions, of a repository or one of its environments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GithubActionsSecretSettings {
    /// The API. Default `https://api.github.com`.
    pub url: String,
    /// The repository's owner.
    pub owner: String,
    /// The repository's name.
    pub repository: String,
    /// The environment; default: the repository itself.
    pub environment: Option<String>,
    /// The secret. Default `ANTHROPIC_API_KEY`.
    pub secret: String,
    /// guard's token there, which may write secrets.
    pub token: SecretSource,
}

/// `kind = "github-actions-secret"`.
pub(super) const KIND: KindOf<ConsumerKind> = KindOf {
    name: "github-actions-secret",
    doc: "A secret of GitHub Actions, of a repository or one of its environments; it can be written, never read back.",
    read,
};

/// `owner/name`.
fn repository() -> Text<(String, String)> {
    Text {
        parse: |typed| {
            let plain = |part: &str| {
                !matches!(part, "" | "." | "..")
                    && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
            };
            match typed.split_once('/') {
                Some((owner, name)) if plain(owner) && plain(name) => Ok((owner.to_owned(), name.to_owned())),
                _ => Err(format!("`{}` is not a repository", shown(typed))),
            }
        },
        show: |(owner, name)| format!("{owner}/{name}"),
        allowed: "owner and name of a repository, with a slash between",
        example: "acme/pipeline",
        pattern: r"^[A-Za-z0-9._-]+/[A-Za-z0-9._-]+$",
    }
}

fn read(section: &mut Section<'_, '_, '_>) -> Option<ConsumerKind> {
    let url = section.with_default(
        "url",
        "The API; another one for GitHub Enterprise Server.",
        web_address("https://github.example.com/api/v3"),
        "https://api.github.com".to_owned(),
    );
    let repository = section.required("repository", "The repository.", repository());
    let environment =
        section.optional("environment", "One of its environments; otherwise the repository itself.", one_word("prod"));
    let secret =
        section.with_default("secret", "The secret's name.", environment_variable(), "ANTHROPIC_API_KEY".to_owned());
    let token = section.required("token", "Where a token is read from that may write these secrets.", SecretFrom);
    let (owner, repository) = repository?;
    Some(ConsumerKind::GithubActionsSecret(GithubActionsSecretSettings {
        url,
        owner,
        repository,
        environment,
        secret,
        token: token?,
    }))
}
