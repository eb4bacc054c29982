"""Evolution's data server, which GNOME's calendars work with, on a room: reads, adds, changes, deletes."""

import json
import os
import signal
import subprocess
import uuid
from pathlib import Path

import pytest
from demo import HOUR, eventually, ics, soon_gone, unique

DRIVER = Path(__file__).with_name("eds_driver.py")
WITHIN_S = 30.0


class Evolution:
    """The driver in a D-Bus session and a home of its own."""

    def __init__(self, folder, account):
        environment = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "VIRTUAL_ENV")}
        environment.update(HOME=str(folder), XDG_RUNTIME_DIR=str(folder), TZ="Europe/Oslo")
        # Whether there is a network is not asked: the server is here.
        environment.update(GIO_USE_NETWORK_MONITOR="base", GSETTINGS_BACKEND="memory")
        for name in ("CACHE", "CONFIG", "DATA"):
            environment[f"XDG_{name}_HOME"] = str(folder / name.lower())
        self.log = folder / "log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                ["dbus-run-session", "--", "/usr/bin/python3", str(DRIVER)],
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        self.tell(account)

    def tell(self, wish):
        self.process.stdin.write(json.dumps(wish) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, "the driver ended: " + self.log.read_text(errors="replace")[-600:]
        answer = json.loads(line)
        assert "error" not in answer, answer["error"]
        return answer["ok"]

    def do(self, what, **more):
        return self.tell({"do": what, **more})

    def seen(self, what, look):
        def step():
            self.do("refresh")
            return eventually(what, lambda: look(self.do("titles")), within_s=3)

        return eventually(what, step, within_s=WITHIN_S)

    def stop(self):
        self.process.stdin.close()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(10)


@pytest.fixture(scope="module")
def shared_room(demo):
    return demo.connected_room()


@pytest.fixture(scope="module")
def evolution(demo, shared_room, tmp_path_factory):
    url = shared_room.caldav_url if shared_room.caldav_url.startswith("http") else demo.base_url + shared_room.caldav_url
    account = {"url": url, "user": demo.user, "password": demo.password}
    evolution = Evolution(tmp_path_factory.mktemp("evolution"), account)
    yield evolution
    evolution.stop()


def test_the_room_is_read_and_may_be_written(evolution):
    evolution.seen("bookings of the room", lambda titles: len(titles) > 0)
    eventually("it may be written", lambda: evolution.do("writable"), WITHIN_S)


def test_an_added_event_is_booked_everywhere(demo, shared_room, evolution):
    title, start = unique("From Evolution"), demo.free_hour()
    evolution.do("add", ics=ics(uuid.uuid4(), title, start, start + HOUR))
    eventually("it is in Graph", lambda: demo.graph.events(shared_room.graph_mailbox, title), WITHIN_S)
    eventually("it is booked", lambda: demo.bookings(shared_room, start, start + HOUR, title), WITHIN_S)


def test_a_changed_title_follows(demo, shared_room, evolution):
    title, after, start = unique("Before"), unique("After"), demo.free_hour()
    evolution.do("add", ics=ics(uuid.uuid4(), title, start, start + HOUR))
    eventually("it is in Graph", lambda: demo.graph.events(shared_room.graph_mailbox, title), WITHIN_S)
    evolution.do("rename", title=title, after=after)
    eventually("Graph follows", lambda: demo.graph.events(shared_room.graph_mailbox, after), WITHIN_S)
    eventually("so does the desk", lambda: demo.bookings(shared_room, start, start + HOUR, after), WITHIN_S)


def test_a_deleted_event_is_cancelled_everywhere(demo, shared_room, evolution):
    title, start = unique("Short lived"), demo.free_hour()
    evolution.do("add", ics=ics(uuid.uuid4(), title, start, start + HOUR))
    eventually("it is in Graph", lambda: demo.graph.events(shared_room.graph_mailbox, title), WITHIN_S)
    evolution.do("remove", title=title)
    soon_gone("it in Graph", lambda: demo.graph.events(shared_room.graph_mailbox, title), WITHIN_S)
    soon_gone("it at the desk", lambda: demo.bookings(shared_room, start, start + HOUR, title), WITHIN_S)


def test_what_outlook_makes_changes_and_deletes_is_seen(demo, shared_room, evolution):
    title, after, start = unique("From Outlook"), unique("Renamed in Outlook"), demo.free_hour()
    event = demo.graph.create(shared_room.graph_mailbox, title, start, start + HOUR)
    evolution.seen("it", lambda titles: title in titles)
    demo.graph.change(shared_room.graph_mailbox, event["id"], subject=after)
    evolution.seen("its new title", lambda titles: after in titles and title not in titles)
    demo.graph.delete(shared_room.graph_mailbox, event["id"])
    evolution.seen("that it went", lambda titles: after not in titles)


def test_a_taken_slot_is_refused_and_does_not_stay(demo, shared_room, evolution):
    first, second, start = unique("First"), unique("Second"), demo.free_hour()
    evolution.do("add", ics=ics(uuid.uuid4(), first, start, start + HOUR))
    with pytest.raises(AssertionError):
        evolution.do("add", ics=ics(uuid.uuid4(), second, start, start + HOUR))
    evolution.seen("only the first", lambda titles: first in titles and second not in titles)
    assert not demo.graph.events(shared_room.graph_mailbox, second)
