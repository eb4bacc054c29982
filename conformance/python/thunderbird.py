"""A Thunderbird of its own: a fresh profile with calendars, started on a display nobody sees, spoken to by Marionette.

What is run inside is the code that the windows of Thunderbird run themselves: `calendar.addItem`, `refresh` and so on.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import uuid
from pathlib import Path

HERE = Path(__file__).parent
START_S = 90.0
SCRIPT_S = 40.0

# No wizard, no account, no network of its own, no questions.
QUIET = {
    "mail.provider.suppress_dialog_on_startup": True,
    "mail.spotlight.firstRunDone": True,
    "mail.winsearch.firstRunDone": True,
    "mail.shell.checkDefaultClient": False,
    "mail.rights.version": 1,
    "mailnews.start_page.enabled": False,
    "mail.accountmanager.accounts": "account1",
    "mail.accountmanager.localfoldersserver": "server1",
    "mail.account.account1.server": "server1",
    "mail.server.server1.type": "none",
    "mail.server.server1.hostname": "Local Folders",
    "mail.server.server1.name": "Local Folders",
    "mail.server.server1.userName": "nobody",
    "app.update.enabled": False,
    "app.donation.eoy.version": 999,
    "app.normandy.enabled": False,
    "browser.safebrowsing.malware.enabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "datareporting.policy.dataSubmissionPolicyBypassNotification": True,
    "extensions.update.enabled": False,
    "extensions.getAddons.cache.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "data:,#remote-settings-dummy/v1",
    "toolkit.telemetry.enabled": False,
    "calendar.alarms.show": False,
    "calendar.timezone.local": "Europe/Oslo",
    "calendar.timezone.useSystemTimezone": False,
    "messenger.options.getAttentionOnNewMessages": False,
}


def program():
    """Where Thunderbird and its libraries are; None where it is not installed."""
    found = shutil.which("thunderbird")
    if not found:
        return None
    folders = [Path(found).resolve().parent, Path("/usr/lib/thunderbird"), Path("/usr/lib64/thunderbird")]
    libraries = next((folder for folder in folders if (folder / "libnss3.so").exists()), None)
    return (found, libraries) if libraries else None


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Marionette:
    """The remote protocol of Mozilla programs: `LENGTH:JSON` over TCP."""

    def __init__(self, port, alive):
        self.alive = alive
        self.stream = self.connected(port)
        self.buffer = b""
        self.number = 0
        self.read()  # the greeting
        self.ask("WebDriver:NewSession", {})
        self.ask("Marionette:SetContext", {"value": "chrome"})
        self.ask("WebDriver:SetTimeouts", {"script": int(SCRIPT_S * 1000)})

    def connected(self, port):
        deadline = time.monotonic() + START_S
        while True:
            try:
                stream = socket.create_connection(("127.0.0.1", port), timeout=SCRIPT_S + 20)
                return stream
            except OSError:
                assert self.alive(), "Thunderbird ended before it was ready"
                assert time.monotonic() < deadline, f"Thunderbird did not listen within {START_S:g} s"
                time.sleep(0.2)

    def read(self):
        while b":" not in self.buffer:
            self.more()
        length, rest = self.buffer.split(b":", 1)
        while len(rest) < int(length):
            self.buffer = rest
            self.more()
            rest = self.buffer
        self.buffer = rest[int(length) :]
        return json.loads(rest[: int(length)])

    def more(self):
        octets = self.stream.recv(65536)
        assert octets, "Thunderbird closed the connection"
        self.buffer += octets

    def ask(self, command, parameters):
        self.number += 1
        text = json.dumps([0, self.number, command, parameters]).encode()
        self.stream.sendall(b"%d:%s" % (len(text), text))
        _, number, error, value = self.read()
        assert number == self.number and error is None, f"{command}: {error}"
        return value

    def run(self, script, *arguments):
        """The value of an async function's body; `cal` is Thunderbird's calendar library."""
        body = (
            'const { cal } = ChromeUtils.importESModule("resource:///modules/calendar/calUtils.sys.mjs");'
            'const { CalEvent } = ChromeUtils.importESModule("resource:///modules/CalEvent.sys.mjs");'
            "const at = arguments; return (async () => {" + script + "})();"
        )
        answer = self.ask("WebDriver:ExecuteScript", {"script": body, "args": list(arguments), "sandbox": "system"})
        return answer["value"]


class Calendar:
    """One calendar of the running Thunderbird."""

    FIND = "const c = cal.manager.getCalendarById(at[0]); "
    ITEMS = FIND + "const items = await c.getItemsAsArray(Ci.calICalendar.ITEM_FILTER_ALL_ITEMS, 0, null, null); "
    ITEM = ITEMS + "const item = items.find(i => i.title == at[1]); if (!item) return null; "
    OCCURRENCE = ITEM + (
        "const from = item.startDate.clone(); const until = from.clone(); until.year += 2;"
        "const one = item.recurrenceInfo.getOccurrences(from, until, 0)[at[2]]; "
    )

    def __init__(self, bird, name, kind, uri, user=None):
        self.bird, self.id, self.name, self.kind, self.uri, self.user = bird, str(uuid.uuid4()), name, kind, uri, user

    def prefs(self):
        base = f"calendar.registry.{self.id}"
        found = {
            f"{base}.type": self.kind,
            f"{base}.uri": self.uri,
            f"{base}.name": self.name,
            f"{base}.cache.enabled": True,
            f"{base}.calendar-main-in-composite": True,
            f"{base}.refreshInterval": "0",
        }
        if self.user:
            found[f"{base}.username"] = self.user
        return found

    def run(self, script, *arguments):
        return self.bird.remote.run(script, self.id, *arguments)

    def refresh(self):
        self.run(self.FIND + "c.refresh(); return true;")

    def titles(self):
        return self.run(self.ITEMS + "return items.map(i => i.title);")

    def is_read_only(self):
        return self.run(self.FIND + "return c.readOnly;")

    def add(self, ics):
        return self.run(self.FIND + "const item = await c.addItem(new CalEvent(at[1])); return item.id;", ics)

    def rename(self, title, after):
        script = self.ITEM + "const changed = item.clone(); changed.title = at[2]; await c.modifyItem(changed, item); return true;"
        return self.run(script, title, after)

    def move_one(self, title, number, minutes):
        """Moves one occurrence of a series, counted from 0."""
        script = self.OCCURRENCE + (
            "const moved = one.clone(); const by = cal.createDuration(); by.minutes = at[3];"
            "for (const edge of ['startDate', 'endDate']) { const t = one[edge].clone(); t.addDuration(by); moved[edge] = t; }"
            "const changed = item.clone(); changed.recurrenceInfo.modifyException(moved, true);"
            "await c.modifyItem(changed, item); return true;"
        )
        return self.run(script, title, number, minutes)

    def drop_one(self, title, number):
        """Deletes one occurrence of a series."""
        script = self.OCCURRENCE + (
            "const changed = item.clone(); changed.recurrenceInfo.removeOccurrenceAt(one.recurrenceId);"
            "await c.modifyItem(changed, item); return true;"
        )
        return self.run(script, title, number)

    def remove(self, title):
        return self.run(self.ITEM + "await c.deleteItem(item); return true;", title)


class Thunderbird:
    """A running Thunderbird; everything of it is in one folder, and it ends with `stop`."""

    def __init__(self, folder, realm):
        self.folder, self.realm = Path(folder), realm
        self.program, self.libraries = program()
        self.calendars, self.logins, self.processes = [], [], []
        self.profile = self.folder / "profile"
        self.profile.mkdir(parents=True)
        self.remote = self.display = None

    def calendar(self, name, kind, uri, user=None):
        made = Calendar(self, name, kind, uri, user)
        self.calendars.append(made)
        return made

    def login(self, origin, user, password):
        self.logins.append({"origin": origin, "realm": self.realm, "user": user, "password": password})

    def environment(self):
        return {**os.environ, "HOME": str(self.folder), "MOZ_CRASHREPORTER_DISABLE": "1", "TZ": "Europe/Oslo"}

    def write(self, port):
        prefs = {**QUIET, "marionette.port": port}
        for calendar in self.calendars:
            prefs.update(calendar.prefs())
        prefs["calendar.list.sortOrder"] = " ".join(calendar.id for calendar in self.calendars)
        lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in prefs.items()]
        (self.profile / "prefs.js").write_text("\n".join(lines) + "\n", encoding="utf-8")
        # The library must be found before the process begins.
        environment = {**os.environ, "LD_LIBRARY_PATH": str(self.libraries)}
        command = [sys.executable, str(HERE / "nss_logins.py"), str(self.profile), str(self.libraries)]
        subprocess.run(command, input=json.dumps(self.logins), text=True, env=environment, check=True, timeout=30)

    def start_display(self):
        """A display of its own, whose number the X server chooses."""
        if not shutil.which("Xvfb"):
            return None
        reader, writer = os.pipe()
        command = ["Xvfb", "-displayfd", str(writer), "-screen", "0", "1600x900x24", "-nolisten", "tcp"]
        with open(self.folder / "xvfb.log", "wb") as log:
            self.processes.append(subprocess.Popen(command, pass_fds=[writer], stdout=log, stderr=log))
        os.close(writer)
        with os.fdopen(reader) as answer:
            number = answer.readline().strip()
        assert number, "Xvfb did not start: " + (self.folder / "xvfb.log").read_text(errors="replace")[-400:]
        return f":{number}"

    def start(self):
        port = free_port()
        self.write(port)
        self.display = self.start_display()
        environment = self.environment()
        command = [self.program, "-no-remote", "-profile", str(self.profile), "-marionette"]
        command += ["-remote-allow-system-access", "-calendar"]
        if self.display:
            environment["DISPLAY"] = self.display
        else:
            command.append("--headless")
        with open(self.folder / "log", "wb") as log:
            bird = subprocess.Popen(command, env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        self.processes.append(bird)
        self.remote = Marionette(port, lambda: bird.poll() is None)

    def find_calendars(self, location, user, password):
        """What "New Calendar, On the Network, Find Calendars" offers: name, type, address, read-only."""
        script = (
            "const found = await cal.provider.detection.detect(at[1], at[2], at[0], false, [], {});"
            "return [...found.values()].flat().map(c => [c.name, c.type, c.uri.spec, c.readOnly]);"
        )
        return self.remote.run(script, location, user, password)

    def show(self, day):
        """Turns the week of that day up in the whole window."""
        script = (
            'const w = Services.wm.getMostRecentWindow("mail:3pane"); w.moveTo(0, 0); w.resizeTo(1600, 900);'
            'Services.prefs.setIntPref("calendar.view.daystarthour", 8);'
            "w.currentView().goToDay(cal.createDateTime(at[0])); return true;"
        )
        self.remote.run(script, f"{day:%Y%m%dT000000}")

    def shown(self):
        """The words that the week on the screen shows."""
        return self.remote.run('return Services.wm.getMostRecentWindow("mail:3pane").currentView().textContent;')

    def picture(self, path):
        """What the window shows."""
        subprocess.run(
            ["import", "-display", self.display, "-window", "root", str(path)], check=True, timeout=60, env=self.environment()
        )

    def stop(self):
        for process in reversed(self.processes):
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(15)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait(15)
