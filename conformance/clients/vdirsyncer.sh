#!/usr/bin/env bash
# vdirsyncer keeping a room and a local folder in step.
exec "$(dirname "$0")/../python/run" test_vdirsyncer.py
