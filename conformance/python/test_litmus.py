"""The checks of litmus 0.13 (basic, copymove, props, http), request by request, on a room.

litmus itself cannot run: it makes its own collection with MKCOL and fills it with plain text, and rooms are made by
administrators and hold bookings. Each test here has litmus's name and expectation; bodies are calendar objects. COPY and
MOVE are tried where OPTIONS offers them, and must be 405 where it does not. `locks` is left out: LOCK is not offered.
"""

import http.client
import uuid
from urllib.parse import urlsplit
from xml.etree import ElementTree

import pytest
import requests
from area import NS, Area
from demo import Demo


def in_litmus(name):
    return f"{{{NS}}}{name}"


@pytest.fixture(scope="module")
def area():
    return Area(Demo.running(), "litmus")


@pytest.fixture(scope="module", params=["the room", "a booking in it"])
def target(request, area):
    """Where properties are set: on the collection, and on a member where PROPPATCH is offered there."""
    url = area.room if request.param == "the room" else area.put("props.ics")[0]
    if not area.offers("PROPPATCH", url):
        update = f'<propertyupdate xmlns="DAV:"><set><prop><x xmlns="{NS}"/></prop></set></propertyupdate>'
        assert area.ask("PROPPATCH", url, update, Content_Type="application/xml").status_code == 405
        pytest.skip(f"PROPPATCH is not offered on {request.param}, and is 405 there")
    return url


class TestBasic:
    def test_options(self, area):
        answer = area.ask("OPTIONS", area.room)
        assert answer.status_code == 200
        classes = [one.strip() for one in answer.headers["DAV"].split(",")]
        assert "1" in classes and "2" not in classes

    def test_put_get(self, area):
        url, body = area.put("res.ics")
        assert area.ask("GET", url).content == body.encode()

    def test_put_get_utf8_segment(self, area):
        url, body = area.put("res-%e2%82%ac.ics")
        assert area.ask("GET", url).content == body.encode()
        assert area.ask("GET", area.room + "res-%E2%82%AC.ics").status_code == 200

    def test_put_no_parent(self, area):
        answer = area.ask("PUT", area.room + "no/such/parent.ics", area.event(), Content_Type="text/calendar")
        assert answer.status_code == 409

    def test_mkcol_over_plain(self, area):
        url, _ = area.put("plain.ics")
        assert area.ask("MKCOL", url).status_code in (403, 405)
        assert area.ask("GET", url).status_code == 200

    def test_delete(self, area):
        url, _ = area.put("gone.ics")
        assert area.ask("DELETE", url).status_code == 204
        assert area.ask("GET", url).status_code == 404

    def test_delete_null(self, area):
        assert area.ask("DELETE", area.room + "404me.ics").status_code == 404

    def test_delete_fragment(self, area):
        url, _ = area.put("frag.ics")
        address = urlsplit(url)
        link = http.client.HTTPConnection(address.netloc, timeout=20)
        token = requests.auth._basic_auth_str(*area.auth)
        link.request("DELETE", address.path + "#ment", headers={"Authorization": token})
        status = link.getresponse().status
        link.close()
        if status == 204:
            pytest.skip("litmus only warns: the HTTP library cuts the fragment off before anybody can see it")
        assert 400 <= status < 500 and area.ask("GET", url).status_code == 200

    def test_mkcol(self, area):
        """litmus makes collections; here that is refused in every form, and leaves nothing."""
        for method in ("MKCOL", "MKCALENDAR"):
            for place in (area.room + "coll/", area.room.rsplit("/", 2)[0] + "/new-one/"):
                answer = area.ask(method, place)
                assert answer.status_code == 403, f"{method} {place}: {answer.status_code}"
                assert area.ask("PROPFIND", place, Depth="0").status_code == 404

    def test_mkcol_is_forbidden_where_nothing_is(self, area):
        """RFC 4918, 9.3.1: 403 where no collection may be made, 405 where something is."""
        assert area.ask("MKCOL", area.room + "coll/").status_code == 403

    def test_mkcol_again(self, area):
        assert area.ask("MKCOL", area.room).status_code in (403, 405)

    def test_mkcol_no_parent(self, area):
        assert area.ask("MKCOL", area.room + "409me/noparent/").status_code in (403, 409)

    def test_mkcol_with_body(self, area):
        answer = area.ask("MKCOL", area.room + "mkcolbody", "afafafaf", Content_Type="xzy-foo/bar-512")
        assert answer.status_code in (403, 405, 415)

    def test_delete_coll(self, area):
        assert area.ask("DELETE", area.room).status_code == 403
        assert area.ask("PROPFIND", area.room, Depth="0").status_code == 207


class TestCopyMove:
    """Both are offered together or not at all."""

    @pytest.fixture(autouse=True)
    def source(self, area):
        self.area = area
        self.url, self.body = area.put(f"{uuid.uuid4()}.ics")
        self.offered = area.offers("COPY", self.url)
        assert area.offers("MOVE", self.url) == self.offered

    def transfer(self, method, destination, overwrite="F"):
        answer = self.area.ask(method, self.url, Destination=destination, Overwrite=overwrite)
        if not self.offered:
            assert answer.status_code == 405, f"{method} is not offered and was answered {answer.status_code}"
            assert self.area.ask("GET", destination).status_code == 404
            assert self.area.ask("GET", self.url).content == self.body.encode()
            pytest.skip(f"{method} is not offered, and is 405")
        return answer.status_code

    def elsewhere(self):
        return f"{self.area.other}{uuid.uuid4()}.ics"

    def test_copy_simple(self):
        destination = self.elsewhere()
        assert self.transfer("COPY", destination) in (201, 204)
        assert self.area.ask("GET", destination).status_code == 200
        assert self.area.ask("GET", self.url).status_code == 200

    def test_copy_overwrite(self):
        destination = self.elsewhere()
        assert self.transfer("COPY", destination) == 201
        assert self.transfer("COPY", destination) == 412
        assert self.transfer("COPY", destination, "T") == 204

    def test_copy_nodestcoll(self):
        assert self.transfer("COPY", self.area.other + "nonesuch/foo.ics") in (400, 403, 404, 409)

    def test_copy_coll(self):
        answer = self.area.ask("COPY", self.area.room, Destination=self.area.other.rstrip("/") + "-again/")
        assert answer.status_code in (403, 405), "rooms are made by administrators"

    def test_move(self):
        destination = self.elsewhere()
        assert self.transfer("MOVE", destination) == 201
        assert self.area.ask("GET", self.url).status_code == 404
        assert self.area.ask("GET", destination).content == self.body.encode()

    def test_move_overwrite(self):
        destination = self.elsewhere()
        assert self.transfer("MOVE", destination) == 201
        self.url, self.body = self.area.put(f"{uuid.uuid4()}.ics")
        assert self.transfer("MOVE", destination) == 412
        assert self.area.ask("GET", self.url).status_code == 200

    def test_move_coll(self):
        answer = self.area.ask("MOVE", self.area.room, Destination=self.area.other.rstrip("/") + "-moved/")
        assert answer.status_code in (403, 405)
        assert self.area.ask("PROPFIND", self.area.room, Depth="0").status_code == 207


class TestProps:
    def test_propfind_invalid(self, area):
        assert area.ask("PROPFIND", area.room, "<foo>", Depth="0").status_code == 400

    def test_propfind_invalid2(self, area):
        body = '<D:propfind xmlns:D="DAV:"><D:prop><bar:foo xmlns:bar=""/></D:prop></D:propfind>'
        assert area.ask("PROPFIND", area.room, body, Depth="0").status_code == 400

    def test_propfind_d0(self, area):
        answer = area.ask("PROPFIND", area.room, Depth="0")
        tree = ElementTree.fromstring(answer.content)
        hrefs = [href.text for href in tree.findall("{DAV:}response/{DAV:}href")]
        assert hrefs == [urlsplit(area.room).path]
        assert tree.find(".//{DAV:}resourcetype/{DAV:}collection") is not None

    def test_propset_propget(self, area, target):
        sets = "".join(f'<set><prop><prop{n} xmlns="{NS}">value{n}</prop{n}></prop></set>' for n in range(10))
        assert set(area.patch(target, sets).values()) == {200}
        found = area.get(target, *(f"prop{n}" for n in range(10)))
        assert {tag: element.text for tag, (_, element) in found.items()} == {
            in_litmus(f"prop{n}"): f"value{n}" for n in range(10)
        }

    def test_propextended(self, area, target):
        body = '<?xml version="1.0"?><propfind xmlns="DAV:"><foobar/><allprop/></propfind>'
        assert area.ask("PROPFIND", target, body, Depth="0", Content_Type="application/xml").status_code == 207

    def test_propdeletes(self, area, target):
        area.patch(target, f'<set><prop><gone xmlns="{NS}">x</gone></prop></set>')
        assert area.patch(target, f'<remove><prop><gone xmlns="{NS}"/></prop></remove>') == {in_litmus("gone"): 200}
        assert area.get(target, "gone")[in_litmus("gone")][0] == 404

    def test_propreplace(self, area, target):
        for value in ("first", "second"):
            area.patch(target, f'<set><prop><again xmlns="{NS}">{value}</again></prop></set>')
        assert area.get(target, "again")[in_litmus("again")][1].text == "second"

    def test_propnullns(self, area, target):
        assert area.patch(target, '<set><prop><nonamespace xmlns="">randomvalue</nonamespace></prop></set>') == {
            "nonamespace": 200
        }
        assert area.get(target, "nonamespace", namespace="")["nonamespace"][1].text == "randomvalue"

    def test_prophighunicode(self, area, target):
        area.patch(target, f'<set><prop><high-unicode xmlns="{NS}">&#65536;</high-unicode></prop></set>')
        assert area.get(target, "high-unicode")[in_litmus("high-unicode")][1].text == "\U00010000"

    def test_propremoveset(self, area, target):
        updates = f'<remove><prop><removeset xmlns="{NS}"/></prop></remove>'
        updates += f'<set><prop><removeset xmlns="{NS}">x</removeset></prop></set>'
        updates += f'<set><prop><removeset xmlns="{NS}">y</removeset></prop></set>'
        area.patch(target, updates)
        assert area.get(target, "removeset")[in_litmus("removeset")][1].text == "y"

    def test_propsetremove(self, area, target):
        updates = f'<set><prop><removeset xmlns="{NS}">x</removeset></prop></set>'
        area.patch(target, updates + f'<remove><prop><removeset xmlns="{NS}"/></prop></remove>')
        assert area.get(target, "removeset")[in_litmus("removeset")][0] == 404

    def test_propvalnspace(self, area, target):
        area.patch(target, f'<set><prop><t:valnspace xmlns:t="{NS}"><foo xmlns="http://bar"/></t:valnspace></prop></set>')
        value = area.get(target, "valnspace")[in_litmus("valnspace")][1]
        assert [child.tag for child in value] == ["{http://bar}foo"], "propwformed: it parses, and says the same"

    def test_propmanyns(self, area, target):
        spaces = [f"http://example.com/kappa{n}" for n in range(10)]
        area.patch(target, "".join(f'<set><prop><somename xmlns="{one}">manynsvalue</somename></prop></set>' for one in spaces))
        for one in spaces:
            assert area.get(target, "somename", namespace=one)[f"{{{one}}}somename"][1].text == "manynsvalue"

    def test_propmove(self, area):
        url, _ = area.put(f"{uuid.uuid4()}.ics")
        if not (area.offers("MOVE", url) and area.offers("PROPPATCH", url)):
            pytest.skip("properties of bookings or MOVE are not offered")
        area.patch(url, f'<set><prop><moved xmlns="{NS}">x</moved></prop></set>')
        destination = f"{area.other}{uuid.uuid4()}.ics"
        assert area.ask("MOVE", url, Destination=destination).status_code == 201
        assert area.get(destination, "moved")[in_litmus("moved")][1].text == "x"

    def test_protected_properties_stay(self, area, target):
        """litmus has none of these; servers have lost calendars by it."""
        before = area.ask("PROPFIND", area.room, Depth="0").text.count("calendar")
        found = area.patch(target, f'<set><prop><resourcetype/><other xmlns="{NS}">x</other></prop></set>')
        assert found == {"{DAV:}resourcetype": 403, in_litmus("other"): 424}
        assert area.get(target, "other")[in_litmus("other")][0] == 404
        assert area.ask("PROPFIND", area.room, Depth="0").text.count("calendar") == before


class TestHttp:
    def test_expect100(self, area):
        body = area.event().encode()
        address = urlsplit(area.room)
        link = http.client.HTTPConnection(address.netloc, timeout=20)
        link.putrequest("PUT", address.path + "expect.ics")
        for name, value in (
            ("Authorization", requests.auth._basic_auth_str(*area.auth)),
            ("Content-Type", "text/calendar"),
            ("Content-Length", str(len(body))),
            ("Expect", "100-continue"),
        ):
            link.putheader(name, value)
        link.endheaders()
        interim = link.sock.recv(4096)
        assert interim.startswith(b"HTTP/1.1 100"), interim
        link.send(body)
        assert link.getresponse().status == 201
        link.close()
