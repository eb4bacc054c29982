#!/usr/bin/env bash
# icalendar and recurring-ical-events reading the signed feeds.
exec "$(dirname "$0")/../python/run" test_feeds.py
