#!/bin/sh
# Runs a command beside a mock server that validates every request against the provider's OpenAPI document:
#   .ci/with-prism.sh cargo test --test all prism
# Needs node, npm and curl. The server listens on loopback and ends with the command.
set -eu

version=5.14.2
here=$(cd "$(dirname "$0")/.." && pwd)
document=$here/tests/fixtures/anthropic-admin-openapi.yaml
home=$here/target/prism-$version
for tool in node npm curl; do
    command -v "$tool" >/dev/null || { echo "$0: $tool is not installed" >&2; exit 69; }
done
[ -x "$home/node_modules/.bin/prism" ] ||
    npm install --silent --no-audit --no-fund --prefix "$home" "@stoplight/prism-cli@$version"

port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close() })')
url=http://127.0.0.1:$port
"$home/node_modules/.bin/prism" mock --errors --host 127.0.0.1 --port "$port" "$document" >"$home/log" 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null || true' EXIT
tries=0
until curl --silent --output /dev/null "$url/v1/models"; do
    tries=$((tries + 1))
    [ "$tries" -lt 120 ] && kill -0 "$server" 2>/dev/null || { cat "$home/log" >&2; exit 69; }
    sleep 0.5
done
GUARD_PRISM_URL=$url "$@"
