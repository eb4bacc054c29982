#!/usr/bin/env bash
# python-caldav against the demo, looking at both simulated systems and the feeds.
exec "$(dirname "$0")/../python/run" test_python_caldav.py
