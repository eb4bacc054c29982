"""Runs caldav-server-tester against one room and writes what it found as JSON, sorted.

The tester wants a calendar for tasks beside the one for events and makes it itself. Where neither tasks nor MKCALENDAR
are offered it gives up before it looks at events; here it is told instead that there are no tasks, which is how it goes
on with servers that refuse them.
"""

import json
import os
import sys

from caldav import get_davclient
from caldav_server_tester import checks
from caldav_server_tester.checker import ServerQuirkChecker


def no_tasks(self, *_):
    self.set_feature("save-load.todo", False)
    return False


def as_entry(feature):
    why = feature.get("behaviour") or feature.get("description") or ""
    return {"support": feature["support"], "why": why} if feature["support"] != "full" else {"support": "full"}


def main(out):
    checks.PrepareCalendar._prepare_task_calendar = no_tasks
    sheet = json.load(sys.stdin)
    os.environ["HOME"] = os.path.dirname(os.path.abspath(out))  # no configuration of a person
    with get_davclient(url=sheet["caldav_url"], username=sheet["user"], password=sheet["password"]) as client:
        checker = ServerQuirkChecker(client)
        checker.expected_features.set_feature("test-calendar.compatibility-tests", {"name": sheet["rooms"][0]["name"]})
        try:
            checker.check_all()
        finally:
            found = {
                name: as_entry(feature)
                for name, feature in checker.features_checked.dotted_feature_set_list(compact=False).items()
                if "support" in feature
            }
            with open(out, "w", encoding="utf-8") as file:
                json.dump(found, file, indent=1, sort_keys=True)


if __name__ == "__main__":
    main(sys.argv[1])
