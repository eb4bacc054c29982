// tsdav, the client inside many web calendars, in ten steps against the room that all systems of the demo know.

const fs = require("node:fs");
const path = require("node:path");
const { createRequire } = require("node:module");

const load = createRequire(path.join(process.env.NODE_FOLDER, "package.json"));
const { createDAVClient, freeBusyQuery, getBasicAuthHeaders } = load("tsdav");

const demo = JSON.parse(fs.readFileSync(process.env.ANTEROOM_DEMO, "utf8"));
const credentials = { username: demo.user, password: demo.password };
const day = new Date(Date.now() + 60 * 86_400_000).toISOString().slice(0, 10).replaceAll("-", "");
const uid = `tsdav-${Date.now()}`;
const filename = `${uid}.ics`;

const event = (title, hour) =>
  [
    "BEGIN:VCALENDAR",
    "VERSION:2.0",
    "PRODID:-//Example//tsdav//EN",
    "BEGIN:VEVENT",
    `UID:${uid}`,
    "DTSTAMP:20260101T000000Z",
    `DTSTART:${day}T0${hour}0000Z`,
    `DTEND:${day}T0${hour}3000Z`,
    `SUMMARY:${title}`,
    "END:VEVENT",
    "END:VCALENDAR",
    "",
  ].join("\r\n");

const date = day.replace(/(....)(..)(..)/, "$1-$2-$3");
const range = { start: `${date}T00:00:00Z`, end: `${date}T06:00:00Z` };

let passed = 0;
let failed = 0;

async function step(name, work) {
  try {
    await work();
    passed += 1;
    console.log(`ok ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED ${name}: ${error.stack ?? error}`);
  }
}

function must(condition, what) {
  if (!condition) throw new Error(what);
}

async function main() {
  let client, calendar, object, before;
  await step("the client finds principal and home by itself", async () => {
    client = await createDAVClient({
      serverUrl: demo.base_url,
      credentials,
      authMethod: "Basic",
      defaultAccountType: "caldav",
    });
  });
  await step("every room is a calendar", async () => {
    const calendars = await client.fetchCalendars();
    for (const room of demo.rooms) {
      must(calendars.some((found) => found.displayName === room.name), `no calendar ${room.name}`);
    }
    calendar = calendars.find((found) => found.displayName === demo.rooms[0].name);
    must(calendar.syncToken && calendar.ctag, "no sync token or ctag");
    must(calendar.reports.includes("syncCollection"), `reports: ${calendar.reports}`);
  });
  await step("the calendar gives its objects", async () => {
    const objects = await client.fetchCalendarObjects({ calendar });
    before = { ...calendar, objects, objectMultiGet: client.calendarMultiGet };
  });
  await step("an object is created", async () => {
    const answer = await client.createCalendarObject({ calendar, filename, iCalString: event("tsdav", 1) });
    must(answer.status === 201 && answer.headers.get("etag"), `status ${answer.status}`);
  });
  await step("it is found in its time range", async () => {
    const found = await client.fetchCalendarObjects({ calendar, timeRange: range });
    object = found.find((one) => one.url.endsWith(filename));
    must(object?.data.includes("SUMMARY:tsdav"), JSON.stringify(found));
  });
  await step("a sync tells that it is new", async () => {
    const synced = await client.smartCollectionSync({ collection: before, method: "webdav", detailedResult: true });
    const { created } = synced.objects;
    must(created.some((one) => one.url.endsWith(filename)), "it is not among the created ones");
  });
  await step("it is changed with its validator", async () => {
    const answer = await client.updateCalendarObject({ calendarObject: { ...object, data: event("tsdav again", 2) } });
    must(answer.status === 204, `status ${answer.status}`);
  });
  await step("the old validator is refused", async () => {
    const answer = await client.updateCalendarObject({ calendarObject: { ...object, data: event("tsdav late", 3) } });
    must(answer.status === 412, `status ${answer.status}`);
  });
  await step("free-busy tells its time", async () => {
    const answer = await freeBusyQuery({ url: calendar.url, timeRange: range, depth: "1", headers: getBasicAuthHeaders(credentials) });
    must(JSON.stringify(answer).includes(`${day}T020000Z/`), JSON.stringify(answer));
  });
  await step("it is deleted", async () => {
    const [fresh] = await client.fetchCalendarObjects({ calendar, objectUrls: [object.url] });
    const answer = await client.deleteCalendarObject({ calendarObject: fresh });
    must(answer.status === 204, `status ${answer.status}`);
    const left = await client.fetchCalendarObjects({ calendar, timeRange: range });
    must(!left.some((one) => one.url.endsWith(filename)), "it is still there");
  });
  console.log(`${passed} passed, ${failed} failed, 0 skipped`);
  process.exitCode = failed === 0 ? 0 : 1;
}

main();
