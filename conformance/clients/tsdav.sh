#!/usr/bin/env bash
# tsdav, from npm, installed in target/node. Without Node.js it is skipped and says so.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
if ! "$here/needs.sh" node >&2; then
    echo "tsdav.sh: Node.js is not installed"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
fi
NODE_FOLDER=$here/../target/node exec node "$here/node/tsdav.js"
