#!/usr/bin/env bash
# Schemathesis: requests made from the OpenAPI document, good ones and bad ones; every answer has to be one that the
# document promises, and none a failure of the server.
set -uo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
if ! "$root/conformance/needs.sh" schemathesis >&2; then
    echo "0 passed, 1 failed, 0 skipped"
    exit 1
fi
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
cd "$work" || exit 1
python=$root/target/venv-schemathesis/bin/python
"$python" "$root/conformance/python/schemathesis_run.py" configure "$work" || exit 1
timeout 400 "$root/target/venv-schemathesis/bin/schemathesis" run "$(cat "$work/url")" --phases examples,coverage,fuzzing \
    --max-examples "${SCHEMATHESIS_EXAMPLES:-10}" --seed 7 --workers 2 --no-color \
    --exclude-checks positive_data_acceptance \
    --report junit --report-junit-path "$work/report.xml" >"$work/log" 2>&1
sed -n '/^=* FAILURES/,/^=* WARNINGS/p; /^=* ERRORS/,/^=* SUMMARY/p' "$work/log" | head -n 200
"$python" "$root/conformance/python/schemathesis_run.py" judge "$work"
