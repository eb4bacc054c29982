#!/usr/bin/env bash
# recurring-ical-events, ical.js and libical expanding the series of a room. What is not installed is skipped and says so.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
for what in node libical; do
    timeout 400 "$here/needs.sh" "$what" >&2 || echo "series.sh: goes on without $what"
done
exec "$here/python/run" test_series.py
