#!/usr/bin/env bash
# Signing in by a real OpenID Connect provider: oidc-provider, from npm, in a process of its own. Without Node.js it is
# skipped and says so.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
if ! "$here/needs.sh" node >&2; then
    echo "sign-in.sh: Node.js is not installed"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
fi
export NODE_FOLDER=$here/../target/node
exec node "$here/node/sign_in.js"
