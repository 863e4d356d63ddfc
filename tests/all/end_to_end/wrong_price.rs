//! A wrong price makes twenty workspaces look stolen at once: guard must not become the outage.

use std::time::Duration;

use guard::domain::key::KeyStatus;
use guard::domain::time::Minute;
use guard::domain::usage::{Billing, Tokens};
use guard::sandbox::org::{Minted, NewKey};
use guard::sandbox::usage::Spent;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::place::Place;
use crate::organization::noon;

const WORKSPACES: usize = 20;
const MODEL: &str = "claude-sonnet-4-6";

fn name(number: usize) -> String {
    format!("team-{number:02}")
}

/// Two keys for each workspace: one in use for four weeks, ten minutes a day from noon on, and a standby.
fn organization(place: &Place) -> Vec<[Minted; 2]> {
    let mut world = place.sandbox.shared().world();
    let mut keys = Vec::new();
    for number in 0..WORKSPACES {
        let workspace = world.organization.add_workspace(&name(number), noon());
        let both = [KeyStatus::Active, KeyStatus::Inactive].map(|status| {
            let new = NewKey { workspace: Some(name(number)), name: "job".to_owned(), status, expires_at: None };
            world.organization.mint_key(&new, noon()).unwrap()
        });
        for day in 0..=28 {
            for minute in 0..10 {
                let spent = Spent {
                    key: Some(both[0].id.clone()),
                    workspace: Some(workspace.clone()),
                    service_account: None,
                    model: MODEL.to_owned(),
                    billing: Billing::default(),
                    tokens: Tokens { uncached_input: 2_000, output: 400, ..Tokens::default() },
                };
                let at = Minute::containing(noon()).plus(-day * 1440 + minute);
                world.usage.add(at, spent, at.plus(1).start());
            }
        }
        keys.push(both);
    }
    keys
}

/// A ledger of all of them; each may spend a dollar an hour.
fn write_ledger(place: &Place, people: &str, prices: Option<&str>) {
    let mut ledger = format!(
        "[provider]\nurl = \"http://127.0.0.1:{}\"\nfeed_lag = \"1m\"\n{}\n[[notifier]]\nname = \"people\"\nkind = \"slack\"\n\
         url = {{ file = \"{people}\" }}\nat_least = \"critical\"\n",
        place.sandbox.port(),
        prices.map_or_else(String::new, |path| format!("prices = \"{path}\"\n")),
    );
    for number in 0..WORKSPACES {
        let id = place.sandbox.shared().world().organization.workspaces[number + 2].id.clone();
        ledger.push_str(&format!(
            "\n[[workspace]]\nname = \"{}\"\nid = \"{id}\"\nenvironment = \"prod\"\nowner = \"ops@example.com\"\n\
             trip.mode = \"kill\"\nceilings.usd.hour = \"1.00\"\n",
            name(number)
        ));
    }
    std::fs::write(place.config_dir().join("guard.toml"), ledger).unwrap();
}

#[test]
fn two_keys_die_at_most_and_people_get_one_page() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let people = runtime.block_on(async {
        let server = MockServer::start().await;
        Mock::given(any()).respond_with(ResponseTemplate::new(200).set_body_string("ok")).mount(&server).await;
        server
    });
    let place = Place::new();
    let keys = organization(&place);
    let address = place.dir().join("chat.url");
    std::fs::write(&address, people.uri()).unwrap();
    std::fs::set_permissions(&address, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    std::fs::create_dir(place.config_dir()).unwrap();
    write_ledger(&place, &address.display().to_string(), None);
    let admin = place.sandbox.admin_key().unwrap();
    place.feed(&["init", "--admin-key-file", "-"], admin.expose()).ends(0);
    for (number, both) in keys.iter().enumerate() {
        for key in both {
            place.feed(&["key", "add", "-w", &name(number)], &key.secret).ends(0);
        }
    }
    place.run(&["watch", "--once"]).ends(0);
    place.pass(Duration::from_secs(120));
    place.run(&["watch", "--once"]).ends(0);
    assert_eq!(runtime.block_on(people.received_requests()).unwrap().len(), 0, "at the right price nothing happens");

    // Somebody slips by three digits.
    let right = std::fs::read_to_string("config/prices.toml").unwrap();
    let entry = right.find(&format!("id = \"{MODEL}\"")).unwrap();
    let (before, model) = right.split_at(entry);
    let wrong = before.to_owned() + &model.replacen("input = \"3\"", "input = \"3000\"", 1);
    assert_ne!(wrong, right);
    let prices = place.dir().join("prices.toml");
    std::fs::write(&prices, wrong).unwrap();
    write_ledger(&place, &address.display().to_string(), Some(&prices.display().to_string()));
    for _ in 0..10 {
        place.pass(Duration::from_secs(60));
        place.run(&["watch", "--once"]);
    }

    let dead = keys.iter().filter(|[active, _]| !place.works(&active.id)).count();
    assert_eq!(dead, 2, "keys that were killed");
    let status = place.run(&["status", "--json"]).ends(0).json();
    let closed = status["workspaces"].as_array().unwrap().iter().filter(|w| w["gate"]["state"] == "closed").count();
    assert_eq!(closed, WORKSPACES, "the others are gated: {status:#}");
    let pages: Vec<String> = runtime
        .block_on(people.received_requests())
        .unwrap()
        .iter()
        .map(|request| String::from_utf8_lossy(&request.body).into_owned())
        .collect();
    assert_eq!(pages.len(), 1, "{pages:#?}");
    assert!(pages[0].contains("20 incidents at once"), "{pages:#?}");
}
