use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;

use crate::adapters::clock::{Presence, SandboxClock, SystemClock};
use crate::adapters::http::{Client, Limits, Request, Url};
use crate::cli::{Failure, Session};
use crate::domain::secret::Secret;
use crate::exit::Exit;
use crate::ports::Clock;

/// Arguments of `guard sandbox pipeline`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The provider [default: $ANTHROPIC_BASE_URL, then $GUARD_PROVIDER_URL]
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// A file that holds the key alone, read before each message
    #[arg(long, value_name = "FILE", conflicts_with = "dotenv")]
    key_file: Option<PathBuf>,
    /// A file with a line ANTHROPIC_API_KEY=…, read before each message
    #[arg(long, value_name = "FILE")]
    dotenv: Option<PathBuf>,
    /// How many messages to send
    #[arg(long, value_name = "N", default_value_t = 10)]
    messages: u32,
    /// The pause after each message
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = humantime::parse_duration)]
    pause: Duration,
    /// The model
    #[arg(long, value_name = "MODEL", default_value = "claude-sonnet-4-6")]
    model: String,
    /// Input tokens of each message; the sandbox takes the number's word for it
    #[arg(long, value_name = "TOKENS", default_value_t = 2_000)]
    input_tokens: u64,
    /// Output tokens of each message
    #[arg(long, value_name = "TOKENS", default_value_t = 500)]
    output_tokens: u64,
}

const VARIABLE: &str = "ANTHROPIC_API_KEY";

/// Where the key is read from.
enum Source<'a> {
    Environment,
    File(&'a Path),
    Dotenv(&'a Path),
}

impl Source<'_> {
    fn read(&self) -> Result<Secret, String> {
        let text = match self {
            Self::Environment => std::env::var(VARIABLE).map_err(|_| format!("{VARIABLE} is not set"))?,
            Self::File(path) | Self::Dotenv(path) => {
                std::fs::read_to_string(path).map_err(|error| format!("{} cannot be read: {error}", path.display()))?
            }
        };
        let text = match self {
            Self::Dotenv(path) => {
                let value =
                    text.lines().filter_map(|line| line.trim().strip_prefix(VARIABLE)?.strip_prefix('=')).next_back();
                let value = value.ok_or_else(|| format!("{} has no line {VARIABLE}=…", path.display()))?;
                value.trim().trim_matches(['"', '\'']).to_owned()
            }
            _ => text,
        };
        Secret::new(text).map_err(|error| error.to_string())
    }
}

/// Sends messages one after another; fails when one of them failed.
pub async fn run(args: Args, session: &Session) -> Result<Exit, Failure> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let url = args.url.or_else(|| variable("ANTHROPIC_BASE_URL")).or_else(|| variable("GUARD_PROVIDER_URL"));
    let url = url.ok_or_else(|| {
        Failure::new(Exit::Usage, "no provider is named").hint("pass --url, or set ANTHROPIC_BASE_URL")
    })?;
    let url = Url::parse(&url).map_err(|error| Failure::new(Exit::Usage, error.to_string()))?;
    let source = match (&args.key_file, &args.dotenv) {
        (Some(path), _) => Source::File(path),
        (None, Some(path)) => Source::Dotenv(path),
        (None, None) => Source::Environment,
    };
    let clock: Box<dyn Clock> = match variable("GUARD_SANDBOX_CLOCK") {
        None => Box::new(SystemClock),
        Some(address) => Box::new(
            SandboxClock::connect(&address, "pipeline", Presence::Participant)
                .map_err(|error| Failure::new(Exit::Unreachable, error.to_string()))?,
        ),
    };
    let client = Client::new(Limits::default()).map_err(|error| Failure::new(Exit::Internal, error.to_string()))?;
    let body = json!({
        "model": args.model, "max_tokens": args.output_tokens, "messages": [{ "role": "user", "content": "Write." }],
    });
    let request = Request::post_json(url.join(["v1", "messages"]), &body)
        .map_err(|error| Failure::new(Exit::Internal, error.to_string()))?
        .header("anthropic-version", "2023-06-01")
        .header("x-sandbox-actor", "pipeline")
        .header("x-sandbox-input-tokens", &args.input_tokens.to_string());
    let mut failed = 0_u32;
    for number in 1..=args.messages {
        let outcome = match source.read() {
            Err(why) => Err(why),
            Ok(key) => match client.send(request.clone().secret_header("x-api-key", "", &key)).await {
                Ok(answer) if answer.is_success() => Ok(()),
                Ok(answer) => Err(format!("the answer was {}", answer.status)),
                Err(error) => Err(error.to_string()),
            },
        };
        if let Err(why) = outcome {
            failed += 1;
            session.out.note(format!("message {number} failed: {why}"));
        }
        if number < args.messages {
            clock.sleep(args.pause).await;
        }
    }
    let sent = args.messages - failed;
    session.out.document(&json!({ "type": "pipeline", "schema": 1, "messages": args.messages, "failed": failed }));
    session.out.line(format!("{sent} of {} messages went through", args.messages));
    Ok(if failed == 0 { Exit::Done } else { Exit::Failed })
}
