#!/usr/bin/env bash
# Runs a command against a fresh `anteroom demo`: the real binary on a free port of loopback, with its simulated
# neighbours and its data in a temporary folder that is removed afterwards.
#
#   conformance/serve.sh COMMAND [ARG...]    runs it with the demo's JSON line in the file named by $ANTEROOM_DEMO
#   conformance/serve.sh                     prints the JSON line and serves until interrupted
#
# ANTEROOM_BIN names another binary than target/{debug,release}/anteroom, whichever is newer.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
patience_s=${ANTEROOM_START_S:-120}

newest_binary() {
    # shellcheck disable=SC2012  # two known names
    { ls -t "$root/target/debug/anteroom" "$root/target/release/anteroom" 2>/dev/null || true; } | head -n 1
}

bin=${ANTEROOM_BIN:-$(newest_binary)}
if [ -z "$bin" ] || [ ! -x "$bin" ]; then
    echo "serve.sh: no binary; run cargo build first" >&2
    exit 1
fi

folder=$(mktemp -d "${TMPDIR:-/tmp}/anteroom-demo.XXXXXX")
server=

finish() {
    local status=$?
    if [ -n "$server" ] && kill -0 "$server" 2>/dev/null; then
        kill -TERM "$server" 2>/dev/null || true
        for _ in $(seq 100); do
            kill -0 "$server" 2>/dev/null || break
            sleep 0.1
        done
        kill -KILL "$server" 2>/dev/null || true
    fi
    if [ "$status" != 0 ] && [ -s "$folder/log" ]; then
        echo "serve.sh: the server's last lines were:" >&2
        tail -n 40 "$folder/log" >&2
    fi
    rm -rf -- "$folder"
    exit "$status"
}
trap finish EXIT
trap 'exit 130' INT TERM

# An environment of its own: variables of the tests must not configure the server.
env -i PATH="$PATH" HOME="$folder" TMPDIR="$folder" \
    "$bin" demo --json --listen 127.0.0.1:0 --data "$folder/data" >"$folder/out" 2>"$folder/log" </dev/null &
server=$!

deadline=$((SECONDS + patience_s))
until grep -q '^{.*}$' "$folder/out" 2>/dev/null; do
    if ! kill -0 "$server" 2>/dev/null; then
        echo "serve.sh: anteroom demo ended before it was ready" >&2
        cat "$folder/out" >&2
        server=
        exit 1
    fi
    if [ "$SECONDS" -ge "$deadline" ]; then
        echo "serve.sh: no JSON line after $patience_s s" >&2
        exit 1
    fi
    sleep 0.1
done

grep -m 1 '^{.*}$' "$folder/out" >"$folder/demo.json"
export ANTEROOM_DEMO=$folder/demo.json
export ANTEROOM_LOG=$folder/log

if [ $# = 0 ]; then
    cat "$ANTEROOM_DEMO"
    wait "$server"
else
    "$@"
fi
