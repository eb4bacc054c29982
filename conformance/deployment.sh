#!/usr/bin/env bash
# Judges what deploy/ holds: manifests by the schemas of Kubernetes, proxies by the proxies themselves, the unit by systemd,
# and the environment of the Deployment by the program that will read it. Closes with `N passed, N failed, N skipped`.
set -uo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root" || exit 1
binary=${ANTEROOM_BIN:-$root/target/debug/anteroom}
# The program takes every variable of that prefix for a key of its own.
unset ANTEROOM_BIN
venv=$root/target/venv/bin
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null; rm -rf -- "$work"' EXIT

passed=0
failed=0
skipped=0
judge() { # what command...
    local what=$1
    shift
    if "$@" >"$work/log" 2>&1 </dev/null; then
        passed=$((passed + 1))
        echo "ok $what"
    else
        failed=$((failed + 1))
        echo "FAILED $what"
        tail -n 20 "$work/log"
    fi
}
skip() {
    skipped=$((skipped + 1))
    echo "skipped $1"
}

# The oldest and the newest version that is promised.
for version in 1.30 1.37; do
    for manifest in deploy/kubernetes/*.yaml; do
        [ "$(basename "$manifest")" = kustomization.yaml ] && continue
        judge "$manifest is of Kubernetes $version" "$venv/kubernetes-validate" -k "$version" --strict "$manifest"
    done
done
judge "kustomization.yaml lists every manifest" "$venv/python" conformance/python/manifests.py resources deploy/kubernetes

# What the Deployment says must be a configuration: known keys, good values, contradictions none.
printf 'postgres://anteroom:secret@postgres/anteroom' >"$work/database-url"
printf '1 base64:%s\n' "$(head -c 32 /dev/zero | base64)" >"$work/master.key"
"$venv/python" conformance/python/manifests.py environment deploy/kubernetes/deployment.yaml "$work" >"$work/env"
# shellcheck disable=SC2016  # for the inner shell to expand
in_environment() { env -i PATH="$PATH" bash -c 'set -a; . "$0"; exec "$@"' "$work/env" "$@"; }
judge "the Deployment's environment is a configuration" in_environment "$binary" check-config

# The address for the collector tells what it should and nothing else.
inner_address() {
    local port inner
    read -r port inner <<<"$("$venv/python" conformance/python/manifests.py ports)"
    ANTEROOM_SERVER__LISTEN=127.0.0.1:$port ANTEROOM_OBSERVE__METRICS_LISTEN=127.0.0.1:$inner \
        ANTEROOM_OBSERVE__METRICS=false ANTEROOM_SERVER__DATA_DIR=$work/data "$binary" serve >"$work/serve.log" 2>&1 &
    server=$!
    local status path
    for _ in $(seq 100); do
        curl -s -o /dev/null "http://127.0.0.1:$inner/health" && break
        sleep 0.1
    done
    for path in health ready metrics; do
        status=$(curl -s -o "$work/$path" -w '%{http_code}' "http://127.0.0.1:$inner/$path")
        [ "$status" = 200 ] || { echo "/$path inside: $status"; return 1; }
    done
    grep -q '^anteroom_' "$work/metrics" || { echo "no metrics"; return 1; }
    for path in v1/tenants dav/ dashboard; do
        status=$(curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:$inner/$path")
        [ "$status" = 404 ] || { echo "/$path inside: $status"; return 1; }
    done
    status=$(curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:$port/metrics")
    [ "$status" = 401 ] || { echo "/metrics outside: $status"; return 1; }
    kill -TERM "$server" && wait "$server"
}
judge "the collector's address answers probes and metrics and nothing else" inner_address

if command -v nginx >/dev/null; then
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=rooms.example.org \
        -keyout "$work/privkey.pem" -out "$work/fullchain.pem" >/dev/null 2>&1
    sed -e "s#/etc/ssl/rooms.example.org#$work#" -e "s#/var/log/nginx#$work#" deploy/proxy/nginx.conf >"$work/site.conf"
    printf 'pid %s/pid; error_log %s/error.log; events {} http { include %s/site.conf; }\n' "$work" "$work" "$work" \
        >"$work/nginx.conf"
    judge "nginx takes deploy/proxy/nginx.conf" nginx -t -p "$work" -c "$work/nginx.conf"
else
    skip "nginx is not installed"
fi
if command -v caddy >/dev/null; then
    judge "Caddy takes deploy/proxy/Caddyfile" env HOME="$work" XDG_DATA_HOME="$work" \
        caddy validate --config deploy/proxy/Caddyfile --adapter caddyfile
else
    skip "caddy is not installed"
fi
if command -v systemd-analyze >/dev/null; then
    sed "s#^ExecStart=/usr/local/bin/anteroom#ExecStart=$binary#" deploy/anteroom.service >"$work/anteroom.service"
    judge "systemd takes deploy/anteroom.service" systemd-analyze verify --man=no "$work/anteroom.service"
else
    skip "systemd is not installed"
fi
judge "compose.yaml names what the image has" "$venv/python" conformance/python/manifests.py compose deploy/compose.yaml Dockerfile

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
