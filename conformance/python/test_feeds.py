"""The signed feeds, read by icalendar and expanded by recurring-ical-events."""

import datetime as dt
import uuid

import icalendar
import pytest
import recurring_ical_events
import requests
from demo import HOUR, UTC, ZONE, eventually, ics, unique


def put(demo, room, uid, text):
    base = room.caldav_url.rstrip("/")
    answer = demo.dav("PUT", f"{base}/{uid}.ics", text, Content_Type="text/calendar; charset=utf-8")
    assert answer.status_code == 201, f"{answer.status_code} {answer.text}"


def expanded(text, start, end, title):
    events = recurring_ical_events.of(icalendar.Calendar.from_ical(text)).between(start, end)
    return sorted(event["DTSTART"].dt.astimezone(UTC) for event in events if event["SUMMARY"] == title)


def wall_starts(start, count, days):
    first = start.astimezone(ZONE)
    return [
        dt.datetime.combine(first.date() + dt.timedelta(days=days * n), first.time(), ZONE).astimezone(UTC)
        for n in range(count)
    ]


@pytest.mark.parametrize("detail", ["full", "busy"])
def test_every_feed_of_the_demo_is_a_calendar(demo, detail):
    feeds = [room for room in demo.rooms if detail in room.feeds]
    assert feeds, f"the demo has no {detail} feed"
    for room in feeds:
        answer = requests.get(room.feeds[detail], timeout=10)
        assert answer.status_code == 200
        assert answer.headers["Content-Type"].replace(" ", "").lower() == "text/calendar;charset=utf-8"
        calendar = icalendar.Calendar.from_ical(answer.text)
        assert calendar["VERSION"] == "2.0" and calendar["PRODID"]
        for event in calendar.walk("VEVENT"):
            assert event["UID"] and "DTSTAMP" in event and "DTSTART" in event


def test_a_weekly_series_expands_to_the_right_instants(demo, room):
    uid, title, start = uuid.uuid4(), unique("Feed weekly"), demo.free_series(1)
    put(demo, room, uid, ics(uid, title, start, start + HOUR, "RRULE:FREQ=WEEKLY;COUNT=6", zone="Europe/Oslo"))
    end = start + dt.timedelta(weeks=8)
    found = eventually("the feed shows it", lambda: expanded(demo.feed(room), start, end, title))
    assert found == wall_starts(start, 6, 7)


def test_excluded_and_moved_instances_are_excluded_and_moved_in_the_feed(demo, room):
    uid, title, start = uuid.uuid4(), unique("Feed exceptions"), demo.free_series(2)
    starts = wall_starts(start, 4, 7)
    moved = starts[2] + 9 * HOUR
    local = [when.astimezone(ZONE) for when in starts]
    body = ics(
        uid,
        title,
        start,
        start + HOUR,
        "RRULE:FREQ=WEEKLY;COUNT=4",
        f"EXDATE;TZID=Europe/Oslo:{local[1]:%Y%m%dT%H%M%S}",
        zone="Europe/Oslo",
    )
    override = "\r\n".join(
        [
            "BEGIN:VEVENT",
            f"UID:{uid}",
            "DTSTAMP:20260101T000000Z",
            f"RECURRENCE-ID;TZID=Europe/Oslo:{local[2]:%Y%m%dT%H%M%S}",
            f"DTSTART;TZID=Europe/Oslo:{moved.astimezone(ZONE):%Y%m%dT%H%M%S}",
            f"DTEND;TZID=Europe/Oslo:{(moved + HOUR).astimezone(ZONE):%Y%m%dT%H%M%S}",
            f"SUMMARY:{title}",
            "END:VEVENT",
            "END:VCALENDAR",
        ]
    )
    put(demo, room, uid, body.replace("END:VCALENDAR", override))
    end = start + dt.timedelta(weeks=6)
    found = eventually("the feed shows it", lambda: expanded(demo.feed(room), start, end, title))
    assert found == [starts[0], moved, starts[3]]


def test_a_series_keeps_its_wall_clock_time_over_a_change_of_offset(demo, room):
    uid, title = uuid.uuid4(), unique("Feed summer time")
    today = dt.datetime.now(ZONE).date()
    change = next_offset_change(today + dt.timedelta(days=10))
    first = change - dt.timedelta(days=4)
    start = dt.datetime.combine(first, dt.time(23), ZONE).astimezone(UTC)
    put(demo, room, uid, ics(uid, title, start, start + HOUR / 2, "RRULE:FREQ=DAILY;COUNT=8", zone="Europe/Oslo"))
    end = start + dt.timedelta(days=10)
    found = eventually("the feed shows it", lambda: expanded(demo.feed(room), start, end, title))
    assert found == wall_starts(start, 8, 1)
    assert len({when.hour for when in found}) == 2, "the instants shift with the offset"


def next_offset_change(day):
    offset = dt.datetime.combine(day, dt.time(12), ZONE).utcoffset()
    while dt.datetime.combine(day, dt.time(12), ZONE).utcoffset() == offset:
        day += dt.timedelta(days=1)
    return day


def test_the_busy_feed_tells_times_and_no_secrets(demo, room):
    if "busy" not in room.feeds:
        room = next(found for found in demo.rooms if "busy" in found.feeds)
    uid, title, start = uuid.uuid4(), unique("Secret hearing"), demo.free_hour()
    lines = ("DESCRIPTION:do not tell", "LOCATION:behind the door", "ATTENDEE;CN=Kari:mailto:kari@example.org")
    put(demo, room, uid, ics(uid, title, start, start + HOUR, *lines))

    def busy_hours():
        calendar = icalendar.Calendar.from_ical(demo.feed(room, "busy"))
        return {event["DTSTART"].dt.astimezone(UTC) for event in calendar.walk("VEVENT")}

    eventually("the hour is taken", lambda: start in busy_hours())
    text = demo.feed(room, "busy").replace("\r\n ", "")
    for secret in (title, "do not tell", "behind the door", "kari@example.org"):
        assert secret not in text


def test_a_private_booking_is_only_busy_in_the_full_feed(demo, room):
    uid, title, secret, start = uuid.uuid4(), unique("Private talk"), unique("do not tell"), demo.free_hour()
    put(demo, room, uid, ics(uid, title, start, start + HOUR, "CLASS:PRIVATE", f"DESCRIPTION:{secret}"))

    def hours():
        calendar = icalendar.Calendar.from_ical(demo.feed(room))
        return {event["DTSTART"].dt.astimezone(UTC) for event in calendar.walk("VEVENT") if "RRULE" not in event}

    eventually("the hour is taken", lambda: start in hours())
    text = demo.feed(room).replace("\r\n ", "")
    assert title not in text and secret not in text


def test_lines_are_folded_and_end_as_they_must(demo, room):
    uid, start = uuid.uuid4(), demo.free_hour()
    title = unique("Grønnsåkonferanse 🥕" * 8)
    put(demo, room, uid, ics(uid, title, start, start + HOUR))
    eventually("the feed shows it", lambda: title in demo.feed(room).replace("\r\n ", ""))
    content = requests.get(room.feeds["full"], timeout=10).content
    assert content.endswith(b"END:VCALENDAR\r\n") and b"\n" not in content.replace(b"\r\n", b"")
    assert max(len(line) for line in content.split(b"\r\n")) <= 75
    for line in content.split(b"\r\n"):
        line.decode("utf-8")


def test_an_unchanged_feed_is_not_sent_twice(room):
    def not_sent():
        # Somebody may book in between: then the next round tells.
        first = requests.get(room.feeds["full"], timeout=10)
        again = requests.get(room.feeds["full"], headers={"If-None-Match": first.headers["ETag"]}, timeout=10)
        return again.status_code == 304 and not again.content and again.headers["ETag"] == first.headers["ETag"]

    eventually("304 with the same ETag and no body", not_sent)


def test_head_is_get_without_the_body(room):
    def alike():
        get, head = requests.get(room.feeds["full"], timeout=10), requests.head(room.feeds["full"], timeout=10)
        assert head.status_code == 200 and not head.content
        return all(get.headers.get(name) == head.headers.get(name) for name in ("ETag", "Content-Type", "Last-Modified"))

    eventually("the same header fields", alike)


def test_the_same_state_gives_the_same_octets(room):
    texts = {}
    for _ in range(20):
        answer = requests.get(room.feeds["full"], timeout=10)
        texts.setdefault(answer.headers["ETag"], set()).add(answer.content)
    assert all(len(contents) == 1 for contents in texts.values())
    assert len(texts) < 5, "nearly every answer differs although nearly nothing happens"


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE", "PROPFIND"])
def test_a_feed_cannot_be_written(room, method):
    answer = requests.request(method, room.feeds["full"], data=b"x", timeout=10)
    assert answer.status_code == 405 and "GET" in answer.headers["Allow"]


def test_a_forged_link_is_not_found(room):
    url = room.feeds["full"]
    head, name = url.rsplit("/", 1)
    for forged in (head[:-1] + ("A" if head[-1] != "A" else "B"), head[:-4]):
        answer = requests.get(f"{forged}/{name}", timeout=10)
        assert answer.status_code in (403, 404)
        assert "BEGIN:VCALENDAR" not in answer.text
