#!/usr/bin/env bash
# Faults that other calendar servers were seen with, each as a check of this one.
exec "$(dirname "$0")/../python/run" test_peers.py
