#!/usr/bin/env bash
# khal with a folder that vdirsyncer keeps in step with a room: list, new, edit, delete.
exec "$(dirname "$0")/../python/run" test_khal.py
