#!/usr/bin/env bash
# The checks of litmus 0.13, request by request, on a room: see python/test_litmus.py for why not litmus itself.
exec "$(dirname "$0")/../python/run" test_litmus.py
