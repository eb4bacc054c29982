"""A room of one's own and plain requests to it, for checks that speak WebDAV themselves."""

import uuid
from xml.etree import ElementTree

import requests
from demo import ics
from scratch import Scratch

NS = "http://example.com/neon/litmus/"


class Area:
    """A room of one's own, and requests to it."""

    def __init__(self, demo, name):
        guest = Scratch(demo).guest(f"{name}-{uuid.uuid4().hex[:6]}")
        self.auth = (guest.user, guest.password)
        self.room = guest.room(name)["url"]
        self.other = guest.room(f"{name} too")["url"]
        self.demo = demo

    def ask(self, method, url, body=None, **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        data = body.encode() if isinstance(body, str) else body
        return requests.request(method, url, data=data, headers=headers, auth=self.auth, timeout=20, allow_redirects=False)

    def event(self, uid=None):
        start = self.demo.free_hour()
        return ics(uid or uuid.uuid4(), "An event", start, start, "X-KEPT:1")

    def put(self, name, body=None):
        body = body or self.event()
        answer = self.ask("PUT", self.room + name, body, Content_Type="text/calendar")
        assert answer.status_code == 201, answer.text
        return self.room + name, body

    def offers(self, method, url):
        allowed = self.ask("OPTIONS", url).headers["Allow"]
        return method in [one.strip() for one in allowed.split(",")]

    def patch(self, url, updates):
        body = f'<?xml version="1.0" encoding="utf-8"?><propertyupdate xmlns="DAV:">{updates}</propertyupdate>'
        answer = self.ask("PROPPATCH", url, body, Content_Type="application/xml")
        assert answer.status_code == 207, f"{answer.status_code} {answer.text}"
        return statuses(answer)

    def get(self, url, *names, namespace=NS):
        """Value and status of properties of one resource."""
        asked = "".join(f'<{name} xmlns="{namespace}"/>' for name in names)
        body = f'<?xml version="1.0" encoding="utf-8"?><propfind xmlns="DAV:"><prop>{asked}</prop></propfind>'
        answer = self.ask("PROPFIND", url, body, Depth="0", Content_Type="application/xml")
        assert answer.status_code == 207, answer.text
        return values(answer)


def propstats(answer):
    tree = ElementTree.fromstring(answer.content)
    for stat in tree.iter("{DAV:}propstat"):
        status = int(stat.findtext("{DAV:}status").split()[1])
        for element in stat.find("{DAV:}prop"):
            yield element, status


def statuses(answer):
    return {element.tag: status for element, status in propstats(answer)}


def values(answer):
    return {element.tag: (status, element) for element, status in propstats(answer)}
