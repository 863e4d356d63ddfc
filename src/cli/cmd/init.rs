//! `guard init`: a first ledger and what guard needs beside it. Nothing is ever overwritten.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::json;

use crate::app::init::{Sealed, live_workspaces, seal_admin_key};
use crate::app::{App, AppError, checkpoint};
use crate::cli::{Failure, Output, Session, prompt};
use crate::domain::key::ProviderWorkspace;
use crate::domain::ledger::{self, Ledger, Parsed, first_ledger, named};
use crate::domain::secret::Secret;
use crate::exit::Exit;
use crate::wiring::{self, ConfigFileError, LedgerError};

/// Arguments of `guard init`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The provider's address, for the ledger: https, or http to this machine
    #[arg(long, value_name = "URL", env = "GUARD_PROVIDER_URL")]
    provider_url: Option<String>,
    /// A file with guard's admin key, which is then sealed in the vault; `-` reads standard input
    #[arg(long, value_name = "FILE")]
    admin_key_file: Option<PathBuf>,
    /// Take only this workspace of the provider into the ledger, by name or id; repeatable [default: all]
    #[arg(short, long, value_name = "NAME")]
    workspace: Vec<String>,
    /// Ask nothing; without --admin-key-file no admin key is stored
    #[arg(short, long)]
    yes: bool,
}

/// Runs the command.
pub async fn run(args: Args, session: &Session) -> Result<Exit, Failure> {
    let out = &session.out;
    let known = existing(session)?;
    let is_new = known.is_none();
    let draft = match known {
        Some(ledger) => ledger,
        None => judged(&first_ledger(args.provider_url.as_deref(), &[]))?,
    };
    let secret = given_secret(&args, session)?;
    let mut made = wiring::prepare(&session.paths, &draft.ledger.vault)?;
    let app = wiring::app(&session.paths, Arc::new(draft.ledger), "init")?;
    let asked = match secret {
        Some(secret) => Some(secret),
        None => missing_secret(&app, &args, session).await?,
    };
    if let Some(secret) = &asked {
        match seal_admin_key(&app, secret).await? {
            Sealed::Accepted(organization) => {
                made.push(format!("vault entry `admin`, accepted by {}", organization.id))
            }
            Sealed::Unchecked(error) => made.push(format!("vault entry `admin`, not tried yet: {error}")),
        }
    }
    // A vault that cannot keep it yet keeps nobody from beginning; `guard doctor` tells of it.
    if let Ok((key, true)) = checkpoint::make_key(&app, &wiring::fresh_seed()) {
        made.push(format!("the key that signs the evidence, fingerprint {}", key.fingerprint()));
    }
    let mut ledger = app.ledger.clone();
    if is_new {
        let workspaces = chosen(live_workspaces(&app).await, &args.workspace, out)?;
        let text = first_ledger(args.provider_url.as_deref(), &workspaces);
        ledger = Arc::new(judged(&text)?.ledger);
        wiring::create_ledger(&session.paths, &text)?;
        made.push(format!("ledger {}", session.paths.ledger.display()));
    }
    let names: Vec<&str> = ledger.workspaces.iter().map(|workspace| workspace.name.as_str()).collect();
    let next = next_steps(session, &ledger);
    out.document(&json!({
        "schema": 1, "ledger": session.paths.ledger, "made": made, "workspaces": names, "next": next,
    }));
    for thing in &made {
        out.line(format!("made {thing}"));
    }
    if made.is_empty() {
        out.calm(format!("everything is there already; the ledger is {}", session.paths.ledger.display()));
    }
    out.line("\nnext:");
    for step in &next {
        out.line(format!("  {step}"));
    }
    Ok(Exit::Done)
}

/// The ledger that is there already, if there is one.
fn existing(session: &Session) -> Result<Option<Parsed>, Failure> {
    match wiring::load_ledger(&session.paths) {
        Err(LedgerError::File(ConfigFileError::Missing(_))) => Ok(None),
        loaded => session.judged(loaded).map(|loaded| Some(loaded.parsed)),
    }
}

/// A first ledger is wrong only when the address that it was given is.
fn judged(text: &str) -> Result<Parsed, Failure> {
    ledger::parse(text).map_err(|problems| {
        let messages: Vec<String> = problems.iter().map(|p| format!("{}: {}", p.field, p.message)).collect();
        let allowed = problems.into_iter().find_map(|problem| problem.allowed).unwrap_or_default();
        Failure::new(Exit::Usage, messages.join("; ")).hint(format!("--provider-url takes {allowed}"))
    })
}

fn given_secret(args: &Args, session: &Session) -> Result<Option<Secret>, Failure> {
    match &args.admin_key_file {
        None => Ok(None),
        Some(path) if path.as_os_str() == "-" => {
            prompt::secret(&session.out, "guard's admin key", true, session.globals.no_input).map(Some)
        }
        Some(path) => wiring::read_secret(path).map(Some),
    }
}

/// Asks a person for the admin key when none that works can be found.
async fn missing_secret(app: &App, args: &Args, session: &Session) -> Result<Option<Secret>, Failure> {
    let (out, no_input) = (&session.out, session.globals.no_input);
    if args.yes || no_input || !out.interactive() {
        return Ok(None);
    }
    let Err(error) = app.keys.organization().await else { return Ok(None) };
    out.note(format!("guard has no admin key that works yet: {error}"));
    match prompt::confirm(out, "Seal one in the vault now?", false, no_input) {
        Ok(()) => prompt::secret(out, "guard's admin key (sk-ant-admin…)", false, no_input).map(Some),
        Err(_) => Ok(None),
    }
}

/// The provider's workspaces that were asked for. Without an answer of the provider the ledger begins with a placeholder,
/// unless workspaces were asked for by name.
fn chosen(
    listed: Result<Vec<ProviderWorkspace>, AppError>,
    wanted: &[String],
    out: &Output,
) -> Result<Vec<ProviderWorkspace>, Failure> {
    let listed = match listed {
        Ok(listed) => listed,
        Err(error) if wanted.is_empty() => {
            out.note(format!("the provider was not asked for its workspaces: {error}"));
            return Ok(Vec::new());
        }
        Err(error) => return Err(error.into()),
    };
    if wanted.is_empty() {
        return Ok(listed);
    }
    let fits = |want: &String, name: &str, workspace: &ProviderWorkspace| {
        want == name || *want == workspace.name || want == workspace.id.as_str()
    };
    let pairs = named(&listed);
    if let Some(stray) = wanted.iter().find(|want| !pairs.iter().any(|(name, there)| fits(want, name, there))) {
        let names: Vec<&str> = pairs.iter().map(|(name, _)| name.as_str()).collect();
        return Err(Failure::new(Exit::Usage, format!("the provider has no workspace `{}`", stray.escape_debug()))
            .hint(format!("it has: {}", names.join(", "))));
    }
    let chosen = pairs.into_iter().filter(|(name, there)| wanted.iter().any(|want| fits(want, name, there)));
    Ok(chosen.map(|(_, workspace)| workspace.clone()).collect())
}

/// Commands as they can be typed, in the order in which a newcomer needs them.
fn next_steps(session: &Session, ledger: &Ledger) -> Vec<String> {
    let mut guard = "guard".to_owned();
    // An exported variable holds for the next command as well; a flag has to be typed again.
    let flags = [
        ("--config", "GUARD_CONFIG", &session.globals.config),
        ("--state-dir", "GUARD_STATE_DIR", &session.globals.state_dir),
    ];
    for (flag, variable, value) in flags {
        if let (Some(value), None) = (value, std::env::var_os(variable)) {
            guard.push_str(&format!(" {flag} {}", quoted(&value.display().to_string())));
        }
    }
    // Pipelines seldom live in the default workspace.
    let example = ledger.workspaces.iter().find(|w| !w.is_default).or(ledger.workspaces.first());
    match example.map(|workspace| &workspace.name) {
        None => vec![
            format!("${{EDITOR:-vi}} {}", quoted(&session.paths.ledger.display().to_string())),
            format!("{guard} ledger check"),
            format!("{guard} doctor"),
        ],
        Some(name) => vec![
            format!("{guard} ledger list"),
            format!("{guard} key add -w {name}"),
            format!("{guard} ledger diff"),
            format!("{guard} watch --once"),
            format!("{guard} status"),
        ],
    }
}

/// Fit for a POSIX shell.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '-' | '_' | ':' | '=' | '+' | ',');
    match !text.is_empty() && text.chars().all(plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', "'\\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::WorkspaceId;
    use crate::ports::ProviderError;

    const OUT: Output = Output { json: false, quiet: true };

    fn there() -> Vec<ProviderWorkspace> {
        let workspace = |name: &str, id: &str| {
            let id = WorkspaceId::new(format!("wrkspc_{id}")).unwrap();
            ProviderWorkspace { id, name: name.to_owned(), archived_at: None }
        };
        vec![workspace("Prod Publish", "1"), workspace("Dev", "2"), workspace("dev", "3")]
    }

    fn ids(wanted: &[&str]) -> Vec<String> {
        let wanted: Vec<String> = wanted.iter().map(|want| (*want).to_owned()).collect();
        chosen(Ok(there()), &wanted, &OUT).unwrap().into_iter().map(|w| w.id.to_string()).collect()
    }

    #[test]
    fn workspaces_are_chosen_by_either_name_or_id() {
        assert_eq!(ids(&[]).len(), 3);
        assert_eq!(ids(&["prod-publish"]), ["wrkspc_1"]);
        assert_eq!(ids(&["Prod Publish", "wrkspc_3"]), ["wrkspc_1", "wrkspc_3"]);
        assert_eq!(ids(&["dev-2"]), ["wrkspc_3"]);
    }

    #[test]
    fn a_workspace_that_is_not_there_is_refused_with_those_that_are() {
        let failure = chosen(Ok(there()), &["staging".to_owned()], &OUT).unwrap_err();
        assert_eq!(failure.exit, Exit::Usage);
        assert_eq!(failure.hint.unwrap(), "it has: prod-publish, dev, dev-2");
    }

    #[test]
    fn a_silent_provider_leaves_a_placeholder_unless_names_were_asked_for() {
        let silent = || Err(AppError::Provider(ProviderError::Unreachable("no route".to_owned())));
        assert_eq!(chosen(silent(), &[], &OUT).unwrap(), []);
        assert!(chosen(silent(), &["prod".to_owned()], &OUT).is_err());
    }

    #[test]
    fn a_wrong_address_is_told_before_anything_is_made() {
        let failure = judged(&first_ledger(Some("http://provider.example"), &[])).unwrap_err();
        assert_eq!(failure.exit, Exit::Usage);
        assert!(failure.message.contains("without encryption"), "{}", failure.message);
        assert!(failure.hint.unwrap().contains("https://"));
    }

    #[test]
    fn paths_survive_the_shell() {
        assert_eq!(quoted("/srv/guard.toml"), "/srv/guard.toml");
        assert_eq!(quoted("/a b/it's"), r"'/a b/it'\''s'");
    }
}
