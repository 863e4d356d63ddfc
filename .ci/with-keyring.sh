#!/bin/sh
# Runs a command in a D-Bus session of its own with an unlocked, empty keyring:
#   .ci/with-keyring.sh cargo test --test all vault
# Needs gnome-keyring-daemon and dbus-run-session.
set -eu

if [ "${1-}" != --inside ]; then
    for tool in dbus-run-session gnome-keyring-daemon; do
        command -v "$tool" >/dev/null || { echo "$0: $tool is not installed" >&2; exit 69; }
    done
    home=$(mktemp -d)
    trap 'rm -rf "$home"' EXIT
    XDG_DATA_HOME=$home/data XDG_RUNTIME_DIR=$home/run dbus-run-session -- "$0" --inside "$@"
    exit
fi

shift
mkdir -p -m 700 "$XDG_RUNTIME_DIR" "$XDG_DATA_HOME/keyrings"
# The first unlock makes the login keyring with this password.
printf 'test' | gnome-keyring-daemon --unlock --components=secrets >/dev/null
GUARD_TEST_KEYRING=1 exec "$@"
