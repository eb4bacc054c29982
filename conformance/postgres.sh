#!/usr/bin/env bash
# A private PostgreSQL cluster for the tests: in target/pg (PG_DIR), on a unix socket and a free port of loopback,
# never as root, without fsync because nothing in it is worth keeping.
#
#   conformance/postgres.sh start   makes and starts it, prints its URL
#   conformance/postgres.sh url     prints its URL; fails when it does not run
#   conformance/postgres.sh stop    stops and removes it
#
# With PG_TLS=FOLDER it speaks TLS with the server.crt and server.key of that folder, and the role `certified` comes in with a
# client certificate by ca.crt and with nothing else.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
dir=${PG_DIR:-$root/target/pg}
database=anteroom_test

# Debian keeps the server's programs out of PATH.
find_bin() {
    local found
    # shellcheck disable=SC2012  # paths of distributions, without odd characters
    for found in "$(command -v pg_ctl || true)" $(ls -d /usr/lib/postgresql/*/bin/pg_ctl /usr/pgsql-*/bin/pg_ctl 2>/dev/null | sort -rV); do
        if [ -n "$found" ] && [ -x "$(dirname "$(readlink -f "$found")")/initdb" ]; then
            dirname "$(readlink -f "$found")"
            return
        fi
    done
    echo "postgres.sh: no PostgreSQL server programs found; install the package postgresql" >&2
    return 1
}

# PostgreSQL refuses to run as root: borrow an account that has no rights.
if [ "$(id -u)" = 0 ]; then
    if id postgres >/dev/null 2>&1; then account=postgres; else account=nobody; fi
    as_owner() { (cd / && setpriv --reuid="$account" --regid="$(id -g "$account")" --clear-groups env HOME=/tmp "$@"); }
else
    account=$(id -un)
    as_owner() { "$@"; }
fi

# The cluster lives where its account may reach it: the folders above target may be closed to others.
place_file=$dir/place
place() { cat "$place_file" 2>/dev/null; }

url() {
    local at port
    at=$(place) || { echo "postgres.sh: not running (no $place_file)" >&2; return 1; }
    port=$(sed -n 4p "$at/data/postmaster.pid" 2>/dev/null) || { echo "postgres.sh: not running" >&2; return 1; }
    echo "postgres://anteroom@127.0.0.1:$port/$database"
}

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

make_cluster() {
    local bin=$1 at=$2 locale
    # A collation that differs from the order of octets shows queries that lean on it.
    if as_owner "$bin/initdb" --help | grep -q icu-locale; then
        locale=(--locale-provider=icu --icu-locale=en --locale=C.UTF-8)
    else
        locale=(--locale=C.UTF-8)
    fi
    as_owner "$bin/initdb" -D "$at/data" -U anteroom -A trust -E UTF8 --no-sync "${locale[@]}" >"$dir/initdb.log" 2>&1 ||
        as_owner "$bin/initdb" -D "$at/data" -U anteroom -A trust -E UTF8 --no-sync --locale=C >"$dir/initdb.log" 2>&1 ||
        { cat "$dir/initdb.log" >&2; return 1; }
    as_owner tee -a "$at/data/postgresql.conf" >/dev/null <<CONF
listen_addresses = '127.0.0.1'
unix_socket_directories = '$at'
max_connections = 400
fsync = off
full_page_writes = off
shared_buffers = 64MB
log_min_messages = warning
CONF
    [ -z "${PG_TLS:-}" ] || speak_tls "$at/data"
}

speak_tls() {
    local data=$1 file
    for file in server.crt server.key ca.crt; do
        install -m 600 "$PG_TLS/$file" "$data/$file"
        [ "$(id -u)" != 0 ] || chown "$account" "$data/$file"
    done
    as_owner tee -a "$data/postgresql.conf" >/dev/null <<CONF
ssl = on
ssl_ca_file = 'ca.crt'
CONF
    as_owner sed -i "1i hostssl all certified 127.0.0.1/32 cert\nhost all certified 127.0.0.1/32 reject" "$data/pg_hba.conf"
}

start() {
    if url >/dev/null 2>&1 && as_owner "$(find_bin)/pg_ctl" -D "$(place)/data" status >/dev/null 2>&1; then
        url
        return
    fi
    stop
    local bin at attempt
    bin=$(find_bin)
    mkdir -p "$dir"
    at=$(mktemp -d /tmp/anteroom-pg.XXXXXX)
    [ "$(id -u)" != 0 ] || chown "$account" "$at"
    echo "$at" >"$place_file"
    make_cluster "$bin" "$at"
    for attempt in 1 2 3 4 5; do
        if as_owner "$bin/pg_ctl" -D "$at/data" -l "$at/log" -w -t 60 -o "-p $(free_port)" start >"$dir/start.log" 2>&1 </dev/null; then
            as_owner "$bin/createdb" -h "$at" -p "$(sed -n 4p "$at/data/postmaster.pid")" -U anteroom "$database"
            url
            return
        fi
        echo "postgres.sh: start $attempt failed" >&2
    done
    as_owner cat "$at/log" >&2
    return 1
}

stop() {
    local at
    at=$(place) || return 0
    if [ -d "$at/data" ]; then
        as_owner "$(find_bin)/pg_ctl" -D "$at/data" -m immediate -w stop >/dev/null 2>&1 || true
    fi
    case $at in /tmp/anteroom-pg.*) rm -rf -- "$at" ;; esac
    rm -f -- "$place_file"
}

case ${1:-} in
start) start ;;
stop) stop ;;
url) url ;;
*)
    echo "usage: $0 start|stop|url" >&2
    exit 2
    ;;
esac
