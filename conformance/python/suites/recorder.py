"""A pytest plugin for suites that others wrote: leaves out what cannot apply, and writes down what became of each test.

    RECORDER_SKIPS     a file of lines `pattern: reason`; the pattern is one of shell file names, matched against node ids
    RECORDER_RESULT    where the outcomes go, as JSON: {node id: {"support": "passed" | "skipped" | "failed", "why": ...}}
"""

import fnmatch
import json
import os

import pytest

outcomes = {}


def skips():
    with open(os.environ["RECORDER_SKIPS"], encoding="utf-8") as file:
        lines = [line.strip() for line in file if line.strip() and not line.startswith("#")]
    return [[part.strip() for part in line.split(": ", 1)] for line in lines]


def pytest_collection_modifyitems(items):
    for pattern, reason in skips():
        for item in items:
            # Brackets of parameters are no character classes here.
            if fnmatch.fnmatchcase(item.nodeid, pattern.replace("[", "[[]")):
                item.add_marker(pytest.mark.skip(reason=reason))


def pytest_runtest_logreport(report):
    found = outcomes.setdefault(report.nodeid, {"support": "passed"})
    if report.skipped:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        outcomes[report.nodeid] = {"support": "skipped", "why": str(reason).removeprefix("Skipped: ")}
    elif report.failed and found["support"] != "failed":
        crash = getattr(report.longrepr, "reprcrash", None)
        text = crash.message if crash else str(report.longrepr)
        outcomes[report.nodeid] = {"support": "failed", "why": " ".join(text.split())[:400]}


def pytest_sessionfinish():
    with open(os.environ["RECORDER_RESULT"], "w", encoding="utf-8") as file:
        json.dump(outcomes, file, indent=1, sort_keys=True)
