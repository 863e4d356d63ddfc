use serde_json::json;

use crate::app::App;
use crate::cli::{Failure, Session, prompt};
use crate::domain::ids::NotifierName;
use crate::domain::ledger::SecretSource;
use crate::exit::Exit;
use crate::ports::SecretName;

/// Arguments of `guard notify secret`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The channel
    #[arg(value_name = "NAME", required_unless_present = "heartbeat")]
    name: Option<NotifierName>,
    /// The address of the dead-man's switch instead
    #[arg(long, conflicts_with = "name")]
    heartbeat: bool,
}

/// Seals a secret of a channel.
pub fn run(args: Args, session: &Session) -> Result<Exit, Failure> {
    let app = session.app("notify secret")?;
    let (entry, whose) = wanted(&app, args.name.as_ref())?;
    let question = format!("Paste the secret of {whose}");
    let secret = prompt::secret(&session.out, &question, false, session.globals.no_input)?;
    app.vault.put(&entry, &secret).map_err(|error| Failure::from(crate::app::AppError::from(error)))?;
    session.out.document(&json!({ "type": "notify_secret", "schema": 1, "entry": entry.to_string() }));
    session.out.calm(format!("The secret of {whose} is sealed in the {}.", app.vault.describe()));
    if let Some(name) = args.name {
        session.out.calm(format!("Next: `guard notify test {name}`."));
    }
    Ok(Exit::Done)
}

/// Where it goes, if the ledger says that it is in the vault.
fn wanted(app: &App, name: Option<&NotifierName>) -> Result<(SecretName, String), Failure> {
    let (entry, whose, source) = match name {
        None => {
            let source = app.ledger.heartbeat.as_ref().map(|settings| &settings.url);
            (SecretName::of_heartbeat(), "the heartbeat".to_owned(), source)
        }
        Some(name) => {
            let Some(settings) = app.ledger.notifiers.iter().find(|n| &n.name == name) else {
                return Err(Failure::new(Exit::Usage, format!("the ledger has no notifier `{name}`"))
                    .hint("`guard notify list` shows them"));
            };
            (SecretName::of_notifier(name), format!("channel `{name}`"), settings.kind.secret())
        }
    };
    match source {
        Some(SecretSource::Vault) => Ok((entry, whose)),
        Some(_) => {
            Err(Failure::new(Exit::Refused, format!("the ledger does not look for the secret of {whose} in the vault"))
                .hint("write \"vault\" in its place in the ledger first"))
        }
        None => Err(Failure::new(Exit::Refused, format!("{whose} has no secret in the ledger"))
            .hint("name one first, for example `url = \"vault\"`")),
    }
}
