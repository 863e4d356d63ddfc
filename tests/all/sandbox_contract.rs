//! The sandbox against the provider's OpenAPI document: every endpoint that it serves, every status.

use std::time::Duration;

use guard::adapters::http::{Client, Limits, Request, Response, Url};
use guard::domain::key::KeyStatus;
use guard::ports::Clock;
use guard::sandbox::Sandbox;
use guard::sandbox::fault::{Effect, Fault};
use guard::sandbox::org::NewKey;
use serde_json::{Value, json};

use super::openapi::Contract;
use super::organization::{mint, noon, sandbox, workspace};

/// An organization with something of everything, and somebody who talks to it.
struct Scene {
    sandbox: Sandbox,
    http: Client,
    contract: Contract,
    admin: String,
    key: String,
    key_id: String,
    workspace: String,
}

impl Scene {
    fn new() -> Self {
        let sandbox = sandbox();
        let workspace = workspace(&sandbox, "prod").to_string();
        let (key_id, key) = mint(&sandbox, "prod", KeyStatus::Active);
        for status in [KeyStatus::Inactive, KeyStatus::Active] {
            mint(&sandbox, "Default", status);
        }
        let admin = sandbox.shared().world().organization.admin_secret.clone();
        for (name, expires_at) in [("expired", Some(noon())), ("of the organization", None)] {
            let new = NewKey { workspace: None, name: name.to_owned(), status: KeyStatus::Active, expires_at };
            sandbox.shared().world().organization.mint_key(&new, noon()).unwrap();
        }
        Self {
            http: Client::new(Limits::default()).unwrap(),
            contract: Contract::load(),
            admin,
            key: key.expose().to_owned(),
            key_id: key_id.to_string(),
            workspace,
            sandbox,
        }
    }

    fn url(&self, path_and_query: &str) -> Url {
        Url::parse(&format!("{}{path_and_query}", self.sandbox.url())).unwrap()
    }

    async fn send(&self, request: Request, credential: &str) -> Response {
        let request = request.header("anthropic-version", "2023-06-01").header("x-api-key", credential);
        self.http.send(request).await.unwrap()
    }

    /// Sends a request and holds the answer against the document.
    async fn checked(&self, method: &str, path: &str, body: Option<Value>, credential: &str, status: u16) -> Value {
        let request = match body {
            None => Request::get(self.url(path)),
            Some(body) => Request::post_json(self.url(path), &body).unwrap(),
        };
        let answer = self.send(request, credential).await;
        let value: Value = answer.json().unwrap();
        assert_eq!(answer.status, status, "{method} {path}: {value}");
        let plain = path.split('?').next().unwrap();
        self.contract.operation(method, plain).check_answer(status, &value);
        let id = answer.header("request-id").unwrap();
        assert!(id.starts_with("req_"), "{id}");
        if status != 200 {
            assert_eq!(value["request_id"], json!(id));
        }
        value
    }

    async fn spend(&self) {
        let body = json!({
            "model": "claude-opus-5-5", "max_tokens": 9, "messages": [{"role": "user", "content": "0123456789"}],
        });
        let answer = self.send(Request::post_json(self.url("/v1/messages"), &body).unwrap(), &self.key).await;
        assert_eq!(answer.status, 200);
    }
}

const REPORT: &str = "/v1/organizations/usage_report/messages?starting_at=2026-11-21T11:00:00Z&bucket_width=1m";
const COSTS: &str = "/v1/organizations/cost_report?starting_at=2026-11-19T00:00:00Z";

#[tokio::test]
async fn successes_are_as_documented() {
    let scene = Scene::new();
    let clock = scene.sandbox.join("test");
    scene.spend().await;
    clock.sleep(Duration::from_secs(600)).await;
    let (key, workspace) = (format!("/v1/organizations/api_keys/{}", scene.key_id), scene.workspace.clone());
    for path in [
        "/v1/organizations/me",
        "/v1/organizations/api_keys",
        "/v1/organizations/api_keys?limit=2&status=active",
        &format!("/v1/organizations/api_keys?workspace_id={workspace}"),
        &key,
        "/v1/organizations/workspaces?include_default=true&include_archived=true",
        &format!("/v1/organizations/workspaces/{workspace}"),
        REPORT,
        &format!("{REPORT}&group_by[]=api_key_id&group_by[]=model&group_by[]=context_window&limit=1440"),
        &format!("{REPORT}&group_by%5B%5D=workspace_id&models[]=claude-opus-5-5"),
        COSTS,
        &format!("{COSTS}&group_by[]=workspace_id&group_by[]=description"),
    ] {
        scene.checked("GET", path, None, &scene.admin, 200).await;
    }
    scene.checked("GET", "/v1/models?limit=1", None, &scene.key, 200).await;
    for change in [json!({"status": "inactive"}), json!({"name": "x"}), json!({"status": "active", "name": "y"})] {
        scene.checked("POST", &key, Some(change), &scene.admin, 200).await;
    }
    let archive = format!("/v1/organizations/workspaces/{workspace}/archive");
    scene.checked("POST", &archive, Some(json!({})), &scene.admin, 200).await;
    let archived = scene.checked("GET", &key, None, &scene.admin, 200).await;
    assert_eq!(archived["status"], "archived");
}

#[tokio::test]
async fn refusals_are_as_documented() {
    let scene = Scene::new();
    let key = format!("/v1/organizations/api_keys/{}", scene.key_id);
    let admin = scene.admin.clone();
    for (path, credential, status) in [
        ("/v1/organizations/me", "sk-ant-admin01-wrong", 401),
        ("/v1/organizations/me", &*scene.key, 403),
        ("/v1/organizations/api_keys?limit=0", &*admin, 400),
        ("/v1/organizations/api_keys?limit=1001", &*admin, 400),
        ("/v1/organizations/api_keys?after_id=a&before_id=b", &*admin, 400),
        ("/v1/organizations/api_keys?color=red", &*admin, 400),
        ("/v1/organizations/api_keys/apikey_unknown", &*admin, 404),
        ("/v1/organizations/workspaces/wrkspc_unknown", &*admin, 404),
        ("/v1/organizations/workspaces?include_default=maybe", &*admin, 400),
        ("/v1/organizations/usage_report/messages", &*admin, 400),
        ("/v1/organizations/usage_report/messages?starting_at=yesterday", &*admin, 400),
        (&*format!("{REPORT}&group_by[]=moon_phase"), &*admin, 400),
        (&*format!("{REPORT}&group_by[]=speed"), &*admin, 400),
        (&*format!("{REPORT}&limit=1441"), &*admin, 400),
        (&*format!("{REPORT}&page=page_invented"), &*admin, 400),
        (&*format!("{COSTS}&bucket_width=1h"), &*admin, 400),
        ("/v1/models", &*admin, 401),
        ("/v1/models", "sk-ant-api03-wrong", 401),
    ] {
        scene.checked("GET", path, None, credential, status).await;
    }
    for (body, status) in [
        (json!({}), 400),
        (json!({"status": "expired"}), 400),
        (json!({"status": "archived"}), 200),
        (json!({"status": "archived"}), 200),
        (json!({"status": "active"}), 400),
        (json!({"status": "inactive"}), 400),
    ] {
        scene.checked("POST", &key, Some(body), &admin, status).await;
    }
    let unversioned = Request::get(scene.url("/v1/organizations/me")).header("x-api-key", &admin);
    assert_eq!(scene.http.send(unversioned).await.unwrap().status, 400);
}

#[tokio::test]
async fn ordered_errors_are_as_documented() {
    let scene = Scene::new();
    let key = format!("/v1/organizations/api_keys/{}", scene.key_id);
    let body = Some(json!({"status": "inactive"}));
    let operations = [
        ("GET", "/v1/organizations/me", None, &scene.admin),
        ("GET", "/v1/organizations/api_keys", None, &scene.admin),
        ("GET", key.as_str(), None, &scene.admin),
        ("POST", key.as_str(), body, &scene.admin),
        ("GET", "/v1/organizations/workspaces", None, &scene.admin),
        ("GET", REPORT, None, &scene.admin),
        ("GET", COSTS, None, &scene.admin),
        ("GET", "/v1/models", None, &scene.key),
    ];
    let mut checked = 0;
    for (method, path, body, credential) in operations {
        let plain = path.split('?').next().unwrap();
        for status in scene.contract.operation(method, plain).statuses().into_iter().filter(|status| *status != 200) {
            let effect = json!({"kind": "status", "status": status, "retry_after": 7, "error_code": "some_code"});
            let effect: Effect = serde_json::from_value(effect).unwrap();
            let fault = Fault { method: None, path: None, skip: 0, count: Some(1), effect };
            scene.sandbox.shared().world().faults.add(fault);
            scene.checked(method, path, body.clone(), credential, status).await;
            checked += 1;
        }
    }
    assert!(checked >= 8 * 6, "only {checked} combinations were documented");
}

#[tokio::test]
async fn a_key_of_the_organization_needs_a_workspace() {
    let scene = Scene::new();
    let roaming = {
        let world = scene.sandbox.shared().world();
        world.organization.keys.iter().find(|k| k.name == "of the organization").unwrap().secret.clone()
    };
    let ask = async |workspace: Option<&str>| {
        let request = Request::get(scene.url("/v1/models"));
        let request = match workspace {
            Some(id) => request.header("anthropic-workspace-id", id),
            None => request,
        };
        scene.send(request, &roaming).await
    };
    assert_eq!(ask(None).await.status, 400);
    assert_eq!(ask(Some("not-a-workspace")).await.status, 400);
    assert_eq!(ask(Some("wrkspc_unknown")).await.status, 404);
    let accepted = ask(Some(&scene.workspace)).await;
    assert_eq!(accepted.status, 200);
    assert_eq!(accepted.header("anthropic-workspace-id"), Some(&*scene.workspace));
    assert!(accepted.header("anthropic-organization-id").is_some());
}

#[tokio::test]
async fn the_default_workspace_is_null_in_reports_and_unasked_dimensions_too() {
    let scene = Scene::new();
    let clock = scene.sandbox.join("test");
    let (_, secret) = mint(&scene.sandbox, "Default", KeyStatus::Active);
    let body = json!({"model": "claude-opus-5", "max_tokens": 3, "messages": [{"role": "user", "content": "x"}]});
    let send = Request::post_json(scene.url("/v1/messages"), &body).unwrap();
    assert_eq!(scene.send(send, secret.expose()).await.status, 200);
    scene.spend().await;
    clock.sleep(Duration::from_secs(300)).await;
    let report = async |groups: &str| {
        let path =
            format!("/v1/organizations/usage_report/messages?starting_at=2026-11-21T12:00:00Z&bucket_width=1m{groups}");
        scene.checked("GET", &path, None, &scene.admin, 200).await["data"][0]["results"].clone()
    };
    let ungrouped = report("").await;
    assert_eq!(ungrouped.as_array().unwrap().len(), 1);
    assert_eq!((&ungrouped[0]["api_key_id"], &ungrouped[0]["output_tokens"]), (&Value::Null, &json!(12)));
    let by_workspace = report("&group_by[]=workspace_id").await;
    let seen: Vec<_> = by_workspace.as_array().unwrap().iter().map(|r| r["workspace_id"].clone()).collect();
    assert_eq!(seen, [Value::Null, json!(scene.workspace)]);
}
