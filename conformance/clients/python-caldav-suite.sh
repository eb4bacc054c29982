#!/usr/bin/env bash
# python-caldav's own functional suite, against a room in which bookings may overlap. What is not offered is declared in
# python/suites/python-caldav.json.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
"$here/needs.sh" sources >&2
folder=$here/../target/foreign/caldav-3.6.0
cd "$here/python"
"$here/../target/venv/bin/python" scratch.py python-caldav "pythoncaldav-test" | "$here/../target/venv/bin/python" -c '
import json, sys
sheet = json.load(sys.stdin)
server = {"type": "external", "enabled": True, "url": sheet["caldav_url"], "username": sheet["user"],
          "password": sheet["password"], "features": json.load(open(sys.argv[1]))}
json.dump({"test-servers": {"anteroom": server}}, open(sys.argv[2], "w"))
' "$here/python/suites/python-caldav.json" "$folder/tests/caldav_test_servers.json"
export PYTHON_CALDAV_TEST_EMBEDDED=0 PYTHON_CALDAV_TEST_DOCKER=0
exec "$here/python/suites/run" python-caldav caldav-3.6.0 240 tests/test_caldav.py tests/test_async_integration.py -k anteroom
