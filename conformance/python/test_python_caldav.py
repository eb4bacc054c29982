"""python-caldav keeps bookings in a room, and each of them is looked for in Microsoft 365, in the booking system and in
the feed; then the other way round."""

import datetime as dt
import uuid
from zoneinfo import ZoneInfo

import caldav
import icalendar
import pytest
import requests
from caldav.lib import error as caldav_error
from demo import HOUR, UTC, ZONE, eventually, graph_time, ics, soon_gone, unique


@pytest.fixture(scope="session")
def client(demo):
    return caldav.DAVClient(
        url=demo.base_url + "/",
        username=demo.user,
        password=demo.password,
        require_tls=False,
        enable_rfc6764=False,
    )


@pytest.fixture(scope="session")
def calendars(client):
    return {calendar.get_display_name(): calendar for calendar in client.principal().get_calendars()}


def titles(calendar, start, end):
    found = calendar.search(start=start, end=end, event=True, expand=False)
    return {str(event.get_icalendar_component().get("SUMMARY")) for event in found}


def named(calendar, title, start, end):
    found = calendar.search(start=start, end=end, event=True, expand=False)
    return next((event for event in found if event.get_icalendar_component().get("SUMMARY") == title), None)


def one_in_graph(demo, room, title, start):
    """The only event of that title, when it starts then."""
    found = demo.graph.events(room.graph_mailbox, title)
    assert len(found) <= 1, f"{len(found)} copies of {title!r} in the mailbox"
    return found[0] if found and demo.graph.start(found[0]) == start else None


def one_booked(demo, room, title, start):
    found = demo.bookings(room, start - HOUR, start + 3 * HOUR, title)
    assert len(found) <= 1, f"{len(found)} copies of {title!r} in the booking system"
    return found[0] if found and found[0][2] == start else None


class TestDiscovery:
    def test_the_bare_host_name_leads_to_the_principal(self, client, demo):
        principal = client.principal()
        assert str(principal.url).startswith(demo.base_url + "/dav/")
        assert str(principal.calendar_home_set.url).endswith("/rooms/")

    def test_the_well_known_address_leads_to_the_principal(self, demo):
        # By hand: requests, and python-caldav with it, drops the body on the way.
        first = requests.request("PROPFIND", demo.base_url + "/.well-known/caldav", timeout=10, allow_redirects=False)
        assert first.status_code == 301
        body = '<propfind xmlns="DAV:"><prop><current-user-principal/></prop></propfind>'
        answer = demo.dav("PROPFIND", first.headers["Location"], body, Depth="0", Content_Type="application/xml")
        assert answer.status_code == 207 and f"/principals/{demo.user}/" in answer.text

    def test_every_room_of_the_demo_is_a_calendar_with_its_name(self, calendars, demo):
        assert {room.name for room in demo.rooms} <= set(calendars)

    def test_a_room_takes_events_and_nothing_else(self, calendars, room):
        assert calendars[room.name].get_supported_components() == ["VEVENT"]

    def test_the_room_has_the_address_the_demo_names(self, calendars, demo, room):
        assert str(calendars[room.name].url).rstrip("/") == demo.base_url + path(room.caldav_url).rstrip("/")

    def test_no_calendar_can_be_made(self, client):
        with pytest.raises(caldav_error.DAVError):
            client.principal().make_calendar(name="not a room", cal_id=f"new-{uuid.uuid4().hex}")


def path(url):
    return "/" + url.split("://", 1)[-1].split("/", 1)[-1] if "://" in url else url


class TestOneBooking:
    """In every room that all systems know: one for each kind of booking system."""

    @pytest.fixture(params=["generic", "portico"])
    def room(self, demo, request):
        rooms = [room for room in demo.connected_rooms() if room.booking_profile == request.param]
        if not rooms:
            pytest.skip(f"the demo has no room in the {request.param} booking system")
        return rooms[0]

    def test_created_by_a_calendar_it_is_seen_everywhere(self, demo, calendars, room):
        title, start = unique("Board meeting"), demo.free_hour()
        calendars[room.name].add_event(ics(uuid.uuid4(), title, start, start + HOUR, zone="Europe/Oslo"))
        event = eventually("the event is in Graph", lambda: one_in_graph(demo, room, title, start))
        assert event["type"] == "singleInstance"
        eventually("the booking is in the booking system", lambda: one_booked(demo, room, title, start))
        eventually("the feed shows it", lambda: title in unfold(demo.feed(room)))
        if "busy" in room.feeds:
            assert title not in unfold(demo.feed(room, "busy")), "the busy feed must not tell titles"

    def test_moved_and_renamed_it_follows_everywhere(self, demo, calendars, room):
        title, start = unique("Choir"), demo.free_hour()
        event = calendars[room.name].add_event(ics(uuid.uuid4(), title, start, start + HOUR))
        eventually("it is in Graph", lambda: one_in_graph(demo, room, title, start))
        eventually("it is booked", lambda: one_booked(demo, room, title, start))
        new_title, new_start = unique("Choir, big"), demo.free_hour()
        with event.edit_icalendar_component() as component:
            component["SUMMARY"] = icalendar.vText(new_title)
            del component["DTSTART"], component["DTEND"]
            component.add("DTSTART", new_start)
            component.add("DTEND", new_start + HOUR)
        event.save()
        eventually("Graph follows", lambda: one_in_graph(demo, room, new_title, new_start))
        soon_gone("the old title in Graph", lambda: demo.graph.events(room.graph_mailbox, title))
        eventually("the booking follows", lambda: one_booked(demo, room, new_title, new_start))
        soon_gone("the old booking", lambda: demo.bookings(room, start, start + HOUR, title))

    def test_deleted_by_a_calendar_it_goes_everywhere(self, demo, calendars, room):
        title, start = unique("Rehearsal"), demo.free_hour()
        event = calendars[room.name].add_event(ics(uuid.uuid4(), title, start, start + HOUR))
        eventually("it is in Graph", lambda: one_in_graph(demo, room, title, start))
        eventually("it is booked", lambda: one_booked(demo, room, title, start))
        event.delete()
        soon_gone("it in Graph", lambda: demo.graph.events(room.graph_mailbox, title))
        soon_gone("it in the booking system", lambda: demo.bookings(room, start, start + HOUR, title))
        soon_gone("it in the feed", lambda: title in unfold(demo.feed(room)))

    def test_created_in_outlook_it_reaches_calendar_and_booking_system(self, demo, calendars, room):
        title, start = unique("Town planning"), demo.free_hour()
        event = demo.graph.create(room.graph_mailbox, title, start, start + HOUR)
        calendar = calendars[room.name]
        eventually("CalDAV shows it", lambda: named(calendar, title, start, start + HOUR))
        eventually("it is booked", lambda: one_booked(demo, room, title, start))
        new_start = demo.free_hour()
        demo.graph.change(room.graph_mailbox, event["id"], start=graph_time(new_start), end=graph_time(new_start + HOUR))
        eventually("CalDAV follows", lambda: named(calendar, title, new_start, new_start + HOUR))
        eventually("the booking follows", lambda: one_booked(demo, room, title, new_start))
        demo.graph.delete(room.graph_mailbox, event["id"])
        soon_gone("it over CalDAV", lambda: named(calendar, title, new_start, new_start + HOUR))
        soon_gone("the booking", lambda: demo.bookings(room, new_start, new_start + HOUR, title))

    def test_booked_at_the_desk_it_reaches_calendar_and_outlook(self, demo, calendars, room):
        title, start = unique("Book club"), demo.free_hour()
        booking = demo.booking[room.booking_profile].create(room.booking_id, title, start, start + HOUR)
        calendar = calendars[room.name]
        eventually("CalDAV shows it", lambda: named(calendar, title, start, start + HOUR))
        eventually("it is in Graph", lambda: one_in_graph(demo, room, title, start))
        new_start = demo.free_hour()
        demo.booking[room.booking_profile].move(booking, new_start, new_start + HOUR)
        eventually("CalDAV follows", lambda: named(calendar, title, new_start, new_start + HOUR))
        eventually("Graph follows", lambda: one_in_graph(demo, room, title, new_start))
        demo.booking[room.booking_profile].cancel(booking)
        soon_gone("it over CalDAV", lambda: named(calendar, title, new_start, new_start + HOUR))
        soon_gone("it in Graph", lambda: demo.graph.events(room.graph_mailbox, title))


class TestSeries:
    def weekly(self, title, start, count, uid=None, zone="Europe/Oslo"):
        return ics(uid or uuid.uuid4(), title, start, start + HOUR, f"RRULE:FREQ=WEEKLY;COUNT={count}", zone=zone)

    def test_a_weekly_series_is_one_series_in_outlook_and_dated_bookings_at_the_desk(self, demo, calendars, room):
        title, start = unique("Weekly yoga"), demo.free_series(2)
        calendars[room.name].add_event(self.weekly(title, start, 5))
        master = eventually("the series is in Graph", lambda: one_in_graph(demo, room, title, start))
        assert master["type"] == "seriesMaster"
        assert master["recurrence"]["pattern"]["type"] == "weekly"
        starts = weekly_starts(start, 5)
        view = demo.graph.view(room.graph_mailbox, start, start + dt.timedelta(weeks=6), title)
        assert sorted(demo.graph.start(event) for event in view) == starts
        eventually(
            "five dated bookings",
            lambda: [row[2] for row in demo.bookings(room, start, start + dt.timedelta(weeks=6), title)] == starts,
        )

    def test_one_moved_instance_is_moved_everywhere_and_the_others_stay(self, demo, calendars, room):
        title, start, uid = unique("Weekly dance"), demo.free_series(3), uuid.uuid4()
        calendar = calendars[room.name]
        event = calendar.add_event(self.weekly(title, start, 4, uid))
        eventually("the series is in Graph", lambda: one_in_graph(demo, room, title, start))
        second = weekly_starts(start, 4)[1]
        moved = second + dt.timedelta(hours=10)
        event.data = with_override(event.data, uid, title + " late", second, moved)
        event.save()

        def instances():
            view = demo.graph.view(room.graph_mailbox, start, start + dt.timedelta(weeks=5))
            return {demo.graph.start(found): found for found in view if found["subject"].startswith(title)}

        eventually("the instance moved in Graph", lambda: moved in instances())
        found = instances()
        assert second not in found and len(found) == 4
        assert found[moved]["subject"] == title + " late" and found[moved]["type"] == "exception"
        eventually("the booking moved", lambda: demo.bookings(room, moved, moved + HOUR, title + " late"))
        soon_gone("the old booking", lambda: demo.bookings(room, second, second + HOUR, title))

    def test_one_instance_deleted_is_deleted_everywhere(self, demo, calendars, room):
        title, start, uid = unique("Weekly chess"), demo.free_series(4), uuid.uuid4()
        event = calendars[room.name].add_event(self.weekly(title, start, 4, uid))
        eventually("the series is in Graph", lambda: one_in_graph(demo, room, title, start))
        third = weekly_starts(start, 4)[2]
        with event.edit_icalendar_component() as component:
            component.add("EXDATE", third.astimezone(ZoneInfo("Europe/Oslo")))
        event.save()
        expected = [when for when in weekly_starts(start, 4) if when != third]

        def starts():
            view = demo.graph.view(room.graph_mailbox, start, start + dt.timedelta(weeks=5), title)
            return sorted(demo.graph.start(found) for found in view)

        eventually("the instance is gone in Graph", lambda: starts() == expected)
        soon_gone("its booking", lambda: demo.bookings(room, third, third + HOUR, title))

    def test_a_series_made_in_outlook_is_a_series_over_caldav(self, demo, calendars, room):
        title, start = unique("Outlook weekly"), demo.free_series(0)
        recurrence = {
            "pattern": {"type": "weekly", "interval": 1, "daysOfWeek": ["monday"], "firstDayOfWeek": "monday"},
            "range": {
                "type": "numbered",
                "numberOfOccurrences": 4,
                "startDate": start.astimezone(ZONE).date().isoformat(),
                "recurrenceTimeZone": "W. Europe Standard Time",
            },
        }
        oslo = {"timeZone": "W. Europe Standard Time"}
        first, last = start.astimezone(ZONE), (start + HOUR).astimezone(ZONE)
        demo.graph.api.call(
            "POST",
            f"/v1.0/users/{room.graph_mailbox}/events",
            json={
                "subject": title,
                "start": {"dateTime": first.strftime("%Y-%m-%dT%H:%M:%S"), **oslo},
                "end": {"dateTime": last.strftime("%Y-%m-%dT%H:%M:%S"), **oslo},
                "recurrence": recurrence,
            },
        )
        calendar = calendars[room.name]
        event = eventually("CalDAV shows it", lambda: named(calendar, title, start, start + HOUR))
        assert "RRULE" in event.get_icalendar_component()
        expanded = calendar.search(start=start, end=start + dt.timedelta(weeks=6), event=True, expand=True)
        starts = [
            part.get_icalendar_component()["DTSTART"].dt.astimezone(UTC)
            for part in expanded
            if part.get_icalendar_component()["SUMMARY"] == title
        ]
        assert sorted(starts) == weekly_starts(start, 4)


class TestRoomRules:
    def test_a_taken_slot_is_refused_and_reaches_nobody(self, demo, calendars, room):
        first, second, start = unique("First"), unique("Second"), demo.free_hour()
        calendar = calendars[room.name]
        calendar.add_event(ics(uuid.uuid4(), first, start, start + HOUR))
        with pytest.raises(caldav_error.DAVError):
            calendar.add_event(ics(uuid.uuid4(), second, start + HOUR / 2, start + 2 * HOUR))
        eventually("the first is in Graph", lambda: one_in_graph(demo, room, first, start))
        assert second not in titles(calendar, start, start + 2 * HOUR)
        assert not demo.graph.events(room.graph_mailbox, second)

    def test_bookings_that_only_touch_are_both_taken(self, demo, calendars, room):
        first, second, start = unique("Before"), unique("After"), demo.free_hour()
        calendar = calendars[room.name]
        calendar.add_event(ics(uuid.uuid4(), first, start, start + HOUR / 2))
        calendar.add_event(ics(uuid.uuid4(), second, start + HOUR / 2, start + HOUR))
        assert {first, second} <= titles(calendar, start, start + HOUR)

    def test_free_busy_tells_taken_time(self, demo, calendars, room):
        title, start = unique("Hearing"), demo.free_hour()
        calendar = calendars[room.name]
        calendar.add_event(ics(uuid.uuid4(), title, start, start + HOUR))
        answer = calendar.freebusy_request(start - HOUR, start + 2 * HOUR)
        text = unfold(answer.data)
        assert "BEGIN:VFREEBUSY" in text and f"{start:%Y%m%dT%H%M%SZ}/" in text
        assert title not in text


class TestClientHabits:
    def test_an_event_comes_back_as_it_was_sent(self, demo, calendars, room):
        title, start, uid = unique("Møte i rådssalen 🏛"), demo.free_hour(), uuid.uuid4()
        sent = ics(uid, title, start, start + HOUR, "X-MOZ-LASTACK:20260101T000000Z", "DESCRIPTION:a\\, b\\; c\\nd")
        event = calendars[room.name].add_event(sent)
        stored = demo.dav("GET", str(event.url))
        assert stored.status_code == 200
        assert stored.content.decode() == event.data.replace("\r\n", "\n").replace("\n", "\r\n")

    def test_an_event_is_found_by_its_uid(self, demo, calendars, room):
        title, start, uid = unique("By UID"), demo.free_hour(), str(uuid.uuid4())
        calendars[room.name].add_event(ics(uid, title, start, start + HOUR))
        assert calendars[room.name].get_event_by_uid(uid).get_icalendar_component()["SUMMARY"] == title

    def test_a_sync_token_tells_what_changed_and_what_went(self, demo, calendars, room):
        calendar = calendars[room.name]
        start = demo.free_hour()
        gone = calendar.add_event(ics(uuid.uuid4(), unique("Goes"), start, start + HOUR))
        before = calendar.get_objects_by_sync_token(load_objects=False)
        start = demo.free_hour()
        fresh = calendar.add_event(ics(uuid.uuid4(), unique("Comes"), start, start + HOUR))
        gone_url = str(gone.url)
        gone.delete()
        updated, deleted = before.sync()
        assert str(fresh.url) in {str(item.url) for item in updated}
        assert gone_url in {str(item.url) for item in deleted}

    def test_a_whole_day_stays_a_whole_day(self, demo, calendars, room):
        title, uid = unique("Open day"), uuid.uuid4()
        day = dt.datetime.now(ZONE).date() + dt.timedelta(days=200)
        start = demo.free_hour()
        body = ics(uid, title, start, start + HOUR)
        lines = [line for line in body.split("\r\n") if not line.startswith(("DTSTART", "DTEND"))]
        place = lines.index(f"UID:{uid}") + 1
        lines[place:place] = [
            f"DTSTART;VALUE=DATE:{day:%Y%m%d}",
            f"DTEND;VALUE=DATE:{day + dt.timedelta(days=1):%Y%m%d}",
        ]
        calendars[room.name].add_event("\r\n".join(lines))
        found = calendars[room.name].get_event_by_uid(str(uid)).get_icalendar_component()
        assert found["DTSTART"].dt == day

    def test_a_wrong_password_is_refused(self, demo):
        stranger = caldav.DAVClient(
            url=demo.base_url + "/dav/",
            username=demo.user,
            password="wrong",
            require_tls=False,
            enable_rfc6764=False,
        )
        with pytest.raises(caldav_error.AuthorizationError):
            stranger.principal()


def unfold(text):
    return text.replace("\r\n ", "").replace("\n ", "")


def weekly_starts(start, count):
    """The starts of a weekly series at one wall-clock time in Oslo."""
    first = start.astimezone(ZONE)
    days = [first.date() + dt.timedelta(weeks=week) for week in range(count)]
    return [dt.datetime.combine(day, first.time(), ZONE).astimezone(UTC) for day in days]


def with_override(data, uid, title, original, start):
    """The object with one instance moved."""
    local = original.astimezone(ZONE)
    override = [
        "BEGIN:VEVENT",
        f"UID:{uid}",
        "DTSTAMP:20260102T000000Z",
        f"RECURRENCE-ID;TZID=Europe/Oslo:{local:%Y%m%dT%H%M%S}",
        f"DTSTART;TZID=Europe/Oslo:{start.astimezone(ZONE):%Y%m%dT%H%M%S}",
        f"DTEND;TZID=Europe/Oslo:{(start + HOUR).astimezone(ZONE):%Y%m%dT%H%M%S}",
        f"SUMMARY:{title}",
        "END:VEVENT",
    ]
    lines = data.replace("\r\n", "\n").strip().split("\n")
    return "\r\n".join(lines[:-1] + override + lines[-1:]) + "\r\n"
