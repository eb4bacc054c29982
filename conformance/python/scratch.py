"""Rooms and people of their own for suites that book, wipe and overlap as they please.

A suite that others wrote must not touch the rooms of the demonstration: made for one owner, it deletes what it finds.
Each gets a user who sees nothing but rooms made for it, in which bookings may lie over each other.

    scratch.py LOGIN ROOM...    makes user and rooms, prints a line of JSON: base_url, caldav_url, user, password, rooms
"""

import json
import sys
from dataclasses import dataclass
from urllib.parse import quote

import requests
from demo import Demo


@dataclass
class Guest:
    """A user who sees the rooms made for it and nothing else."""

    scratch: "Scratch"
    user: str
    password: str

    def room(self, name, privilege="write", **more):
        """A new room in which this user may do that: its slug, name and address."""
        return self.scratch.room(name, self.user, privilege, **more)


class Scratch:
    """What an administrator does over REST."""

    def __init__(self, demo):
        self.demo = demo
        self.base = f"{demo.base_url}/v1/tenants/{demo.config['tenant']}"
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {demo.config['api_key']}"

    def call(self, method, path, body):
        answer = self.session.request(method, self.base + path, json=body, timeout=20)
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text[:300]}"
        return answer.json()

    def guest(self, login):
        """A new user with a password."""
        self.call("POST", "/principals", {"login": login, "email": f"{login}@example.org"})
        secret = self.call("POST", f"/principals/{quote(login)}/passwords", {"label": "conformance"})
        return Guest(self, login, secret["secret"])

    def room(self, name, login, privilege, **more):
        """A new room, by default one in which bookings may lie over each other."""
        room = self.call("POST", "/rooms", {"name": name, "allow_overlaps": True, **more})
        self.call("PUT", "/grants", {"login": login, "room": room["slug"], "privilege": privilege})
        slug = room["slug"]
        return {"slug": slug, "name": name, "url": f"{self.demo.base_url}/dav/{self.demo.config['tenant']}/rooms/{slug}/"}


def main(login, *names):
    demo = Demo.running()
    guest = Scratch(demo).guest(login)
    rooms = [guest.room(name) for name in names]
    sheet = {
        "base_url": demo.base_url,
        "caldav_url": demo.config["caldav_url"],
        "user": guest.user,
        "password": guest.password,
        "rooms": rooms,
    }
    print(json.dumps(sheet))


if __name__ == "__main__":
    main(*sys.argv[1:])
