"""Faults that other calendar servers were seen with, each as a check of this one.

Shown by tests of the source already, and not repeated here: a PROPPATCH that destroys a calendar (p4), a token of elsewhere
answered 207 (s3), a limit that loses members (s6), no expansion (r6), no free-busy (r10), no propname (p1).
"""

import datetime as dt
import email.utils
import http.client
import uuid
from urllib.parse import urlsplit
from xml.etree import ElementTree

import pytest
import requests
from area import Area, propstats
from demo import HOUR, UTC, Demo, ics

C = "urn:ietf:params:xml:ns:caldav"
CALENDAR = {"Content_Type": "text/calendar; charset=utf-8"}
XML = {"Content_Type": "application/xml; charset=utf-8"}


@pytest.fixture(scope="module")
def area():
    return Area(Demo.running(), "peers")


def event(*lines, uid=None):
    """A calendar object with just these lines beside its UID."""
    text = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Example//Peers//EN", "BEGIN:VEVENT", f"UID:{uid or uuid.uuid4()}"]
    text += [*lines, "SUMMARY:Peers", "END:VEVENT", "END:VCALENDAR"]
    return "\r\n".join(text) + "\r\n"


def stored(area, body, name=None, **headers):
    url = area.room + (name or f"{uuid.uuid4()}.ics")
    answer = area.ask("PUT", url, body, **(headers or CALENDAR))
    assert answer.status_code == 201, f"{answer.status_code} {answer.text}"
    return url


def query(area, start, end, data="<d:getetag/>", inner=""):
    body = (
        f'<c:calendar-query xmlns:d="DAV:" xmlns:c="{C}"><d:prop>{data}</d:prop>{inner}<c:filter><c:comp-filter '
        f'name="VCALENDAR"><c:comp-filter name="VEVENT"><c:time-range start="{start}" end="{end}"/></c:comp-filter>'
        "</c:comp-filter></c:filter></c:calendar-query>"
    )
    answer = area.ask("REPORT", area.room, body, Depth="1", **XML)
    assert answer.status_code == 207, answer.text
    return answer.text


def name_of(url):
    return url.rsplit("/", 1)[1]


class TestWhatIsTaken:
    def test_an_event_with_neither_end_nor_duration(self, area):
        """Cyrus refuses it; RFC 5545, 3.6.1 gives it no length, or one day."""
        moment = stored(area, event("DTSTAMP:20260101T000000Z", "DTSTART:20310301T100000Z"))
        day = stored(area, event("DTSTAMP:20260101T000000Z", "DTSTART;VALUE=DATE:20310305"))
        assert name_of(moment) in query(area, "20310301T100000Z", "20310301T110000Z")
        assert name_of(moment) not in query(area, "20310301T100001Z", "20310301T110000Z")
        assert name_of(day) in query(area, "20310305T120000Z", "20310305T130000Z")
        assert name_of(day) not in query(area, "20310306T120000Z", "20310306T130000Z")

    def test_an_event_without_dtstamp_comes_back_as_it_was_sent(self, area):
        body = event("DTSTART:20310302T100000Z", "DTEND:20310302T110000Z")
        assert area.ask("GET", stored(area, body)).content == body.encode()

    def test_a_chunked_body(self, area):
        """Radicale answers 400."""
        body = event("DTSTAMP:20260101T000000Z", "DTSTART:20310303T100000Z", "DURATION:PT1H").encode()
        url = f"{area.room}{uuid.uuid4()}.ics"
        pieces = iter([body[:50], body[50:51], body[51:]])
        answer = requests.put(url, data=pieces, headers={"Content-Type": "text/calendar"}, auth=area.auth, timeout=20)
        assert answer.status_code == 201, answer.text
        assert area.ask("GET", url).content == body

    @pytest.mark.parametrize(
        "kind",
        [None, "text/calendar;charset=utf-8;component=VEVENT", 'text/calendar; component="vevent"; charset="UTF-8"', "TEXT/CALENDAR"],
        ids=["none", "with component", "quoted", "capitals"],
    )
    def test_content_types_as_clients_send_them(self, area, kind):
        body = event("DTSTAMP:20260101T000000Z", "DTSTART:20310304T100000Z", "DURATION:PT1H")
        url, headers = f"{area.room}{uuid.uuid4()}.ics", {"Content_Type": kind} if kind else {}
        assert area.ask("PUT", url, body, **headers).status_code == 201

    def test_a_byte_order_mark(self, area):
        body = "\ufeff" + event("DTSTAMP:20260101T000000Z", "DTSTART:20310304T120000Z", "DURATION:PT1H")
        url = stored(area, body)
        assert "SUMMARY:Peers" in area.ask("GET", url).text

    def test_line_ends_of_one_octet(self, area):
        body = event("DTSTAMP:20260101T000000Z", "DTSTART:20310304T140000Z", "DURATION:PT1H").replace("\r\n", "\n")
        url = stored(area, body)
        assert "SUMMARY:Peers" in area.ask("GET", url).text


class TestWhatIsRefused:
    def test_one_uid_is_stored_once(self, area):
        """rustical stores it twice."""
        uid = uuid.uuid4()
        first = stored(area, ics(uid, "One", dt.datetime(2031, 4, 1, 10, tzinfo=UTC), dt.datetime(2031, 4, 1, 11, tzinfo=UTC)))
        again = ics(uid, "Two", dt.datetime(2031, 4, 2, 10, tzinfo=UTC), dt.datetime(2031, 4, 2, 11, tzinfo=UTC))
        answer = area.ask("PUT", f"{area.room}{uuid.uuid4()}.ics", again, **CALENDAR)
        assert answer.status_code in (403, 409)
        tree = ElementTree.fromstring(answer.content)
        assert tree.findtext(f"{{{C}}}no-uid-conflict/{{DAV:}}href") == urlsplit(first).path

    def test_depth_infinity_by_its_element(self, area):
        home = area.room.rsplit("/", 2)[0] + "/"
        answer = area.ask("PROPFIND", home, Depth="infinity")
        assert answer.status_code == 403
        assert ElementTree.fromstring(answer.content).find("{DAV:}propfind-finite-depth") is not None

    @pytest.mark.parametrize(
        ("data", "filters", "element"),
        [
            ('<c:calendar-data content-type="text/html"/>', '<c:comp-filter name="VCALENDAR"/>', "supported-calendar-data"),
            ('<c:calendar-data version="9.9"/>', '<c:comp-filter name="VCALENDAR"/>', "supported-calendar-data"),
            ("<d:getetag/>", '<c:comp-filter name="VTODO"/>', "valid-filter"),
            ("<d:getetag/>", '<c:comp-filter name="VCALENDAR"><c:time-range/></c:comp-filter>', "valid-filter"),
        ],
        ids=["media type", "version", "not VCALENDAR", "empty time-range"],
    )
    def test_bad_queries_by_their_element(self, area, data, filters, element):
        body = (
            f'<c:calendar-query xmlns:d="DAV:" xmlns:c="{C}"><d:prop>{data}</d:prop><c:filter>{filters}</c:filter>'
            "</c:calendar-query>"
        )
        answer = area.ask("REPORT", area.room, body, Depth="1", **XML)
        assert answer.status_code == 403, f"{answer.status_code} {answer.text}"
        assert ElementTree.fromstring(answer.content).find(f"{{{C}}}{element}") is not None, answer.text


class TestWhatIsAnswered:
    def test_one_dav_header_and_one_allow_header(self, area):
        """Cyrus sends several; some clients read the first."""
        address = urlsplit(area.room)
        link = http.client.HTTPConnection(address.netloc, timeout=20)
        link.request("OPTIONS", address.path, headers={"Authorization": requests.auth._basic_auth_str(*area.auth)})
        names = [name.lower() for name, _ in link.getresponse().getheaders()]
        link.close()
        assert (names.count("dav"), names.count("allow")) == (1, 1)

    def test_the_time_of_the_last_change_is_one_and_the_same(self, area):
        """Last-Modified of GET and HEAD is getlastmodified."""
        url = stored(area, event("DTSTAMP:20260101T000000Z", "DTSTART:20310401T100000Z", "DURATION:PT1H"))
        got = area.ask("GET", url).headers["Last-Modified"]
        assert area.ask("HEAD", url).headers["Last-Modified"] == got
        body = '<d:propfind xmlns:d="DAV:"><d:prop><d:getlastmodified/></d:prop></d:propfind>'
        ((element, status),) = propstats(area.ask("PROPFIND", url, body, Depth="0", **XML))
        assert (status, element.text) == (200, got)
        when = email.utils.parsedate_to_datetime(got)
        assert abs(dt.datetime.now(UTC) - when) < HOUR, "it was stored just now"

    def test_a_collection_is_one_calendar_or_405(self, area):
        """GET on a room: 405, or a calendar with a validator that holds, and the name of the room."""
        answer = area.ask("GET", area.room)
        if answer.status_code == 405:
            assert "GET" not in answer.headers["Allow"]
            return
        assert answer.status_code == 200 and answer.text.startswith("BEGIN:VCALENDAR")
        assert "X-WR-CALNAME:peers" in answer.text.replace("\r\n ", "")
        assert area.ask("GET", area.room, If_None_Match=answer.headers["ETag"]).status_code == 304

    def test_floating_times_are_those_of_the_query_s_zone(self, area):
        """RFC 4791, 9.8: CALDAV:timezone. Ten o'clock is at 15 UTC in New York in winter, at 9 UTC in Oslo."""
        url = stored(area, event("DTSTAMP:20260101T000000Z", "DTSTART:20310210T100000", "DTEND:20310210T110000"))
        zone = (
            "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VTIMEZONE\r\nTZID:America/New_York\r\nBEGIN:STANDARD\r\n"
            "DTSTART:20071104T020000\r\nRRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=1SU\r\nTZOFFSETFROM:-0400\r\nTZOFFSETTO:-0500\r\n"
            "END:STANDARD\r\nBEGIN:DAYLIGHT\r\nDTSTART:20070311T020000\r\nRRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=2SU\r\n"
            "TZOFFSETFROM:-0500\r\nTZOFFSETTO:-0400\r\nEND:DAYLIGHT\r\nEND:VTIMEZONE\r\nEND:VCALENDAR\r\n"
        )
        body = (
            f'<c:calendar-query xmlns:d="DAV:" xmlns:c="{C}"><d:prop><d:getetag/></d:prop><c:filter><c:comp-filter '
            'name="VCALENDAR"><c:comp-filter name="VEVENT"><c:time-range start="{0}" end="{1}"/></c:comp-filter>'
            f"</c:comp-filter></c:filter><c:timezone>{zone}</c:timezone></c:calendar-query>"
        )

        def found(start, end):
            answer = area.ask("REPORT", area.room, body.format(start, end), Depth="1", **XML)
            assert answer.status_code == 207, answer.text
            return name_of(url) in answer.text

        assert found("20310210T150000Z", "20310210T153000Z") and not found("20310210T090000Z", "20310210T093000Z")
        assert name_of(url) in query(area, "20310210T090000Z", "20310210T093000Z"), "without it, the zone of the room"

    def test_a_request_without_credentials_is_no_failed_sign_in(self, area):
        """Thunderbird sends its first PUT without credentials, again and again."""
        for _ in range(40):
            answer = requests.request("PROPFIND", area.room, headers={"Depth": "0"}, timeout=20)
            assert answer.status_code == 401 and "WWW-Authenticate" in answer.headers
        assert area.ask("PROPFIND", area.room, Depth="0").status_code == 207

    def test_open_ended_ranges_of_events(self, area):
        """caldav-server-tester judges them on tasks only."""
        url = stored(area, event("DTSTAMP:20260101T000000Z", "DTSTART:20320601T100000Z", "DURATION:PT2H"))

        def found(bounds):
            body = (
                f'<c:calendar-query xmlns:d="DAV:" xmlns:c="{C}"><d:prop><d:getetag/></d:prop><c:filter><c:comp-filter '
                f'name="VCALENDAR"><c:comp-filter name="VEVENT"><c:time-range {bounds}/></c:comp-filter></c:comp-filter>'
                "</c:filter></c:calendar-query>"
            )
            answer = area.ask("REPORT", area.room, body, Depth="1", **XML)
            assert answer.status_code == 207, answer.text
            return name_of(url) in answer.text

        assert found('start="20320601T110000Z"') and not found('start="20320601T120000Z"')
        assert found('end="20320601T110000Z"') and not found('end="20320601T100000Z"')
