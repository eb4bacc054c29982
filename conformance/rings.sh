#!/usr/bin/env bash
# Runs rings of tests one after the other, all of them whatever fails, and closes with one line that sums them:
#
#   N passed, N failed
#
# A ring that cannot even run counts as one failure. The exit code is 0 only when nothing failed and something passed.
set -uo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root" || exit 1
logs=$root/target/rings
mkdir -p "$logs"
export CARGO_TERM_COLOR=${CARGO_TERM_COLOR:-never}

passed=0
failed=0
skipped=0
broken=()

headline() { printf '\n== %s\n' "$1"; }

count() { # ring passed failed skipped
    passed=$((passed + $2))
    failed=$((failed + $3))
    skipped=$((skipped + $4))
    [ "$3" = 0 ] || broken+=("$1")
    printf '   %s: %d passed, %d failed, %d skipped\n' "$1" "$2" "$3" "$4"
}

# A ring that is one yes or no.
check() { # ring command...
    local ring=$1
    shift
    headline "$ring"
    if "$@" >"$logs/$ring.log" 2>&1 </dev/null; then
        count "$ring" 1 0 0
    else
        tail -n 60 "$logs/$ring.log"
        count "$ring" 0 1 0
    fi
}

# Sums the lines `test result: ok. N passed; N failed; N ignored; ...` of the standard test runner.
count_cargo() { # log
    awk '/^test result:/ { for (i = 1; i < NF; i++) {
            if ($(i + 1) ~ /^passed/) p += $i; if ($(i + 1) ~ /^failed/) f += $i; if ($(i + 1) ~ /^ignored/) s += $i } }
        END { printf "%d %d %d\n", p, f, s }' "$1"
}

# Reads nextest's `Summary [ 1.9s] 175 tests run: 173 passed (1 slow), 2 failed, 1 timed out, 0 skipped`.
count_nextest() { # log
    sed 's/\x1b\[[0-9;]*m//g' "$1" | awk '/^ *Summary \[/ { p = f = s = 0; sub(/.*tests? run: /, "")
            n = split($0, part, ", ")
            for (i = 1; i <= n; i++) { split(part[i], w, " ")
                if (part[i] ~ /passed/) p += w[1]; else if (part[i] ~ /skipped/) s += w[1]; else f += w[1] } }
        END { printf "%d %d %d\n", p, f, s }'
}

# Counts a run of tests; one that ended badly without naming a failed test counts as a failure itself.
conclude() { # ring status "passed failed skipped"
    local p f s
    read -r p f s <<<"$3"
    if [ "$2" != 0 ] && [ "$f" = 0 ]; then f=1; fi
    if [ "$((p + f + s))" = 0 ]; then f=1; fi
    count "$1" "$p" "$f" "$s"
}

run_tests() { # ring
    local ring=$1 status
    if cargo nextest --version >/dev/null 2>&1; then
        headline "$ring (cargo nextest)"
        cargo nextest run --locked --no-fail-fast --lib --bins --tests >"$logs/$ring.log" 2>&1 </dev/null
        status=$?
        sed 's/\x1b\[[0-9;]*m//g' "$logs/$ring.log" | grep -vE '^ +PASS ' | tail -n 300
        conclude "$ring" "$status" "$(count_nextest "$logs/$ring.log")"
    else
        headline "$ring (cargo test; nextest is not installed)"
        cargo test --locked --no-fail-fast --lib --bins --tests >"$logs/$ring.log" 2>&1 </dev/null
        status=$?
        grep -vE '^test .* ok$' "$logs/$ring.log" | tail -n 300
        conclude "$ring" "$status" "$(count_cargo "$logs/$ring.log")"
    fi
    # Examples in the documentation; nextest does not run these.
    cargo test --locked --doc >"$logs/$ring-examples.log" 2>&1 </dev/null
    status=$?
    if [ "$status" != 0 ]; then tail -n 60 "$logs/$ring-examples.log"; fi
    local sums
    sums=$(count_cargo "$logs/$ring-examples.log")
    if [ "$status" != 0 ] || [ "$sums" != "0 0 0" ]; then conclude "$ring-examples" "$status" "$sums"; fi
}

ring_needs() { check needs conformance/needs.sh postgres softhsm python s3; }
ring_format() { check format cargo fmt --all --check; }
ring_lints() { check lints cargo clippy --locked --all-targets -- -D warnings; }
ring_documentation() { RUSTDOCFLAGS=-Dwarnings check documentation cargo doc --locked --no-deps; }
ring_tests() { run_tests tests; }

# Both engines in one go: every case of the store ring exists once for each. And a store that speaks S3, for backups.
ring_tests_both() {
    local url s3
    if ! url=$(conformance/postgres.sh start) || ! s3=$(conformance/s3.sh start); then
        headline tests-both
        count tests-both 0 1 0
        return
    fi
    export TEST_POSTGRES_URL=$url REQUIRE_POSTGRES=1 REQUIRE_SOFTHSM=1 TEST_S3_URL=$s3 REQUIRE_S3=1
    trap 'conformance/postgres.sh stop; conformance/s3.sh stop' EXIT
    run_tests tests-both
}

ring_dependencies() {
    if cargo deny --version >/dev/null 2>&1; then
        check dependencies cargo deny --locked check
    else
        headline dependencies
        echo "   cargo-deny is not installed: cargo install --locked cargo-deny"
        count dependencies 0 0 1
    fi
}

ring_scripts() {
    if command -v shellcheck >/dev/null; then
        check scripts shellcheck conformance/*.sh conformance/clients/*.sh conformance/python/run conformance/python/suites/run .ci/run
    else
        headline scripts
        echo "   shellcheck is not installed"
        count scripts 0 0 1
    fi
}

# What deploy/ holds, judged by what will read it.
ring_deployment() {
    headline deployment
    if ! cargo build --locked --bin anteroom >"$logs/build.log" 2>&1 </dev/null; then
        tail -n 60 "$logs/build.log"
        count deployment 0 1 0
        return
    fi
    conformance/needs.sh proxies >"$logs/deployment-needs.log" 2>&1 </dev/null || tail -n 2 "$logs/deployment-needs.log"
    conformance/deployment.sh >"$logs/deployment.log" 2>&1 </dev/null
    local status=$? sums
    grep -v '^ok ' "$logs/deployment.log" | head -n -1
    sums=$(tail -n 1 "$logs/deployment.log" | sed -nE 's/^([0-9]+) passed, ([0-9]+) failed, ([0-9]+) skipped$/\1 \2 \3/p')
    conclude deployment "$status" "${sums:-0 1 0}"
}

# The real binary with its simulated neighbours, looked at by clients that others wrote.
ring_clients() {
    headline "clients (building)"
    if ! cargo build --locked --bin anteroom >"$logs/build.log" 2>&1 </dev/null; then
        tail -n 60 "$logs/build.log"
        count clients 0 1 0
        return
    fi
    local script status sums
    for script in conformance/clients/*.sh; do
        local ring
        ring=clients-$(basename "$script" .sh)
        headline "$ring"
        conformance/serve.sh "$script" >"$logs/$ring.log" 2>&1 </dev/null
        status=$?
        grep -vE '^(ok|PASSED) ' "$logs/$ring.log" | tail -n 120
        # Each script closes with `N passed, N failed, N skipped`.
        sums=$(sed -nE 's/^([0-9]+) passed, ([0-9]+) failed, ([0-9]+) skipped$/\1 \2 \3/p' "$logs/$ring.log" | tail -n 1)
        conclude "$ring" "$status" "${sums:-0 0 0}"
    done
}

if [ $# = 0 ]; then
    echo "usage: $0 needs|format|lints|tests|tests-both|documentation|dependencies|scripts|deployment|clients ..." >&2
    exit 2
fi
for ring in "$@"; do
    case $ring in
    needs | format | lints | tests | documentation | dependencies | scripts | deployment | clients) "ring_$ring" ;;
    tests-both) ring_tests_both ;;
    *)
        headline "$ring"
        echo "   there is no ring $ring"
        count "$ring" 0 1 0
        ;;
    esac
done

headline summary
if [ ${#broken[@]} -gt 0 ]; then echo "broken: ${broken[*]} (whole logs in target/rings)"; fi
if [ "$skipped" -gt 0 ]; then echo "$skipped skipped"; fi
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
