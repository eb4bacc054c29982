"""khal, a calendar for terminals: reads and writes a folder that vdirsyncer keeps in step with a room."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from demo import HOUR, ZONE, eventually, soon_gone, unique
from test_vdirsyncer import Folder

KHAL = Path(sys.executable).parent / "khal"

CONFIG = """
[calendars]
[[room]]
path = {files}
type = calendar

[locale]
timeformat = %H:%M
dateformat = %Y-%m-%d
longdateformat = %Y-%m-%d
datetimeformat = %Y-%m-%d %H:%M
longdatetimeformat = %Y-%m-%d %H:%M
local_timezone = Europe/Oslo
default_timezone = Europe/Oslo

[default]
default_calendar = room

[sqlite]
path = {folder}/khal.db
"""


class Terminal:
    """A terminal with khal and a synchronized folder."""

    def __init__(self, demo, room, folder):
        self.folder = Folder(demo, room, folder)
        self.home = folder
        self.config = folder / "khal.conf"
        self.config.write_text(CONFIG.format(files=self.folder.files, folder=folder))

    def khal(self, *words, answers=""):
        environment = {**os.environ, "HOME": str(self.home), "LC_ALL": "C.UTF-8", "TZ": "Europe/Oslo", "TERM": "dumb"}
        done = subprocess.run(
            [KHAL, "-c", str(self.config), "--no-color", *words],
            env=environment,
            input=answers,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, f"khal {' '.join(words)}: {done.stdout}{done.stderr}"
        return done.stdout

    def listed(self, start):
        """What khal lists for the day."""
        return self.khal("list", "--format", "{start-time} {title}", f"{start.astimezone(ZONE):%Y-%m-%d}", "1d")

    def sync(self):
        self.folder.sync()


@pytest.fixture(scope="module")
def shared_room(demo):
    return demo.connected_room()


@pytest.fixture(scope="module")
def terminal(demo, shared_room, tmp_path_factory):
    made = Terminal(demo, shared_room, tmp_path_factory.mktemp("khal"))
    made.sync()
    return made


def new(terminal, start, title):
    local = start.astimezone(ZONE)
    terminal.khal("new", f"{local:%Y-%m-%d %H:%M}", f"{(start + HOUR).astimezone(ZONE):%H:%M}", title)
    terminal.sync()


def test_khal_lists_what_outlook_made(demo, shared_room, terminal):
    title, start = unique("From Outlook"), demo.free_hour()
    demo.graph.create(shared_room.graph_mailbox, title, start, start + HOUR)

    def listed():
        terminal.sync()
        return f"{start.astimezone(ZONE):%H:%M} {title}" in terminal.listed(start)

    eventually("khal lists it at its time", listed, within_s=20)


def test_a_new_event_is_booked_everywhere(demo, shared_room, terminal):
    title, start = unique("From a terminal"), demo.free_hour()
    new(terminal, start, title)
    found = eventually("it is in Graph", lambda: demo.graph.events(shared_room.graph_mailbox, title))
    assert demo.graph.start(found[0]) == start
    eventually("it is booked", lambda: demo.bookings(shared_room, start, start + HOUR, title))


def test_an_edited_title_follows(demo, shared_room, terminal):
    title, after, start = unique("Before"), unique("After"), demo.free_hour()
    new(terminal, start, title)
    eventually("it is in Graph", lambda: demo.graph.events(shared_room.graph_mailbox, title))
    terminal.khal("edit", title, answers=f"s\n{after}\nn\n")
    terminal.sync()
    eventually("Graph follows", lambda: demo.graph.events(shared_room.graph_mailbox, after))
    eventually("so does the desk", lambda: demo.bookings(shared_room, start, start + HOUR, after))
    assert after in terminal.listed(start) and title not in terminal.listed(start)


def test_a_deleted_event_is_cancelled_everywhere(demo, shared_room, terminal):
    title, start = unique("Short lived"), demo.free_hour()
    new(terminal, start, title)
    eventually("it is in Graph", lambda: demo.graph.events(shared_room.graph_mailbox, title))
    terminal.khal("edit", title, answers="D\ny\n")
    terminal.sync()
    soon_gone("it in Graph", lambda: demo.graph.events(shared_room.graph_mailbox, title))
    soon_gone("it at the desk", lambda: demo.bookings(shared_room, start, start + HOUR, title))
    assert title not in terminal.listed(start)
