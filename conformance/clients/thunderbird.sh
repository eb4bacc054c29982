#!/usr/bin/env bash
# Thunderbird, a whole one on a display nobody sees, with a room and a feed. Leaves a picture in target/thunderbird.png.
# A machine on which it cannot be installed skips it and says so.
set -uo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
if ! timeout 400 "$here/needs.sh" thunderbird >&2; then
    echo "thunderbird.sh: Thunderbird is not installed and cannot be"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
fi
timeout --signal=INT --kill-after=30 300 "$here/python/run" test_thunderbird.py
status=$?
if [ "$status" = 124 ]; then
    echo "thunderbird.sh: not finished within 300 s"
    echo "0 passed, 1 failed, 0 skipped"
fi
exit "$status"
