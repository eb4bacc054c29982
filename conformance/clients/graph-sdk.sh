#!/usr/bin/env bash
# Microsoft's own Graph client reading what the gateway wrote into a mailbox, and the TypeScript compiler judging it by
# Microsoft's types. Without Node.js it is skipped and says so.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
if ! "$here/needs.sh" node >&2; then
    echo "graph-sdk.sh: Node.js is not installed"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
fi
NODE_FOLDER=$here/../target/node exec node "$here/node/graph_sdk.js"
