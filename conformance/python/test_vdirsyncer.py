"""vdirsyncer keeps a room and a local folder of .ics files in step, both ways."""

import os
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
from demo import HOUR, eventually, ics, soon_gone, unique

VDIRSYNCER = Path(sys.executable).parent / "vdirsyncer"

CONFIG = """
[general]
status_path = "{folder}/status/"

[pair room]
a = "local"
b = "remote"
collections = ["{slug}"]
conflict_resolution = "b wins"
metadata = ["displayname"]

[storage local]
type = "filesystem"
path = "{folder}/local/"
fileext = ".ics"

[storage remote]
type = "caldav"
url = "{url}"
username = "{user}"
password = "{password}"
"""


class Folder:
    """A local calendar folder with its own vdirsyncer."""

    def __init__(self, demo, room, folder):
        self.files = folder / "local" / room.slug
        self.files.mkdir(parents=True)
        self.config = folder / "config"
        self.config.write_text(
            CONFIG.format(
                folder=folder, slug=room.slug, url=demo.base_url + "/", user=demo.user, password=demo.password
            )
        )
        self.run("discover")

    def run(self, command, *more):
        environment = {**os.environ, "VDIRSYNCER_CONFIG": str(self.config)}
        done = subprocess.run(
            [VDIRSYNCER, command, *more], env=environment, input="", capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, f"vdirsyncer {command}: {done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def sync(self):
        return self.run("sync")

    def write(self, uid, text):
        (self.files / f"{uid}.ics").write_bytes(text.encode())

    def find(self, title):
        return next((file for file in self.files.glob("*.ics") if title in file.read_text(encoding="utf-8")), None)

    def sync_until(self, what, look):
        def step():
            self.sync()
            return look()

        return eventually(what, step, within_s=20)


@pytest.fixture(scope="module")
def shared_room(demo):
    return demo.connected_room()


@pytest.fixture(scope="module")
def folder(demo, shared_room, tmp_path_factory):
    return Folder(demo, shared_room, tmp_path_factory.mktemp("vdir"))


def test_the_first_sync_brings_every_booking_of_the_room(demo, shared_room, folder):
    folder.sync()
    body = (
        '<c:calendar-query xmlns:c="urn:ietf:params:xml:ns:caldav" xmlns:d="DAV:"><d:prop><d:getetag/></d:prop>'
        '<c:filter><c:comp-filter name="VCALENDAR"><c:comp-filter name="VEVENT"/></c:comp-filter></c:filter>'
        "</c:calendar-query>"
    )

    def same():
        folder.sync()
        answer = demo.dav("REPORT", shared_room.caldav_url, body, Depth="1", Content_Type="application/xml")
        assert answer.status_code == 207, answer.text
        return answer.text.count("getetag>") // 2 == len(list(folder.files.glob("*.ics")))

    eventually("as many files as members", same, within_s=20)


def test_the_display_name_comes_along(shared_room, folder):
    folder.run("metasync")
    assert (folder.files / "displayname").read_text().strip() == shared_room.name


def test_a_new_file_becomes_a_booking_everywhere(demo, shared_room, folder):
    uid, title, start = uuid.uuid4(), unique("From a file"), demo.free_hour()
    folder.write(uid, ics(uid, title, start, start + HOUR))
    folder.sync()
    eventually("it is in Graph", lambda: demo.graph.events(shared_room.graph_mailbox, title))
    eventually("it is booked", lambda: demo.bookings(shared_room, start, start + HOUR, title))


def test_a_changed_file_changes_the_booking(demo, shared_room, folder):
    uid, title, start = uuid.uuid4(), unique("Before"), demo.free_hour()
    folder.write(uid, ics(uid, title, start, start + HOUR))
    folder.sync()
    after = unique("After")
    folder.write(uid, ics(uid, after, start, start + HOUR))
    folder.sync()
    eventually("Graph follows", lambda: demo.graph.events(shared_room.graph_mailbox, after))
    soon_gone("the old title", lambda: demo.graph.events(shared_room.graph_mailbox, title))


def test_a_removed_file_cancels_the_booking(demo, shared_room, folder):
    uid, title, start = uuid.uuid4(), unique("Short lived"), demo.free_hour()
    folder.write(uid, ics(uid, title, start, start + HOUR))
    folder.sync()
    eventually("it is in Graph", lambda: demo.graph.events(shared_room.graph_mailbox, title))
    (folder.files / f"{uid}.ics").unlink()
    folder.sync()
    soon_gone("it in Graph", lambda: demo.graph.events(shared_room.graph_mailbox, title))
    soon_gone("it in the booking system", lambda: demo.bookings(shared_room, start, start + HOUR, title))


def test_what_outlook_creates_changes_and_deletes_reaches_the_folder(demo, shared_room, folder):
    title, start = unique("From Outlook"), demo.free_hour()
    event = demo.graph.create(shared_room.graph_mailbox, title, start, start + HOUR)
    folder.sync_until("a file appears", lambda: folder.find(title))
    after = unique("Renamed in Outlook")
    demo.graph.change(shared_room.graph_mailbox, event["id"], subject=after)
    folder.sync_until("the file follows", lambda: folder.find(after))
    assert folder.find(title) is None
    demo.graph.delete(shared_room.graph_mailbox, event["id"])
    folder.sync_until("the file goes", lambda: folder.find(after) is None)


def test_a_second_sync_has_nothing_to_do(folder):
    def quiet():
        # Somebody may book in between: then the next round tells.
        folder.sync()
        before = {file.name: file.stat().st_mtime_ns for file in folder.files.glob("*.ics")}
        output = folder.sync()
        idle = "Copying" not in output and "Deleting" not in output
        return idle and before == {file.name: file.stat().st_mtime_ns for file in folder.files.glob("*.ics")}

    eventually("nothing is copied", quiet, within_s=20)
