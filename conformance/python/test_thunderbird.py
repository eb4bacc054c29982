"""Thunderbird with a room and a feed: what it reads, adds, changes and deletes, followed to the other sides."""

import datetime as dt
import os
import shutil
import time
import uuid
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from demo import HOUR, UTC, ZONE, eventually, ics, soon_gone, unique
from scratch import Scratch
from thunderbird import Thunderbird

# A whole desktop program on a busy machine takes its time.
WITHIN_S = 45.0
PICTURE = Path(__file__).resolve().parents[2] / "target" / "thunderbird.png"


def realm_of(demo):
    """The realm of the server's challenge: the password manager finds the login by it."""
    challenge = requests.request("PROPFIND", demo.config["caldav_url"], timeout=10).headers["WWW-Authenticate"]
    return challenge.split('realm="', 1)[1].split('"', 1)[0]


@pytest.fixture(scope="module")
def shared_room(demo):
    return demo.connected_room()


@pytest.fixture(scope="module")
def bird(demo, shared_room, tmp_path_factory):
    bird = Thunderbird(tmp_path_factory.mktemp("thunderbird"), realm_of(demo))
    address = urlsplit(demo.base_url)
    bird.login(f"{address.scheme}://{address.netloc}", demo.user, demo.password)
    url = shared_room.caldav_url if shared_room.caldav_url.startswith("http") else demo.base_url + shared_room.caldav_url
    bird.room = bird.calendar(shared_room.name, "caldav", url, demo.user)
    bird.feed = bird.calendar(f"{shared_room.name} (feed)", "ics", shared_room.feeds["full"])
    try:
        bird.start()
        yield bird
    finally:
        bird.stop()
        if os.environ.get("KEEP_LOGS"):
            shutil.copy(bird.folder / "log", PICTURE.with_suffix(".log"))


def seen(calendar, what, look):
    """Refreshes until it shows."""

    def step():
        calendar.refresh()
        return eventually(what, lambda: look(calendar.titles()), within_s=3)

    return eventually(what, step, within_s=WITHIN_S)


def members(demo, room):
    body = '<d:propfind xmlns:d="DAV:"><d:prop><d:getetag/></d:prop></d:propfind>'
    answer = demo.dav("PROPFIND", room.caldav_url, body, Depth="1", Content_Type="application/xml")
    assert answer.status_code == 207, answer.text
    return answer.text.count("<D:response>") - 1


def test_find_calendars_offers_every_room_at_its_address(demo, bird):
    for location in (demo.base_url, demo.config["caldav_url"]):
        found = bird.find_calendars(location, demo.user, demo.password)
        offered = {(name, url) for name, kind, url, read_only in found if kind == "caldav" and not read_only}
        assert {(room.name, room.caldav_url) for room in demo.rooms} <= offered, f"{location}: {found}"


def test_a_room_that_one_may_only_read_is_offered_as_such(demo, bird):
    guest = Scratch(demo).guest(f"reader-{uuid.uuid4().hex[:6]}")
    room = guest.room(unique("Reading room"), "read")
    found = bird.find_calendars(demo.config["caldav_url"], guest.user, guest.password)
    assert found == [[room["name"], "caldav", room["url"], True]]


def test_find_calendars_knows_a_feed(shared_room, bird):
    url = shared_room.feeds["full"]
    assert [(kind, uri) for _, kind, uri, _ in bird.find_calendars(url, "", "")] == [("ics", url)]


def test_the_room_is_read_and_may_be_written(demo, shared_room, bird):
    seen(bird.room, "every booking of the room", lambda titles: len(titles) >= members(demo, shared_room) > 0)
    assert not bird.room.is_read_only()


def test_the_feed_is_read(bird):
    seen(bird.feed, "bookings in the feed", lambda titles: len(titles) > 0)


def test_an_added_event_is_booked_everywhere(demo, shared_room, bird):
    title, start = unique("Board meeting"), demo.free_hour()
    bird.room.add(ics(uuid.uuid4(), title, start, start + HOUR))
    eventually("it is in Graph", lambda: demo.graph.events(shared_room.graph_mailbox, title), WITHIN_S)
    eventually("it is booked", lambda: demo.bookings(shared_room, start, start + HOUR, title), WITHIN_S)
    seen(bird.feed, "it in the feed", lambda titles: title in titles)


def test_a_changed_title_follows(demo, shared_room, bird):
    title, after, start = unique("Before"), unique("After"), demo.free_hour()
    bird.room.add(ics(uuid.uuid4(), title, start, start + HOUR))
    eventually("it is in Graph", lambda: demo.graph.events(shared_room.graph_mailbox, title), WITHIN_S)
    assert bird.room.rename(title, after)
    eventually("Graph follows", lambda: demo.graph.events(shared_room.graph_mailbox, after), WITHIN_S)
    eventually("so does the desk", lambda: demo.bookings(shared_room, start, start + HOUR, after), WITHIN_S)
    soon_gone("the old title", lambda: demo.graph.events(shared_room.graph_mailbox, title), WITHIN_S)


def test_a_deleted_event_is_cancelled_everywhere(demo, shared_room, bird):
    title, start = unique("Short lived"), demo.free_hour()
    bird.room.add(ics(uuid.uuid4(), title, start, start + HOUR))
    eventually("it is in Graph", lambda: demo.graph.events(shared_room.graph_mailbox, title), WITHIN_S)
    assert bird.room.remove(title)
    soon_gone("it in Graph", lambda: demo.graph.events(shared_room.graph_mailbox, title), WITHIN_S)
    soon_gone("it at the desk", lambda: demo.bookings(shared_room, start, start + HOUR, title), WITHIN_S)


def test_what_outlook_makes_changes_and_deletes_is_seen(demo, shared_room, bird):
    title, after, start = unique("From Outlook"), unique("Renamed in Outlook"), demo.free_hour()
    event = demo.graph.create(shared_room.graph_mailbox, title, start, start + HOUR)
    seen(bird.room, "it in the room", lambda titles: title in titles)
    demo.graph.change(shared_room.graph_mailbox, event["id"], subject=after)
    seen(bird.room, "its new title", lambda titles: after in titles and title not in titles)
    demo.graph.delete(shared_room.graph_mailbox, event["id"])
    seen(bird.room, "that it went", lambda titles: after not in titles)


def test_a_series_with_a_moved_and_a_deleted_occurrence_is_the_same_everywhere(demo, shared_room, bird):
    title, start = unique("Choir"), demo.free_series(2)
    bird.room.add(ics(uuid.uuid4(), title, start, start + HOUR, "RRULE:FREQ=WEEKLY;COUNT=4", zone="Europe/Oslo"))
    eventually("it is in Graph", lambda: demo.graph.events(shared_room.graph_mailbox, title), WITHIN_S)
    bird.room.move_one(title, 1, 90)
    bird.room.drop_one(title, 2)
    local = start.astimezone(ZONE)
    walls = [local + dt.timedelta(weeks=week) for week in range(4)]  # the same time on the wall, whatever the offset
    starts = [wall.astimezone(UTC) for wall in (walls[0], walls[1] + dt.timedelta(minutes=90), walls[3])]

    def in_graph():
        found = demo.graph.view(shared_room.graph_mailbox, start, start + dt.timedelta(weeks=5), title)
        return sorted(demo.graph.start(event) for event in found) == starts

    def at_the_desk():
        found = demo.bookings(shared_room, start, start + dt.timedelta(weeks=5), title)
        return sorted(booking[2] for booking in found) == starts

    eventually("Graph shows three, one of them moved", in_graph, WITHIN_S)
    eventually("so does the desk", at_the_desk, WITHIN_S)
    bird.room.remove(title)
    eventually("it is gone at the desk", lambda: not at_the_desk(), WITHIN_S)


def test_a_taken_slot_is_refused_and_does_not_stay(demo, shared_room, bird):
    first, second, start = unique("First"), unique("Second"), demo.free_hour()
    bird.room.add(ics(uuid.uuid4(), first, start, start + HOUR))
    eventually("the first is booked", lambda: demo.bookings(shared_room, start, start + HOUR, first), WITHIN_S)
    with pytest.raises(AssertionError):
        bird.room.add(ics(uuid.uuid4(), second, start, start + HOUR))
    seen(bird.room, "only the first", lambda titles: first in titles and second not in titles)
    assert not demo.graph.events(shared_room.graph_mailbox, second)


def test_the_window_shows_the_week_of_the_room_and_of_the_feed(demo, shared_room, bird):
    if not bird.display or not shutil.which("import"):
        pytest.skip("no Xvfb or ImageMagick: no picture")
    day = (demo.free_hour() + 7 * HOUR * 24).astimezone(ZONE)
    for hour, title in ((9, "Board meeting"), (12, "Kitchen closed"), (14, "Yoga")):
        start = day.replace(hour=hour)
        bird.room.add(ics(uuid.uuid4(), title, start, start + HOUR, zone="Europe/Oslo"))
    bird.feed.refresh()
    bird.show(day)
    eventually("the week shows the bookings", lambda: bird.shown().count("Board meeting") >= 2, WITHIN_S)
    time.sleep(1)  # until the last frame is painted; only the picture depends on it
    bird.picture(PICTURE)
    assert PICTURE.stat().st_size > 20_000, "an empty window makes a small picture"
