#!/usr/bin/env bash
# vdirsyncer's own storage suite, CalDAV part, against rooms in which bookings may overlap.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
"$here/needs.sh" sources >&2
server=$here/../target/foreign/vdirsyncer-0.21.0/tests/storage/servers/anteroom
mkdir -p "$server"
cp "$here/python/suites/vdirsyncer_server.py" "$server/__init__.py"
export DAV_SERVER=anteroom
exec "$here/python/suites/run" vdirsyncer vdirsyncer-0.21.0 240 tests/storage/dav/test_caldav.py
