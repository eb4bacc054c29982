"""Series as others expand them: recurring-ical-events, ical.js and libical read the objects and the feed of a room, and
must find the instances that the gateway itself tells in an expanded report."""

import datetime as dt
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import icalendar
import pytest
import recurring_ical_events
import requests
from area import Area
from demo import UTC, eventually
from scratch import Scratch

HERE = Path(__file__).parent
NODE = HERE.parent.parent / "target" / "node"
OSLO = "Europe/Oslo"
THIS_YEAR = dt.date.today().year
# Two years: both changes of the clock, a leap day in one of four runs of the calendar, and a whole season.
RANGE = (dt.datetime(THIS_YEAR, 1, 1, tzinfo=UTC), dt.datetime(THIS_YEAR + 2, 1, 1, tzinfo=UTC))


def wall(day, hour=18, minute=0):
    return f"{day:%Y%m%d}T{hour:02}{minute:02}00"


def first(weekday, month=2):
    """The first such weekday (0 is Monday) of a month of this year."""
    day = dt.date(THIS_YEAR, month, 1)
    return day + dt.timedelta(days=(weekday - day.weekday()) % 7)


def event(name, lines):
    return "\r\n".join(["BEGIN:VEVENT", f"UID:{name}", "DTSTAMP:20260101T000000Z", f"SUMMARY:{name}", *lines, "END:VEVENT"])


def calendar(*events):
    return "\r\n".join(["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Example//Series//EN", *events, "END:VCALENDAR", ""])


def series(name, start, *lines, hour=18, zone=OSLO, minutes=90):
    times = [f"DTSTART;TZID={zone}:{wall(start, hour)}", f"DURATION:PT{minutes}M"]
    return name, calendar(event(name, [*times, *lines]))


def moved(name, start, rule, place, to):
    """A series of which one instance is elsewhere."""
    times = [f"DTSTART;TZID={OSLO}:{wall(start)}", "DURATION:PT1H", rule]
    other = [f"RECURRENCE-ID;TZID={OSLO}:{wall(place)}", f"DTSTART;TZID={OSLO}:{to}", "DURATION:PT2H"]
    return name, calendar(event(name, times), event(name, other))


def whole_days(name, start, days, *lines):
    times = [f"DTSTART;VALUE=DATE:{start:%Y%m%d}", f"DTEND;VALUE=DATE:{start + dt.timedelta(days=days):%Y%m%d}"]
    return name, calendar(event(name, [*times, *lines]))


def objects():
    monday, friday, sunday = first(0), first(4), first(6)
    week = dt.timedelta(weeks=1)
    until = dt.datetime.combine(monday + 30 * week, dt.time(18), ZoneInfo(OSLO)).astimezone(UTC)
    return dict(
        [
            series("weekly", monday, "RRULE:FREQ=WEEKLY"),
            series("weekly-until", monday, f"RRULE:FREQ=WEEKLY;UNTIL={until:%Y%m%dT%H%M%SZ}", hour=18),
            series("every-other-week", monday, "RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE,SU;WKST=MO;COUNT=60"),
            series("sunday-weeks", sunday, "RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=SU,TU;WKST=SU"),
            series("daily-count", monday, "RRULE:FREQ=DAILY;INTERVAL=3;COUNT=150"),
            series("at-three-over-the-clock", dt.date(THIS_YEAR, 3, 20), "RRULE:FREQ=DAILY;COUNT=300", hour=3),
            series("first-friday", friday, "RRULE:FREQ=MONTHLY;BYDAY=1FR"),
            series("last-workday", dt.date(THIS_YEAR, 1, 30), "RRULE:FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1"),
            series("day-31", dt.date(THIS_YEAR, 1, 31), "RRULE:FREQ=MONTHLY;BYMONTHDAY=31"),
            series("last-day", dt.date(THIS_YEAR, 1, 31), "RRULE:FREQ=MONTHLY;BYMONTHDAY=-1"),
            series("clamped", dt.date(THIS_YEAR, 1, 30), "RRULE:FREQ=MONTHLY;BYMONTHDAY=28,29,30;BYSETPOS=-1"),
            series("yearly", dt.date(THIS_YEAR, 5, 17), "RRULE:FREQ=YEARLY"),
            series("leap-day", dt.date(2024, 2, 29), "RRULE:FREQ=YEARLY"),
            series("summer-mondays", first(0, 6), "RRULE:FREQ=YEARLY;BYMONTH=6,7,8;BYDAY=MO"),
            series("new-york", monday, "RRULE:FREQ=WEEKLY;COUNT=70", hour=9, zone="America/New_York"),
            series(
                "without-some",
                monday,
                "RRULE:FREQ=WEEKLY;COUNT=40",
                f"EXDATE;TZID={OSLO}:{wall(monday + 3 * week)},{wall(monday + 9 * week)}",
                f"EXDATE;TZID={OSLO}:{wall(monday + 20 * week)}",
            ),
            series("more-dates", monday, "RRULE:FREQ=WEEKLY;COUNT=10", f"RDATE;TZID={OSLO}:{wall(monday + 2 * week, 7)}"),
            moved("moved-later", monday, "RRULE:FREQ=WEEKLY;COUNT=30", monday + 4 * week, wall(monday + 4 * week, 20)),
            moved("moved-far", monday, "RRULE:FREQ=WEEKLY;COUNT=30", monday + 5 * week, wall(monday + 8 * week, 8)),
            whole_days("days", monday, 2, "RRULE:FREQ=WEEKLY;INTERVAL=3;COUNT=20"),
            whole_days("days-of-month", dt.date(THIS_YEAR, 1, 15), 1, "RRULE:FREQ=MONTHLY;BYMONTHDAY=15,-2"),
        ]
    )


class Room:
    """A room in which all of them are booked, and its feed."""

    def __init__(self, demo):
        self.area = Area(demo, "series")
        self.objects = objects()
        for name, text in self.objects.items():
            self.area.put(f"{name}.ics", text)
        slug = self.area.room.rstrip("/").rsplit("/", 1)[1]
        span = {"past_days": 366, "future_days": 1100}
        feed = Scratch(demo).call("POST", "/feeds", {"room": slug, "detail": "full", **span})
        self.feed = eventually("the feed", lambda: requests.get(feed["url"], timeout=10).text)

    def told(self):
        """UID to the starts the gateway tells in an expanded report, days as midnight in UTC."""
        span = 'start="{:%Y%m%dT%H%M%SZ}" end="{:%Y%m%dT%H%M%SZ}"'.format(*RANGE)
        body = (
            '<c:calendar-query xmlns:c="urn:ietf:params:xml:ns:caldav" xmlns:d="DAV:"><d:prop><c:calendar-data>'
            f'<c:expand {span}/></c:calendar-data></d:prop><c:filter><c:comp-filter name="VCALENDAR">'
            f'<c:comp-filter name="VEVENT"><c:time-range {span}/></c:comp-filter></c:comp-filter></c:filter>'
            "</c:calendar-query>"
        )
        answer = self.area.ask("REPORT", self.area.room, body, Depth="1", Content_Type="application/xml")
        assert answer.status_code == 207, answer.text[:500]
        found = {}
        for data in ElementTree.fromstring(answer.content).iter("{urn:ietf:params:xml:ns:caldav}calendar-data"):
            for one in icalendar.Calendar.from_ical(data.text).walk("VEVENT"):
                found.setdefault(str(one["UID"]), []).append(ms(one["DTSTART"].dt))
        return inside(found)


def ms(when):
    if not isinstance(when, dt.datetime):
        when = dt.datetime.combine(when, dt.time(), UTC)
    return int(when.astimezone(UTC).timestamp() * 1000)


def inside(found):
    """What starts inside the range, sorted."""
    low, high = ms(RANGE[0]), ms(RANGE[1])
    return {uid: sorted(start for start in starts if low <= start < high) for uid, starts in found.items()}


def by_recurring_ical_events(texts):
    answers = []
    for text in texts:
        found = {}
        for one in recurring_ical_events.of(icalendar.Calendar.from_ical(text)).between(*RANGE):
            found.setdefault(str(one["UID"]), []).append(ms(one["DTSTART"].dt))
        answers.append(inside(found))
    return answers


def by_program(command, texts):
    """A program that reads and writes a line of JSON for each calendar."""
    lines = "".join(json.dumps({"text": text, "from": ms(RANGE[0]), "to": ms(RANGE[1])}) + "\n" for text in texts)
    environment = {**os.environ, "NODE_FOLDER": str(NODE), "TZ": "UTC"}
    done = subprocess.run(command, input=lines, capture_output=True, text=True, env=environment, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


def by_ical_js(texts):
    if shutil.which("node") is None:
        pytest.skip("Node.js is not installed")
    return by_program(["node", str(HERE.parent / "node" / "expand.js")], texts)


def by_libical(texts):
    check = "import gi; gi.require_version('ICalGLib', '3.0')"
    if subprocess.run(["/usr/bin/python3", "-c", check], capture_output=True, check=False).returncode != 0:
        pytest.skip("libical's introspection is not installed")
    return by_program(["/usr/bin/python3", str(HERE / "libical_expand.py")], texts)


# What a library reads otherwise than RFC 5545, 3.3.10, has it.
FAULTS = {
    # BYSETPOS counts there in sets of BYDAY alone, and 29 February becomes 1 March.
    by_ical_js: {"clamped", "leap-day"},
}
READERS = [by_recurring_ical_events, by_ical_js, by_libical]


@pytest.fixture(scope="module")
def room(demo):
    return Room(demo)


@pytest.fixture(scope="module")
def told(room):
    return room.told()


def test_the_report_tells_instances_of_every_series(room, told):
    # 29 February is a day of one of four years, which need not be among these two.
    expected = set(room.objects) - {"leap-day"}
    assert expected <= {uid for uid, starts in told.items() if starts}
    assert sum(map(len, told.values())) > 1000


@pytest.mark.parametrize("reader", READERS)
def test_a_client_library_expands_each_object_as_the_report_does(room, told, reader):
    urls = {name: f"{room.area.room}{name}.ics" for name in room.objects}
    texts = {name: room.area.ask("GET", url).text for name, url in urls.items()}
    answers = dict(zip(texts, reader([with_zones(text, room.feed) for text in texts.values()])))
    compare({uid: answer.get(uid, []) for uid, answer in answers.items()}, told, FAULTS.get(reader, set()))


@pytest.mark.parametrize("reader", READERS)
def test_a_client_library_expands_the_feed_as_the_report_does(room, told, reader):
    [answer] = reader([room.feed])
    compare(answer, told, FAULTS.get(reader, set()))


def with_zones(text, feed):
    """The object with definitions of its zones, as the feed writes them: not every library knows zones by name."""
    zones = [zone for zone in re.findall(r"BEGIN:VTIMEZONE.*?END:VTIMEZONE\r\n", feed, re.S) if zone_name(zone) in text]
    return text.replace("BEGIN:VEVENT", "".join(zones) + "BEGIN:VEVENT", 1)


def zone_name(zone):
    return re.search(r"TZID:(\S+)", zone).group(1)


def compare(found, told, faults):
    different = {}
    for uid in found.keys() | told.keys():
        one, other = set(found.get(uid, [])), set(told.get(uid, []))
        if one != other:
            only = [f"{dt.datetime.fromtimestamp(start / 1000, UTC):%Y-%m-%dT%H:%MZ}" for start in sorted(one ^ other)]
            different[uid] = only[:6]
    assert different.keys() == faults, different
