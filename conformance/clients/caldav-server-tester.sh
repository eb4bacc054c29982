#!/usr/bin/env bash
# caldav-server-tester probes what a server can do; what it finds is compared with the stored profile, which may only
# improve. It probes a room in which bookings may overlap.
set -uo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
python=$here/../target/venv/bin/python
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
cd "$here/python" || exit 1
export PYTHONDONTWRITEBYTECODE=1
"$python" scratch.py server-tester@example.org "Open landscape" "Second landscape" >"$work/sheet.json"
if ! timeout 240 "$python" probe.py "$work/found.json" <"$work/sheet.json" >"$work/log" 2>&1; then
    tail -n 30 "$work/log"
    echo "caldav-server-tester did not come to its end"
    echo "0 passed, 1 failed, 0 skipped"
    exit 1
fi
"$python" judge.py "$here/profiles/caldav-server-tester.json" "$work/found.json"
