"""Evolution's data server with one CalDAV calendar, driven by lines of JSON: the side that has its libraries.

Runs in a D-Bus session of its own, under the Python that has GObject introspection. First line: the account. Then one line a
wish, {"do": ..., ...}; each is answered with {"ok": value} or {"error": sentence}.
"""

import json
import sys
from urllib.parse import urlsplit

import gi

gi.require_version("ECal", "2.0")
gi.require_version("EDataServer", "1.2")
gi.require_version("ICalGLib", "3.0")
from gi.repository import ECal, EDataServer, GLib, ICalGLib  # noqa: E402

CONNECT_S = 60


class Calendar:
    def __init__(self, account):
        self.account = account
        self.registry = EDataServer.SourceRegistry.new_sync(None)
        self.source = self.made_source()
        self.client = self.connected()

    def made_source(self):
        address = urlsplit(self.account["url"])
        source = EDataServer.Source.new(None, None)
        source.set_display_name("Room")
        source.set_parent("caldav-stub")
        source.get_extension(EDataServer.SOURCE_EXTENSION_CALENDAR).set_backend_name("caldav")
        login = source.get_extension(EDataServer.SOURCE_EXTENSION_AUTHENTICATION)
        login.set_host(address.hostname)
        login.set_port(address.port)
        login.set_user(self.account["user"])
        login.set_method("plain/password")
        source.get_extension(EDataServer.SOURCE_EXTENSION_SECURITY).set_method("none")
        dav = source.get_extension(EDataServer.SOURCE_EXTENSION_WEBDAV_BACKEND)
        dav.set_resource_path(address.path)
        source.get_extension(EDataServer.SOURCE_EXTENSION_REFRESH).set_enabled(False)
        self.registry.commit_source_sync(source, None)
        return self.registry.ref_source(source.get_uid())

    def connected(self):
        """Opens the calendar and gives the password when the server asks for it."""
        loop, result = GLib.MainLoop(), {}

        def asked(source, *_):
            credentials = EDataServer.NamedParameters.new()
            credentials.set(EDataServer.SOURCE_CREDENTIAL_USERNAME, self.account["user"])
            credentials.set(EDataServer.SOURCE_CREDENTIAL_PASSWORD, self.account["password"])
            source.invoke_authenticate_sync(credentials, None)

        def opened(_, answer):
            try:
                result["client"] = ECal.Client.connect_finish(answer)
            except GLib.Error as error:
                result["error"] = error
            loop.quit()

        self.source.connect("credentials-required", asked)
        ECal.Client.connect(self.source, ECal.ClientSourceType.EVENTS, CONNECT_S, None, opened)
        GLib.timeout_add_seconds(CONNECT_S + 10, loop.quit)
        loop.run()
        if "client" not in result:
            raise RuntimeError(f"the calendar did not open: {result.get('error')}")
        return result["client"]

    def components(self):
        _, found = self.client.get_object_list_sync("#t", None)
        return found

    def find(self, title):
        found = [one for one in self.components() if one.get_summary() == title]
        if not found:
            raise RuntimeError(f"there is no {title!r}")
        return found[0]

    def do_titles(self, _):
        return [one.get_summary() for one in self.components()]

    def do_refresh(self, _):
        return self.client.refresh_sync(None)

    def do_writable(self, _):
        # What the server said about itself comes as a signal.
        context = GLib.MainContext.default()
        while context.pending():
            context.iteration(False)
        return not self.client.is_readonly()

    def do_add(self, wish):
        whole = ICalGLib.Component.new_from_string(wish["ics"])
        event = whole.get_first_component(ICalGLib.ComponentKind.VEVENT_COMPONENT)
        _, uid = self.client.create_object_sync(event, ECal.OperationFlags.NONE, None)
        return uid

    def do_rename(self, wish):
        event = self.find(wish["title"])
        event.set_summary(wish["after"])
        return self.client.modify_object_sync(event, ECal.ObjModType.ALL, ECal.OperationFlags.NONE, None)

    def do_remove(self, wish):
        uid = self.find(wish["title"]).get_uid()
        return self.client.remove_object_sync(uid, None, ECal.ObjModType.ALL, ECal.OperationFlags.NONE, None)


def say(value):
    print(json.dumps(value), flush=True)


def main():
    try:
        calendar = Calendar(json.loads(sys.stdin.readline()))
    except (RuntimeError, GLib.Error) as error:
        return say({"error": str(error)})
    say({"ok": "open"})
    for line in sys.stdin:
        wish = json.loads(line)
        try:
            say({"ok": getattr(calendar, "do_" + wish["do"])(wish)})
        except (RuntimeError, GLib.Error) as error:
            say({"error": str(error)})


if __name__ == "__main__":
    main()
