#!/usr/bin/env bash
# python-dateutil expanding random rules (fixed seed), and our expansion compared with it rule by rule. Closes with one
# line of counts; what dateutil reads otherwise than RFC 5545 is listed in docs/recurrence.md.
set -uo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root" || exit 1
scale=${ANTEROOM_TEST_SCALE:-1}
vectors=$root/target/rings/recurrence-vectors.tsv
mkdir -p "$(dirname "$vectors")"

if ! "$root/target/venv/bin/python" conformance/python/recurrence_vectors.py $((24000 * scale)) >"$vectors"; then
    echo "FAILED recurrence: no vectors from python-dateutil"
    echo "0 passed, 1 failed, 0 skipped"
    exit 1
fi
log=$(ANTEROOM_RECURRENCE_VECTORS=$vectors cargo test --locked --lib -- --ignored --exact --nocapture \
    ical::recur::against_dateutil::vectors_of_dateutil_agree_but_for_its_named_faults 2>&1)
status=$?
printf '%s\n' "$log" | sed -n '/rules, .* instances agree/,/}/p'
if [ "$status" != 0 ] || ! grep -q '^test result: ok. 1 passed' <<<"$log"; then
    printf '%s\n' "$log" | tail -n 60
    echo "FAILED recurrence: rules expand otherwise than python-dateutil expands them"
    echo "0 passed, 1 failed, 0 skipped"
    exit 1
fi
echo "PASSED recurrence: rules expand as python-dateutil expands them"
echo "1 passed, 0 failed, 0 skipped"
