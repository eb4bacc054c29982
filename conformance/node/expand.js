// ical.js expanding calendars. Reads one line of JSON for each, {"text", "from", "to"} with milliseconds, and writes the
// instances that start inside: UID to a sorted list of starts in milliseconds.

const path = require("node:path");
const readline = require("node:readline");
const { createRequire } = require("node:module");

const load = createRequire(path.join(process.env.NODE_FOLDER, "package.json"));
const loaded = load("ical.js");
const ICAL = loaded.default ?? loaded;

function starts(master, { from, to }) {
  if (!master.isRecurring()) {
    return [master.startDate.toUnixTime() * 1000].filter((start) => start >= from && start < to);
  }
  const found = new Set();
  const iterator = master.iterator();
  // A moved instance may come earlier than its place in the series.
  const late = to + 40 * 86_400_000;
  for (let next = iterator.next(); next && next.toUnixTime() * 1000 < late; next = iterator.next()) {
    const start = master.getOccurrenceDetails(next).startDate.toUnixTime() * 1000;
    if (start >= from && start < to) found.add(start);
  }
  return [...found].sort((a, b) => a - b);
}

function expand(wish) {
  const calendar = new ICAL.Component(ICAL.parse(wish.text));
  for (const zone of calendar.getAllSubcomponents("vtimezone")) {
    ICAL.TimezoneService.register(new ICAL.Timezone(zone));
  }
  const events = calendar.getAllSubcomponents("vevent");
  const uid = (event) => event.getFirstPropertyValue("uid");
  const found = {};
  for (const master of events.filter((event) => !event.hasProperty("recurrence-id"))) {
    const exceptions = events.filter((event) => uid(event) === uid(master) && event.hasProperty("recurrence-id"));
    found[uid(master)] = starts(new ICAL.Event(master, { exceptions, strictExceptions: true }), wish);
  }
  return found;
}

readline
  .createInterface({ input: process.stdin })
  .on("line", (line) => console.log(JSON.stringify(expand(JSON.parse(line)))));
