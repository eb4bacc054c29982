"""Anteroom as a server of vdirsyncer's storage suite: laid into it as tests/storage/servers/anteroom.

Collections are rooms, made over REST: making calendars over DAV is not offered.
"""

import functools
import uuid

import pytest
from demo import Demo
from scratch import Scratch


@functools.cache
def guest():
    return Scratch(Demo.running()).guest(f"vdirsyncer-{uuid.uuid4().hex[:8]}")


class ServerMixin:
    @pytest.fixture
    def get_storage_args(self, aio_connector):
        async def inner(collection="test"):
            user = guest()
            args = {
                "url": user.scratch.demo.config["caldav_url"],
                "username": user.user,
                "password": user.password,
                "connector": aio_connector,
            }
            if collection is not None:
                room = user.room(f"{collection} {uuid.uuid4().hex[:8]}")
                args["url"] = room["url"]
                # The last part of the address; a name that is no part of an address stays.
                args["collection"] = room["slug"] if collection in room["slug"] else collection
            return args

        return inner
