//! The first ledger, as `guard init` writes it: valid, commented, and filled with what the provider could tell.

use std::collections::BTreeSet;

use super::reconcile::slug_of;
use super::words::shown;
use crate::domain::key::ProviderWorkspace;

const TEMPLATE: &str = include_str!("../../../config/guard.first.toml");

/// Divides what stands in every first ledger from the placeholder of a workspace.
const DIVIDER: &str = "# ---- workspaces ----\n";

/// What the line of the provider's address looks like in the template.
const ADDRESS: &str = "#url = \"https://api.anthropic.com\"";

/// The text of a first ledger. `url` is written when it is given; without `workspaces` one is shown, commented out.
/// The address is not judged here: [`parse`](super::parse) does it.
pub fn first_ledger(url: Option<&str>, workspaces: &[ProviderWorkspace]) -> String {
    let (head, placeholder) = TEMPLATE.split_once(DIVIDER).unwrap_or((TEMPLATE, ""));
    let mut text = match url {
        Some(url) => head.replace(ADDRESS, &format!("url = {}", toml::Value::from(url))),
        None => head.to_owned(),
    };
    if workspaces.is_empty() {
        text.push_str(placeholder.trim_start());
    }
    // The provider's default workspace is called so and cannot be renamed; a second one of that name leaves it open.
    let called_default = workspaces.iter().filter(|w| w.name == "Default").count();
    for (name, workspace) in named(workspaces) {
        text.push_str(&block(&name, workspace, called_default == 1 && workspace.name == "Default"));
    }
    text
}

/// Each workspace with a name of its own that fits the ledger: `Prod Publish` becomes `prod-publish`, a second one of that
/// name `prod-publish-2`.
pub fn named(workspaces: &[ProviderWorkspace]) -> Vec<(String, &ProviderWorkspace)> {
    let mut taken = BTreeSet::new();
    let mut pairs = Vec::with_capacity(workspaces.len());
    for workspace in workspaces {
        let slug = slug_of(&workspace.name);
        // A name has at most 64 characters, and the number needs room.
        let short: String = slug.chars().take(56).collect();
        let numbered = (2..).map(|n: u32| format!("{short}-{n}"));
        let name = std::iter::once(slug).chain(numbered).find(|name| !taken.contains(name)).unwrap_or(short);
        taken.insert(name.clone());
        pairs.push((name, workspace));
    }
    pairs
}

fn block(name: &str, workspace: &ProviderWorkspace, is_default: bool) -> String {
    let default = if is_default { "is_default = true\n" } else { "" };
    let environment = environment(name);
    format!(
        r#"# {called} at the provider.
[[workspace]]
name = "{name}"
id = "{id}"
environment = "{environment}"
{default}#owner = "you@example.com"
#monthly_limit = "100.00"
# "observe" says what guard would have done, "gate" lets no job start, "kill" deactivates the key as well.
trip.mode = "observe"

# Where the workload reads its key from. Without one, jobs get the key from `guard exec`.
#[[workspace.consumer]]
#name = "app"
#kind = "dotenv"
#path = "/srv/{name}/.env"

"#,
        called = shown(&workspace.name),
        id = workspace.id,
    )
}

/// What a name says about its environment; `prod` when it says nothing, because that is the careful guess.
fn environment(name: &str) -> &'static str {
    let says = |word: &str| name.split(['-', '_', '.']).any(|part| part.starts_with(word));
    match () {
        () if says("prod") => "prod",
        () if says("stag") => "staging",
        () if says("dev") || says("test") || says("sandbox") => "dev",
        () => "prod",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::WorkspaceId;
    use crate::domain::ledger::parse;
    use proptest::prelude::*;

    fn workspace(name: &str, number: usize) -> ProviderWorkspace {
        let id = WorkspaceId::new(format!("wrkspc_{number:020}")).unwrap();
        ProviderWorkspace { id, name: name.to_owned(), archived_at: None }
    }

    #[test]
    fn the_template_holds_what_is_replaced() {
        assert!(TEMPLATE.contains(DIVIDER) && TEMPLATE.contains(ADDRESS));
    }

    #[test]
    fn the_placeholder_is_a_valid_ledger_with_and_without_its_comment_signs() {
        let text = first_ledger(None, &[]);
        assert_eq!(parse(&text).unwrap().ledger.workspaces, []);
        let field = |line: &'_ str| match line.strip_prefix('#') {
            Some(rest) if rest.starts_with(|c: char| c.is_ascii_lowercase() || c == '[') => rest.to_owned(),
            _ => line.to_owned(),
        };
        let filled: String = text.lines().map(|line| field(line) + "\n").collect();
        let ledger = parse(&filled).unwrap().ledger;
        assert_eq!((ledger.workspaces.len(), ledger.notifiers.len()), (1, 1));
        assert_eq!(ledger.workspaces[0].consumers.len(), 1);
    }

    #[test]
    fn workspaces_of_the_provider_are_filled_in() {
        let there = [workspace("Default", 1), workspace("Staging \"EU\"\n", 2), workspace("staging eu", 3)];
        let ledger = parse(&first_ledger(Some("http://127.0.0.1:4010"), &there)).unwrap().ledger;
        assert_eq!(ledger.provider.url, "http://127.0.0.1:4010");
        let facts: Vec<(&str, &str, bool)> =
            ledger.workspaces.iter().map(|w| (w.name.as_str(), w.environment.as_str(), w.is_default)).collect();
        let expected =
            [("default", "prod", true), ("staging-eu", "staging", false), ("staging-eu-2", "staging", false)];
        assert_eq!(facts, expected);
    }

    proptest! {
        /// Whatever people call their workspaces, the ledger is valid, and whatever the address is, it adds no field.
        #[test]
        fn any_names_make_a_valid_ledger(names in prop::collection::vec(".{0,80}|Default", 0..6), url in ".{0,40}") {
            let there: Vec<_> = names.iter().enumerate().map(|(n, name)| workspace(name, n)).collect();
            prop_assert_eq!(parse(&first_ledger(None, &there)).unwrap().ledger.workspaces.len(), names.len());
            if let Err(problems) = parse(&first_ledger(Some(&url), &there)) {
                prop_assert!(problems.iter().all(|problem| problem.field == "provider.url"), "{problems:#?}");
            }
        }
    }
}
