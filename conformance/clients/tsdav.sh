#!/usr/bin/env bash
# tsdav, from npm, installed in target/node. Without Node.js it is skipped and says so.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
folder=$here/../target/node
if ! command -v npm >/dev/null; then
    echo "tsdav.sh: Node.js is not installed"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
fi
mkdir -p "$folder"
if ! cmp -s "$here/node/package-lock.json" "$folder/installed"; then
    cp "$here/node/package.json" "$here/node/package-lock.json" "$folder"
    npm ci --prefix "$folder" --no-audit --no-fund --ignore-scripts >&2
    cp "$here/node/package-lock.json" "$folder/installed"
fi
NODE_FOLDER=$folder exec node "$here/node/tsdav.js"
