"""The demo as the tests see it: the gateway by CalDAV and feeds, its neighbours by their own HTTP APIs.

Nothing here knows the gateway's inside. Microsoft 365 is reached with client credentials and Graph v1.0 requests, the
booking systems with the requests their own clients send.
"""

import datetime as dt
import json
import os
import time
import uuid
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

import requests

# How soon a change must be seen on the other sides.
WITHIN_S = 5.0
ZONE = ZoneInfo("Europe/Oslo")
UTC = dt.timezone.utc
HOUR = dt.timedelta(hours=1)


class NotYet(AssertionError):
    """What was waited for did not happen in time."""


def eventually(what, look, within_s=WITHIN_S):
    """Asks `look` again and again until it answers something true, and gives that back."""
    deadline = time.monotonic() + within_s
    last_error = None
    while True:
        try:
            found = look()
            last_error = None
            if found:
                return found
        except (AssertionError, requests.RequestException, KeyError, LookupError) as error:
            last_error = error
        if time.monotonic() >= deadline:
            raise NotYet(f"not within {within_s:g} s: {what}" + (f" ({last_error!r})" if last_error else ""))
        time.sleep(0.1)


def soon_gone(what, look, within_s=WITHIN_S):
    """Waits until `look` answers nothing."""
    return eventually(f"{what} is gone", lambda: not look(), within_s)


@dataclass
class Room:
    """One room with the names it has in each system."""

    slug: str
    name: str
    caldav_url: str
    graph_mailbox: str | None
    booking_profile: str | None
    booking_id: str | None
    feeds: dict = field(default_factory=dict)


class Api:
    """Requests to one system, with its refusals as test failures and its throttling respected."""

    def __init__(self, base):
        self.base = base.rstrip("/")
        self.session = requests.Session()
        # A kept connection may be closed by the other side just when it is used again.
        self.session.headers["Connection"] = "close"

    def call(self, method, path, **kwargs):
        for _ in range(20):
            answer = self.session.request(method, f"{self.base}{path}", timeout=10, **kwargs)
            if answer.status_code != 429:
                break
            time.sleep(0.25)
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text[:300]}"
        return answer.json() if answer.content else None


class Graph:
    """Microsoft Graph. Written through its API, as another application does; read as a person who looks into the
    mailbox, so that waiting for a change does not use up the mailbox's request limits."""

    def __init__(self, config, control):
        self.api = Api(config["base_url"])
        login = Api(config["login_url"])
        token = login.call(
            "POST",
            f"/{config['tenant']}/oauth2/v2.0/token",
            data={
                "grant_type": "client_credentials",
                "client_id": config["client_id"],
                "client_secret": config["client_secret"],
                "scope": "https://graph.microsoft.com/.default",
            },
        )
        self.api.session.headers["Authorization"] = f"Bearer {token['access_token']}"
        self.person = Api(control + "/graph/as-person")
        for api in (self.api, self.person):
            api.session.headers["Prefer"] = 'outlook.timezone="UTC", outlook.body-content-type="text"'

    def pages(self, path):
        found = []
        while path:
            page = self.person.call("GET", path)
            found += page["value"]
            following = page.get("@odata.nextLink")
            path = "/v1.0" + following.split("/v1.0", 1)[1] if following else None
        return found

    def events(self, mailbox, subject=None):
        """Single events and series masters of a mailbox, or those with one subject."""
        found = self.pages(f"/v1.0/users/{mailbox}/events?$top=200")
        return [event for event in found if subject is None or event.get("subject") == subject]

    def view(self, mailbox, start, end, subject=None):
        """Instances in a range."""
        query = f"startDateTime={stamp(start)}&endDateTime={stamp(end)}&$top=200"
        found = self.pages(f"/v1.0/users/{mailbox}/calendarView?{query}")
        return [event for event in found if subject is None or event.get("subject") == subject]

    def create(self, mailbox, subject, start, end, **more):
        body = {"subject": subject, "start": graph_time(start), "end": graph_time(end), **more}
        return self.api.call("POST", f"/v1.0/users/{mailbox}/events", json=body)

    def change(self, mailbox, event, **members):
        return self.api.call("PATCH", f"/v1.0/users/{mailbox}/events/{event}", json=members)

    def delete(self, mailbox, event):
        self.api.call("DELETE", f"/v1.0/users/{mailbox}/events/{event}")

    @staticmethod
    def start(event):
        """The start of an event as an instant."""
        text = event["start"]["dateTime"].split(".")[0]
        return dt.datetime.fromisoformat(text).replace(tzinfo=UTC)


class GenericBooking:
    """The booking system with the `/api/events` contract, as its own clients use it."""

    def __init__(self, config, _control):
        self.api = Api(config["base_url"])
        self.api.session.headers["X-API-Key"] = config["api_key"]

    def bookings(self, resource, start, end, title=None):
        """Bookings of a resource in a range as (id, title, start, end)."""
        query = f"resource_id={resource}&from={stamp(start)}&to={stamp(end)}"
        rows = self.api.call("GET", f"/api/events?{query}")["events"]
        found = [
            (row["id"], row["title"], parse_time(row["start_time"]), parse_time(row["end_time"]))
            for row in rows
            if row["active"] and (title is None or row["title"] == title)
        ]
        return sorted(found, key=lambda row: row[2])

    def create(self, resource, title, start, end):
        body = {
            "title": title,
            "description": "",
            "start_time": stamp(start),
            "end_time": stamp(end),
            "resource_id": resource,
            "organizer": {"name": "Kari Nordmann", "email": "kari@example.org"},
            "source_system": "front-desk",
        }
        return self.api.call("POST", "/api/events", json=body)["id"]

    def move(self, booking, start, end):
        self.api.call("PUT", f"/api/events/{booking}", json={"start_time": stamp(start), "end_time": stamp(end)})

    def cancel(self, booking):
        self.api.call("DELETE", f"/api/events/{booking}")


class PorticoBooking:
    """The booking system with the `/booking/...` contract. Its times are wall-clock times without a zone. The desk works
    in its user interface: what comes in through its REST interface is announced to nobody."""

    def __init__(self, config, control):
        self.api = Api(config["base_url"])
        self.desk = Api(control + "/portico/ui/events")
        self.api.call(
            "POST",
            "/login",
            json={"login": config["login"], "passwd": config["password"], "logindomain": config["domain"]},
        )

    def bookings(self, resource, start, end, title=None):
        first = start.astimezone(ZONE).date().isoformat()
        last = end.astimezone(ZONE).date().isoformat()
        rows = self.api.call("GET", f"/booking/resources/{resource}/schedule?start_date={first}&end_date={last}")
        found = []
        for row in rows:
            begin, finish = wall_time(row["from_"]), wall_time(row["to_"])
            if begin < end and finish > start and (title is None or row["name"] == title):
                found.append((row["id"], row["name"], begin, finish))
        return sorted(found, key=lambda row: row[2])

    def create(self, resource, title, start, end):
        body = {
            "title": title,
            "resources": [int(resource)],
            "contact_name": "Kari Nordmann",
            "contact_email": "kari@example.org",
            "from_": wall(start),
            "to_": wall(end),
        }
        return self.desk.call("POST", "/create", json=body)["id"]

    def move(self, booking, start, end):
        self.desk.call("POST", "/update", json={"id": booking, "from_": wall(start), "to_": wall(end)})

    def cancel(self, booking):
        self.desk.call("POST", "/deactivate", json={"id": booking})


class Demo:
    """Everything that the JSON line of `anteroom demo --json` names."""

    def __init__(self, config):
        self.config = config
        self.base_url = config["base_url"].rstrip("/")
        self.user, self.password = config["user"], config["password"]
        control = config["sandbox_control_url"].rstrip("/")
        self.graph = Graph(config["graph"], control)
        self.booking = {
            "generic": GenericBooking(config["booking_generic"], control),
            "portico": PorticoBooking(config["booking_portico"], control),
        }
        names = ("slug", "name", "caldav_url", "graph_mailbox", "booking_profile", "booking_id")
        self.rooms = [Room(**{name: room.get(name) for name in names}) for room in config["rooms"]]
        for feed in config["feeds"]:
            self.room(feed["room"]).feeds[feed["detail"]] = feed["url"]
        self._days = 0
        self._series = 0

    @classmethod
    def running(cls):
        with open(os.environ["ANTEROOM_DEMO"], encoding="utf-8") as file:
            return cls(json.load(file))

    def room(self, slug):
        return next(room for room in self.rooms if slug in (room.slug, room.name))

    def connected_room(self):
        """A room that Microsoft 365, a booking system and a full feed know."""
        return next(
            room for room in self.rooms if room.graph_mailbox and room.booking_profile and "full" in room.feeds
        )

    def connected_rooms(self):
        """One such room for each kind of booking system."""
        best = {}
        for room in self.rooms:
            if room.graph_mailbox and room.booking_profile and "full" in room.feeds:
                best.setdefault(room.booking_profile, room)
        return list(best.values())

    def bookings(self, room, start, end, title=None):
        return self.booking[room.booking_profile].bookings(room.booking_id, start, end, title)

    def free_hour(self):
        """The start of an hour that no other test uses: one at night in Oslo, each on a day of its own."""
        self._days += 1
        day = dt.datetime.now(ZONE).date() + dt.timedelta(days=30 + self._days)
        return dt.datetime.combine(day, dt.time(1), ZONE).astimezone(UTC)

    def free_series(self, weekday):
        """As `free_hour` for a weekly series from that weekday on (0 is Monday): an hour of the day of its own."""
        self._series += 1
        day = dt.datetime.now(ZONE).date() + dt.timedelta(days=30)
        day += dt.timedelta(days=(weekday - day.weekday()) % 7)
        return dt.datetime.combine(day, dt.time(2 + self._series), ZONE).astimezone(UTC)

    def dav(self, method, url, body=None, **headers):
        """One CalDAV request of the demo's user."""
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if url.startswith("/"):
            url = self.base_url + url
        data = body.encode() if isinstance(body, str) else body
        return requests.request(
            method, url, data=data, headers=headers, auth=(self.user, self.password), timeout=10, allow_redirects=False
        )

    @staticmethod
    def feed(room, detail="full", **headers):
        answer = requests.get(room.feeds[detail], headers=headers, timeout=10)
        assert answer.ok, f"feed: {answer.status_code}"
        return answer.text


def unique(title):
    """A title that no other event has."""
    return f"{title} {uuid.uuid4().hex[:8]}"


def stamp(when):
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def graph_time(when):
    return {"dateTime": when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S"), "timeZone": "UTC"}


def wall(when):
    return when.astimezone(ZONE).strftime("%Y-%m-%d %H:%M:%S")


def wall_time(text):
    """A wall-clock time of the booking system as an instant."""
    return dt.datetime.fromisoformat(text.replace("Z", "")[:19]).replace(tzinfo=ZONE).astimezone(UTC)


def parse_time(text):
    when = dt.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).astimezone(UTC)


def ics(uid, title, start, end, *lines, zone=None):
    """A calendar object with one event."""
    if zone is None:
        times = [f"DTSTART:{start.astimezone(UTC):%Y%m%dT%H%M%SZ}", f"DTEND:{end.astimezone(UTC):%Y%m%dT%H%M%SZ}"]
    else:
        local = ZoneInfo(zone)
        times = [
            f"DTSTART;TZID={zone}:{start.astimezone(local):%Y%m%dT%H%M%S}",
            f"DTEND;TZID={zone}:{end.astimezone(local):%Y%m%dT%H%M%S}",
        ]
    text = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Example//Conformance//EN",
        "BEGIN:VEVENT",
        f"UID:{uid}",
        "DTSTAMP:20260101T000000Z",
        *times,
        f"SUMMARY:{title}",
        *lines,
        "END:VEVENT",
        "END:VCALENDAR",
    ]
    return "\r\n".join(text) + "\r\n"
