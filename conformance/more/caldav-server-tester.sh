#!/usr/bin/env bash
# caldav-server-tester probes what a server can do. Each feature it finds whole passes, each that it calls broken,
# ungraceful, fragile or a quirk fails, and what a gateway for rooms does not offer (tasks, journals, making calendars) is
# skipped.
#
# Not part of `make test`: its events overlap on purpose, and a room that is taken refuses the second, so that most of its
# probes end before they begin. It becomes meaningful with a calendar that several may use at once.
set -uo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
venv=$here/../target/venv
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT

of() { "$venv/bin/python" -c 'import json, os, sys; print(json.load(open(os.environ["ANTEROOM_DEMO"]))[sys.argv[1]])' "$1"; }
name=$("$venv/bin/python" -c 'import json, os; print(json.load(open(os.environ["ANTEROOM_DEMO"]))["rooms"][-1]["name"])')

timeout 300 "$venv/bin/caldav-server-tester" --caldav-url "$(of caldav_url)" --caldav-username "$(of user)" \
    --caldav-password "$(of password)" --caldav-calendar "$name" --verbose --format json \
    >"$work/profile.json" 2>"$work/log" </dev/null || tail -n 20 "$work/log"
exec "$venv/bin/python" "$here/python/judge_profile.py" "$work/profile.json"
