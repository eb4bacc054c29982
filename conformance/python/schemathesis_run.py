"""Tells schemathesis whom it may ask for what, and counts what it found.

    schemathesis_run.py configure FOLDER   writes schemathesis.toml and the address of the document
    schemathesis_run.py judge FOLDER       reads report.xml, prints `N passed, N failed, N skipped`

Requests name the tenant and a room of the demonstration, so that they reach more than the question whether these exist.
What removes a tenant, a room or a bridge names one that is not there: the others still have to be asked.
"""

import json
import os
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from urllib.request import urlopen


def configure(folder):
    with open(os.environ["ANTEROOM_DEMO"], encoding="utf-8") as file:
        sheet = json.load(file)
    url = f"{sheet['base_url']}/v1/openapi.json"
    paths = json.load(urlopen(url, timeout=20))["paths"]
    room = sheet["rooms"][0]["slug"]
    lines = [
        "[parameters]",
        f'"path.tenant" = "{sheet["tenant"]}"',
        f'"path.room" = "{room}"',
        "[headers]",
        f'Authorization = "Bearer {sheet["api_key"]}"',
    ]
    for path, operations in paths.items():
        if "delete" in operations and path.split("/")[-1] in ("{tenant}", "{room}", "{bridge}"):
            parameter = path.split("/")[-1].strip("{}")
            lines += ["[[operations]]", f'include-name = "DELETE {path}"', "[operations.parameters]"]
            lines += [f'"path.{parameter}" = "nobody-has-this-name"']
    Path(folder, "schemathesis.toml").write_text("\n".join(lines) + "\n")
    Path(folder, "url").write_text(url)


def judge(folder):
    try:
        cases = ET.parse(Path(folder, "report.xml")).getroot().iter("testcase")
    except (OSError, ET.ParseError) as error:
        print(f"schemathesis left no report: {error}")
        print(Path(folder, "log").read_text()[-3000:])
        print("0 passed, 1 failed, 0 skipped")
        return 1
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    for case in cases:
        kinds = {child.tag for child in case}
        verdict = "failed" if kinds & {"failure", "error"} else "skipped" if "skipped" in kinds else "passed"
        counts[verdict] += 1
        if verdict != "failed":
            print(f"ok {case.get('name')}")
    print(", ".join(f"{number} {verdict}" for verdict, number in counts.items()))
    return 1 if counts["failed"] or not counts["passed"] else 0


if __name__ == "__main__":
    {"configure": lambda folder: configure(folder) or sys.exit(0), "judge": lambda folder: sys.exit(judge(folder))}[sys.argv[1]](
        sys.argv[2]
    )
