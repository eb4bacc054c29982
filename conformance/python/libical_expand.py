"""libical expanding calendars, under the Python that has GObject introspection.

Reads one line of JSON for each calendar, {"text", "from", "to"} with milliseconds, and writes the instances that start
inside: UID to a sorted list of starts in milliseconds. libical expands a component by its own RRULE, RDATE and EXDATE;
instances that are told by components of their own are for its users to see to.
"""

import json
import sys

import gi

gi.require_version("ICalGLib", "3.0")
from gi.repository import ICalGLib as ical  # noqa: E402

RECURRENCE_ID = ical.PropertyKind.RECURRENCEID_PROPERTY
DTSTART = ical.PropertyKind.DTSTART_PROPERTY
# A moved instance may come earlier or later than its place in the series.
MARGIN_MS = 40 * 86_400_000


def events(calendar):
    event = calendar.get_first_component(ical.ComponentKind.VEVENT_COMPONENT)
    while event:
        yield event
        event = calendar.get_next_component(ical.ComponentKind.VEVENT_COMPONENT)


def instant(calendar, prop):
    """A time in milliseconds, in the zone its property names."""
    zone = prop.get_first_parameter(ical.ParameterKind.TZID_PARAMETER)
    time = ical.Time.new_from_string(prop.get_value_as_string())
    found = calendar.get_timezone(zone.get_tzid()) if zone else ical.Timezone.get_utc_timezone()
    return time.as_timet_with_zone(found) * 1000


def properties(event, kind):
    prop = event.get_first_property(kind)
    while prop:
        yield prop
        prop = event.get_next_property(kind)


def own(calendar, event, wish):
    """The starts a component has by itself."""
    utc = ical.Timezone.get_utc_timezone()

    def time(ms):
        return ical.Time.new_from_timet_with_zone(ms // 1000, 0, utc)

    # An RDATE in a zone is read as if it were in UTC there; it is added here instead.
    added = list(properties(event, ical.PropertyKind.RDATE_PROPERTY))
    dates = {instant(calendar, prop) for prop in added}
    for prop in added:
        event.remove_property(prop)
    found = set()
    event.foreach_recurrence(
        time(wish["from"] - MARGIN_MS), time(wish["to"] + MARGIN_MS), lambda _, span, *rest: found.add(span.get_start() * 1000)
    )
    return found | dates


def expand(wish):
    calendar = ical.Component.new_from_string(wish["text"])
    every = list(events(calendar))
    changed = [event for event in every if event.get_first_property(RECURRENCE_ID)]
    found = {}
    for master in every:
        if master.get_first_property(RECURRENCE_ID):
            continue
        uid = master.get_uid()
        starts = own(calendar, master, wish)
        own_changes = [event for event in changed if event.get_uid() == uid]
        starts -= {instant(calendar, next(properties(event, RECURRENCE_ID))) for event in own_changes}
        starts |= {instant(calendar, next(properties(event, DTSTART))) for event in own_changes}
        found[uid] = sorted(start for start in starts if wish["from"] <= start < wish["to"])
    return found


for line in sys.stdin:
    print(json.dumps(expand(json.loads(line))), flush=True)
