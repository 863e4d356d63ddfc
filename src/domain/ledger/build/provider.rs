use std::time::Duration;

use crate::domain::ledger::field::{
    HOUR, Lasting, MINUTE, SECOND, SecretFrom, Text, Whole, absolute_path, duration_text, free_text, is_loopback,
    web_address,
};
use crate::domain::ledger::section::{KindOf, Section};
use crate::domain::ledger::{
    HeartbeatSettings, Ledger, OrganizationPolicy, ProviderSettings, SecretSource, VaultSettings,
};

/// The provider's documented lag of the feed and sustained polling rate:
/// <https://platform.claude.com/docs/en/manage-claude/usage-cost-api>. Less is only true of a sandbox.
const DOCUMENTED_LAG: Duration = Duration::from_secs(5 * 60);
const DOCUMENTED_INTERVAL: Duration = MINUTE;

pub(super) fn provider(section: &mut Section<'_, '_, '_>) -> ProviderSettings {
    let usual = ProviderSettings::default();
    ProviderSettings {
        url: section.with_default(
            "url",
            "The provider's address. The environment variable `GUARD_PROVIDER_URL` wins over it.",
            web_address("https://api.anthropic.com"),
            usual.url,
        ),
        admin_key: section.optional(
            "admin_key",
            "Where guard's own admin key is. When not given: the vault, then the systemd credential `admin-key`.",
            SecretFrom,
        ),
        api_version: section.with_default(
            "api_version",
            "The version of the provider's API, as sent in `anthropic-version`.",
            api_version(),
            usual.api_version,
        ),
        timeout: section.with_default(
            "timeout",
            "One deadline for a request, its retries included.",
            Lasting(SECOND, 5 * MINUTE),
            usual.timeout,
        ),
        feed_lag: section.with_default(
            "feed_lag",
            "For how long usage may be missing from the provider's report after it happened. Less than 5m only for a sandbox.",
            Lasting(Duration::ZERO, HOUR),
            usual.feed_lag,
        ),
        prices: section.optional(
            "prices",
            "A price table to be used instead of the built-in one.",
            absolute_path("/etc/guard/prices.toml"),
        ),
    }
}

fn api_version() -> Text<String> {
    Text {
        parse: |typed| match chrono::NaiveDate::parse_from_str(typed, "%Y-%m-%d") {
            Ok(_) if typed.len() == 10 => Ok(typed.to_owned()),
            _ => Err("an API version is a date".to_owned()),
        },
        pattern: "^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
        ..free_text("2023-06-01")
    }
}

/// Kinds of vaults.
const VAULTS: &[KindOf<VaultSettings>] = &[
    KindOf {
        name: "file",
        doc: "Encrypted files; works on servers and in containers.",
        read: |section| {
            Some(VaultSettings::File {
                path: section.optional(
                    "path",
                    "The directory of the encrypted files. When not given: `vault` below the state directory.",
                    absolute_path("/var/lib/guard/vault"),
                ),
                unlock: section.optional(
                    "unlock",
                    "Where the key of the vault is. When not given: the systemd credential `guard-vault-key`, then the file `vault.key` below the configuration directory, which `guard init` makes.",
                    SecretFrom,
                ),
            })
        },
    },
    KindOf {
        name: "keyring",
        doc: "The session's keyring service (Secret Service on D-Bus).",
        read: |section| {
            let service = section.with_default(
                "service",
                "The name that entries are stored under.",
                free_text("guard"),
                "guard".to_owned(),
            );
            Some(VaultSettings::Keyring { service })
        },
    },
];

pub(super) fn vault(section: &mut Section<'_, '_, '_>) -> Option<VaultSettings> {
    let vault = section.kind("Where the secrets are.", VAULTS, Some("file"))?;
    if let VaultSettings::File { unlock: Some(SecretSource::Vault), .. } = &vault {
        section.error_at(
            &["unlock"],
            "the vault's key cannot lie in the vault",
            "use a systemd credential, a key file or a command, or leave `unlock` out",
        );
    }
    Some(vault)
}

pub(super) fn organization(section: &mut Section<'_, '_, '_>) -> OrganizationPolicy {
    let usual = OrganizationPolicy::default();
    let kills = section.with_default(
        "kills_per_hour",
        "The most keys that rules (not people) may kill in an hour; past it guard closes gates and calls a person.",
        Whole(0, 1_000),
        usual.kills_per_hour.into(),
    );
    OrganizationPolicy {
        // The bound above keeps the number within 32 bits.
        kills_per_hour: u32::try_from(kills).unwrap_or(u32::MAX),
        poll_interval: section.with_default(
            "poll_interval",
            "The pause between two looks at the usage report. Less than 1m only for a sandbox.",
            Lasting(SECOND, HOUR),
            usual.poll_interval,
        ),
    }
}

pub(super) fn heartbeat(section: &mut Section<'_, '_, '_>) -> Option<HeartbeatSettings> {
    let url = section.required("url", "Where the check's address is; it is a secret.", SecretFrom);
    let interval = section.with_default(
        "interval",
        "The least time between two signs of life; each follows a look at usage that succeeded.",
        Lasting(MINUTE, HOUR),
        MINUTE,
    );
    Some(HeartbeatSettings { url: url?, interval })
}

/// Figures that only a sandbox may have.
pub(super) fn check(section: &mut Section<'_, '_, '_>, ledger: &Ledger) {
    if is_loopback(&ledger.provider.url) {
        return;
    }
    let limits = [
        (["provider", "feed_lag"], ledger.provider.feed_lag, DOCUMENTED_LAG, "the provider documents a lag of"),
        (
            ["organization", "poll_interval"],
            ledger.organization.poll_interval,
            DOCUMENTED_INTERVAL,
            "the provider documents a sustained rate of one look per",
        ),
    ];
    for (at, given, documented, why) in limits {
        if given < documented {
            let least = duration_text(documented);
            section
                .error_at(
                    &at,
                    format!("`{}` is too short: {why} {least}", duration_text(given)),
                    format!("write `\"{least}\"` or more"),
                )
                .allowed(format!("{least} or more; less only when `provider.url` is a loopback address"));
        }
    }
}
