"""A workload: again and again reads its key from where its kind keeps it, sends one message with it, prints the status.

Prints one line a round: the HTTP status, or "partial" when what it read is no whole key. Ends when its standard input does.
"""

import base64
import json
import os
import re
import select
import subprocess
import sys
import urllib.error
import urllib.request

kind, at = sys.argv[1], json.loads(sys.argv[2])
KEY = re.compile(r"sk-ant-api03-[A-Za-z0-9_-]{93}AA")
# Nothing here may leave the machine, whatever the environment says.
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def text(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def ask(url, headers, body=None):
    request = urllib.request.Request(url, body, headers)
    with opener.open(request, timeout=30) as answer:
        return json.load(answer)


def run(*program):
    return subprocess.run(program, check=True, capture_output=True, text=True).stdout


def variable(path):
    found = re.search(r'^ANTHROPIC_API_KEY="?([^"\n]*)', text(path), re.M)
    return found and found[1]


def aws(url, name):
    headers = {
        "content-type": "application/x-amz-json-1.1",
        "x-amz-target": "secretsmanager.GetSecretValue",
        "authorization": "AWS4-HMAC-SHA256 Credential=t/20260101/eu-central-1/secretsmanager/aws4_request, "
        "SignedHeaders=host, Signature=0",
    }
    body = json.dumps({"SecretId": name, "VersionStage": "AWSCURRENT"}).encode()
    return ask(url, headers, body)["SecretString"]


READ = {
    "file": lambda: text(at["path"]),
    "exec": lambda: text(at["path"]),
    "dotenv": lambda: variable(at["path"]),
    "field": lambda: json.loads(text(at["path"]))["services"]["llm"][0]["key"],
    "keyring": lambda: run("secret-tool", "lookup", "service", at["service"], "username", "ANTHROPIC_API_KEY"),
    "systemd-credential": lambda: run("systemd-creds", "decrypt", "--name=anthropic", at["path"], "-"),
    "aws-secrets-manager": lambda: aws(at["url"], at["name"]),
    "vault-kv": lambda: ask(at["url"], {"x-vault-token": at["token"], "x-vault-namespace": "eu"})["data"]["data"]["KEY"],
    "kubernetes-secret": lambda: base64.b64decode(
        ask(at["url"], {"authorization": "Bearer " + at["token"]})["data"]["KEY"]
    ).decode(),
    # What GitHub puts into the environment of a job when its run is queued.
    "github-actions-secret": lambda: os.environ["ANTHROPIC_API_KEY"],
}


def message(key):
    body = {"model": "claude-haiku-4-5", "max_tokens": 20, "messages": [{"role": "user", "content": "Write."}]}
    headers = {
        "x-api-key": key,
        "anthropic-version": "2023-06-01",
        "content-type": "application/json",
        "x-sandbox-actor": kind,
    }
    try:
        ask(os.environ["ANTHROPIC_BASE_URL"] + "/v1/messages", headers, json.dumps(body).encode())
        return 200
    except urllib.error.HTTPError as error:
        return error.code


while True:
    key = READ[kind]() or ""
    print(message(key) if KEY.fullmatch(key.strip()) else "partial", flush=True)
    if kind == "github-actions-secret" or select.select([sys.stdin], [], [], 0)[0]:
        break
