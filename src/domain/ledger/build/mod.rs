//! What the ledger means: every field's name, type, bounds and default in one place, and the rules between fields.

mod policy;
mod provider;
mod workspace;

use std::collections::BTreeMap;

use super::section::Section;
use super::{Ledger, Workspace, notifier};

/// Reads the whole ledger.
pub(super) fn ledger(section: &mut Section<'_, '_, '_>) -> Ledger {
    let provider = section.table("provider", "Where the provider is and how guard authenticates.", provider::provider);
    let vault = section.table("vault", "Where guard itself keeps secrets.", provider::vault).unwrap_or_default();
    let organization = section.table(
        "organization",
        "Limits that hold across workspaces: guard itself must not become the outage.",
        provider::organization,
    );
    let heartbeat = section.table(
        "heartbeat",
        "A dead-man's switch: a service elsewhere that calls people when guard's sign of life does not come.",
        provider::heartbeat,
    );
    let notifiers = section.tables("notifier", "Channels to people.", notifier::read);
    let workspaces = section.tables("workspace", "The workspaces and what their keys are for.", |section| {
        workspace::workspace(section, &provider, &organization)
    });
    section.unique("notifier", "name", "give each notifier its own name");
    section.unique("workspace", "name", "give each workspace its own name");
    section.unique("workspace", "id", "one workspace of the provider stands once; put the two together");
    let ledger = Ledger { provider, vault, organization, notifiers, heartbeat, workspaces };
    provider::check(section, &ledger);
    one_default_workspace(section, &ledger.workspaces);
    one_consumer_a_place(section, &ledger.workspaces);
    ledger
}

fn one_default_workspace(section: &mut Section<'_, '_, '_>, workspaces: &[Workspace]) {
    let mut defaults = workspaces.iter().filter(|w| w.is_default);
    let Some(first) = defaults.next() else { return };
    let (first_span, _) = section.locate(&["workspace", first.name.as_str(), "is_default"]);
    for second in defaults.filter(|w| w.name != first.name) {
        section
            .error_at(
                &["workspace", second.name.as_str(), "is_default"],
                "an organization has one default workspace",
                "remove `is_default` from the other ones",
            )
            .related(first_span.clone(), "first set here");
    }
}

/// Two consumers that write to one place would overwrite each other's key for ever.
fn one_consumer_a_place(section: &mut Section<'_, '_, '_>, workspaces: &[Workspace]) {
    let mut taken = BTreeMap::new();
    for workspace in workspaces {
        for consumer in &workspace.consumers {
            let Some((field, place)) = consumer.kind.place() else { continue };
            let at = ["workspace", workspace.name.as_str(), "consumer", consumer.name.as_str(), field];
            let (span, _) = section.locate(&at);
            match taken.get(&place) {
                Some(earlier) if *earlier != span => {
                    section
                        .error_at(
                            &at,
                            "another consumer writes to the same place",
                            "give each consumer a place of its own; workloads that share a key share one consumer",
                        )
                        .related(std::ops::Range::clone(earlier), "the other consumer");
                }
                Some(_) => {}
                None => _ = taken.insert(place, span),
            }
        }
    }
}
