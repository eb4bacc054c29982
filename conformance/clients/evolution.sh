#!/usr/bin/env bash
# Evolution's data server with a room, in a D-Bus session of its own and without a desktop. A machine on which it cannot be
# installed skips it and says so.
set -uo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
if ! timeout 400 "$here/needs.sh" evolution >&2; then
    echo "evolution.sh: Evolution's data server is not installed and cannot be"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
fi
timeout --signal=INT --kill-after=30 200 "$here/python/run" test_evolution.py
status=$?
if [ "$status" = 124 ]; then
    echo "evolution.sh: not finished within 200 s"
    echo "0 passed, 1 failed, 0 skipped"
fi
exit "$status"
