#!/usr/bin/env bash
# A private store that speaks S3 for the tests: moto's server on a free port of loopback, with the bucket `anteroom`, in
# memory. It takes every access key.
#
#   conformance/s3.sh start   starts it, prints its address
#   conformance/s3.sh stop    stops it
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
venv=$root/target/venv-s3/bin
dir=$root/target/s3

start() {
    stop
    mkdir -p "$dir"
    [ -x "$venv/moto_server" ] || { echo "s3.sh: run conformance/needs.sh s3 first" >&2; return 1; }
    local port url
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    "$venv/moto_server" -H 127.0.0.1 -p "$port" >"$dir/log" 2>&1 </dev/null &
    echo $! >"$dir/pid"
    url=http://127.0.0.1:$port
    for _ in $(seq 300); do
        if curl -s -o /dev/null -X PUT "$url/anteroom" -H "Host: s3.amazonaws.com"; then
            echo "$url"
            return
        fi
        sleep 0.1
    done
    cat "$dir/log" >&2
    return 1
}

stop() {
    [ -s "$dir/pid" ] || return 0
    kill "$(cat "$dir/pid")" 2>/dev/null || true
    rm -f -- "$dir/pid"
}

case ${1:-} in
start) start ;;
stop) stop ;;
*)
    echo "usage: $0 start|stop" >&2
    exit 2
    ;;
esac
