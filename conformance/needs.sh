#!/usr/bin/env bash
# Installs what the rings need and the machine lacks: a PostgreSQL server, SoftHSM2, and the pinned foreign clients in
# target/venv.
#
#   conformance/needs.sh [postgres] [softhsm] [python] [sources] [node] [libical] [thunderbird] [evolution] [proxies]
#       [schemathesis] [radicale] [s3]
#
# Without arguments: postgres, softhsm and python.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
venv=$root/target/venv
foreign=$root/target/foreign

# apt-get as root, or by sudo where that asks no password.
install_packages() {
    local sudo=()
    if [ "$(id -u)" != 0 ]; then
        sudo=(sudo -n)
        "${sudo[@]}" true 2>/dev/null || { echo "needs.sh: please install: $*" >&2; return 1; }
    fi
    command -v apt-get >/dev/null || { echo "needs.sh: no apt-get here; please install: $*" >&2; return 1; }
    echo "needs.sh: installing $*"
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -q >/dev/null
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$@" >/dev/null
}

need_postgres() {
    if ! command -v initdb >/dev/null && ! ls /usr/lib/postgresql/*/bin/initdb /usr/pgsql-*/bin/initdb >/dev/null 2>&1; then
        install_packages postgresql
    fi
}

# A security module in software, for the tests of the master key in a PKCS#11 token.
need_softhsm() {
    command -v softhsm2-util >/dev/null || install_packages softhsm2
}

# A folder of Python packages, exactly those of a list.
install_python() { # folder list
    local folder=$1 list=$2 hash
    hash=$(sha256sum "$list" | cut -d' ' -f1)
    [ "$(cat "$folder/installed" 2>/dev/null)" != "$hash" ] || return 0
    command -v python3 >/dev/null || install_packages python3 python3-venv
    if ! python3 -m venv --clear "$folder" >/dev/null 2>&1; then
        install_packages python3-venv
        python3 -m venv --clear "$folder"
    fi
    "$folder/bin/python" -m pip install --quiet --disable-pip-version-check --retries 5 --requirement "$list"
    echo "$hash" >"$folder/installed"
}

need_python() {
    command -v curl >/dev/null || install_packages curl ca-certificates
    install_python "$venv" "$root/conformance/requirements.txt"
}

# A calendar server to compare with under load (make bench).
need_radicale() { install_python "$root/target/venv-radicale" "$root/conformance/requirements-radicale.txt"; }

need_schemathesis() { install_python "$root/target/venv-schemathesis" "$root/conformance/requirements-schemathesis.txt"; }

# A store that speaks S3.
need_s3() { install_python "$root/target/venv-s3" "$root/conformance/requirements-s3.txt"; }

# The sources of packages whose test suites run here, each in target/foreign/NAME-VERSION.
need_sources() {
    need_python
    local list=$root/conformance/sources.txt stamp=$foreign/unpacked hash archive
    hash=$(sha256sum "$list" | cut -d' ' -f1)
    [ "$(cat "$stamp" 2>/dev/null)" != "$hash" ] || return 0
    rm -rf -- "$foreign"
    mkdir -p "$foreign"
    "$venv/bin/python" -m pip download --quiet --disable-pip-version-check --retries 5 --no-deps --no-binary caldav,vdirsyncer \
        --require-hashes --dest "$foreign" --requirement "$list"
    for archive in "$foreign"/*.tar.gz; do tar -xzf "$archive" -C "$foreign"; done
    echo "$hash" >"$stamp"
}

# The pinned packages of node/package-lock.json in target/node. Node.js itself is for who owns the machine to install.
need_node() {
    local lock=$root/conformance/node/package-lock.json folder=$root/target/node
    command -v npm >/dev/null || { echo "needs.sh: Node.js is not installed" >&2; return 1; }
    mkdir -p "$folder"
    cmp -s "$lock" "$folder/installed" && return
    cp "$root/conformance/node/package.json" "$lock" "$folder"
    npm ci --prefix "$folder" --no-audit --no-fund --ignore-scripts >&2
    cp "$lock" "$folder/installed"
}

# libical as Python reads it, by GObject introspection.
need_libical() {
    /usr/bin/python3 -c 'import gi; gi.require_version("ICalGLib", "3.0")' 2>/dev/null \
        || install_packages gir1.2-ical-3.0 python3-gi
}

need_thunderbird() {
    local missing=()
    command -v thunderbird >/dev/null || missing+=(thunderbird)
    command -v Xvfb >/dev/null || missing+=(xvfb)
    command -v import >/dev/null || missing+=(imagemagick)
    [ ${#missing[@]} = 0 ] || install_packages "${missing[@]}"
}

need_evolution() {
    local missing=()
    [ -x /usr/libexec/evolution-calendar-factory ] || missing+=(evolution-data-server)
    command -v dbus-run-session >/dev/null || missing+=(dbus-daemon)
    /usr/bin/python3 -c 'import gi; gi.require_version("ECal", "2.0")' 2>/dev/null || missing+=(gir1.2-ecal-2.0 python3-gi)
    [ ${#missing[@]} = 0 ] || install_packages "${missing[@]}"
}

# What judges deploy/proxy. Where a machine starts services by itself, these two are for its owner to install.
need_proxies() {
    local missing=()
    command -v nginx >/dev/null || missing+=(nginx-light)
    command -v caddy >/dev/null || missing+=(caddy)
    [ ${#missing[@]} = 0 ] && return
    if [ -d /run/systemd/system ]; then
        echo "needs.sh: would be started as services here; install by hand: ${missing[*]}" >&2
        return 1
    fi
    install_packages "${missing[@]}"
}

mkdir -p "$root/target"
[ $# -gt 0 ] || set -- postgres softhsm python
for what in "$@"; do
    case $what in
    postgres) need_postgres ;;
    softhsm | python | sources | node | libical | thunderbird | evolution | proxies | schemathesis | radicale | s3) "need_$what" ;;
    *)
        sed -n '/^#   conf/,/^#$/s/^# *//p' "$0" >&2
        exit 2
        ;;
    esac
done
