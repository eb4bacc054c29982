// Microsoft's Graph client (@microsoft/microsoft-graph-client) reads from a room's mailbox what the gateway wrote there,
// and the TypeScript compiler judges every event by Microsoft's own types (@microsoft/microsoft-graph-types).

const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const { spawnSync } = require("node:child_process");
const { createRequire } = require("node:module");

const folder = path.resolve(process.env.NODE_FOLDER);
const load = createRequire(path.join(folder, "package.json"));
const { Client, HTTPMessageHandler, RetryHandler } = load("@microsoft/microsoft-graph-client");

const demo = JSON.parse(fs.readFileSync(process.env.ANTEROOM_DEMO, "utf8"));
const room = demo.rooms.find((one) => one.graph_mailbox);
const mailbox = `/users/${room.graph_mailbox}`;
const basic = `Basic ${Buffer.from(`${demo.user}:${demo.password}`).toString("base64")}`;
const DAY = 86_400_000;

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

async function eventually(what, look) {
  let last;
  for (const deadline = Date.now() + 10_000; Date.now() < deadline; ) {
    last = await look();
    if (last !== undefined) return last;
    await new Promise((done) => setTimeout(done, 250));
  }
  throw new Error(`not within 10 s: ${what}`);
}

async function token() {
  const { login_url, tenant, client_id, client_secret } = demo.graph;
  const form = { grant_type: "client_credentials", client_id, client_secret, scope: "https://graph.microsoft.com/.default" };
  const answer = await fetch(`${login_url.replace(/\/$/, "")}/${tenant}/oauth2/v2.0/token`, {
    method: "POST",
    body: new URLSearchParams(form),
  });
  return (await answer.json()).access_token;
}

// The client's own handler tells its token to Microsoft's hosts alone.
class Bearer {
  constructor(bearer) {
    this.headers = { Authorization: `Bearer ${bearer}`, Prefer: 'outlook.timezone="UTC"' };
  }

  setNext(next) {
    this.next = next;
  }

  execute(context) {
    context.options.headers = { ...context.options.headers, ...this.headers };
    return this.next.execute(context);
  }
}

// The first such weekday (0 is Sunday) that lies at least so many days ahead, as year, month, day.
function ahead(days, weekday) {
  const day = new Date(Date.now() + days * DAY);
  while (weekday !== undefined && day.getUTCDay() !== weekday) day.setTime(day.getTime() + DAY);
  return day.toISOString().slice(0, 10).replaceAll("-", "");
}

function plus(day, days) {
  const at = new Date(`${day.slice(0, 4)}-${day.slice(4, 6)}-${day.slice(6)}T00:00:00Z`);
  return new Date(at.getTime() + days * DAY).toISOString().slice(0, 10).replaceAll("-", "");
}

const monday = ahead(40, 1);
const zone = "TZID=Europe/Oslo";
const at = (day, time) => `${zone}:${day}T${time}00`;
const timed = (day, time, ...lines) => [`DTSTART;${at(day, time)}`, "DURATION:PT30M", ...lines];
const nth = Math.ceil(Number(monday.slice(6)) / 7);
const WISHES = {
  "SDK weekly": [
    timed(monday, "0310", "RRULE:FREQ=WEEKLY;BYDAY=MO,TH;WKST=MO;COUNT=12", `EXDATE;${at(plus(monday, 7), "0310")}`),
    timed(plus(monday, 14), "0340", `RECURRENCE-ID;${at(plus(monday, 14), "0310")}`),
  ],
  "SDK monthly": [timed(monday, "0420", `RRULE:FREQ=MONTHLY;BYDAY=${nth === 5 ? -1 : nth}MO;COUNT=5`)],
  "SDK daily": [timed(monday, "0500", `RRULE:FREQ=DAILY;INTERVAL=2;UNTIL=${plus(monday, 20)}T220000Z`)],
  "SDK days": [[`DTSTART;VALUE=DATE:${ahead(160)}`, `DTEND;VALUE=DATE:${plus(ahead(160), 1)}`]],
  "SDK single": [timed(ahead(45, 2), "0530", "DESCRIPTION:Kaffe og kaker", "LOCATION:Inngang B", "CLASS:PRIVATE")],
};

function object(title, components) {
  const uid = title.replace(" ", "-").toLowerCase();
  const events = components.map((lines) =>
    ["BEGIN:VEVENT", `UID:${uid}`, "DTSTAMP:20260101T000000Z", `SUMMARY:${title}`, ...lines, "END:VEVENT"].join("\r\n"),
  );
  return ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Example//SDK//EN", ...events, "END:VCALENDAR", ""].join("\r\n");
}

async function book(title, components) {
  const url = new URL(`${room.caldav_url.replace(/\/$/, "")}/${title.replace(" ", "-")}.ics`, demo.base_url);
  const headers = { Authorization: basic, "Content-Type": "text/calendar; charset=utf-8" };
  const answer = await fetch(url, { method: "PUT", headers, body: object(title, components) });
  must(answer.status === 201, `${title}: ${answer.status} ${await answer.text()}`);
}

// What OData says about an answer is not part of the types, nor is occurrenceId, which Graph v1.0 answers all the same.
function plain(value) {
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== "object") return value;
  const own = Object.entries(value).filter(([name]) => !name.includes("@odata.") && name !== "occurrenceId");
  return Object.fromEntries(own.map(([name, inner]) => [name, plain(inner)]));
}

// The complaints of the compiler about these values as events.
function complaints(events) {
  const work = fs.mkdtempSync(path.join(os.tmpdir(), "anteroom-sdk-"));
  const file = path.join(work, "judged.ts");
  const types = path.join(folder, "node_modules/@microsoft/microsoft-graph-types");
  const lines = [`import type { Event } from ${JSON.stringify(types)};`];
  events.forEach((event, n) => lines.push(`export const event${n}: Event = ${JSON.stringify(event, null, 1)};`));
  fs.writeFileSync(file, lines.join("\n"));
  const compiler = path.join(folder, "node_modules/typescript/bin/tsc");
  const options = ["--noEmit", "--strict", "--skipLibCheck", "--target", "es2022", "--module", "commonjs"];
  const judged = spawnSync(process.execPath, [compiler, ...options, file], { encoding: "utf8" });
  fs.rmSync(work, { recursive: true });
  return judged.stdout.trim();
}

const SELECT =
  "id,iCalUId,transactionId,type,subject,body,start,end,isAllDay,recurrence,originalStartTimeZone,originalEndTimeZone," +
  "showAs,sensitivity,location,attendees,organizer,isOrganizer,isCancelled,cancelledOccurrences,exceptionOccurrences";

async function main() {
  let client;
  const masters = {};
  const judged = [];
  await step("the client signs in and reads the mailbox's calendar", async () => {
    const bearer = await token();
    const baseUrl = demo.graph.base_url.replace(/\/$/, "");
    const middleware = new Bearer(bearer);
    middleware.setNext(new RetryHandler());
    middleware.next.setNext(new HTTPMessageHandler());
    client = Client.initWithMiddleware({ baseUrl, middleware });
    must((await client.api(`${mailbox}/calendar`).get()).name, "no calendar");
  });
  await step("what is booked in the room arrives there", async () => {
    for (const [title, components] of Object.entries(WISHES)) await book(title, components);
    for (const title of Object.keys(WISHES)) {
      const found = await eventually(title, async () => {
        const page = await client.api(`${mailbox}/events`).top(200).select("id,subject").get();
        return page.value.find((event) => event.subject === title);
      });
      const read = () => client.api(`${mailbox}/events/${found.id}`).select(SELECT).expand("exceptionOccurrences").get();
      masters[title] = await eventually(`${title} with its exceptions`, async () => {
        const event = await read();
        const bent = title !== "SDK weekly" || (event.exceptionOccurrences?.length && event.cancelledOccurrences?.length);
        return bent ? event : undefined;
      });
      judged.push(plain(masters[title]));
    }
  });
  await step("a series has the pattern and range its rule means", async () => {
    const { pattern, range } = masters["SDK weekly"].recurrence;
    must(pattern.type === "weekly" && pattern.firstDayOfWeek === "monday", JSON.stringify(pattern));
    must(JSON.stringify([...pattern.daysOfWeek].sort()) === '["monday","thursday"]', JSON.stringify(pattern));
    must(range.type === "numbered" && range.numberOfOccurrences === 12, JSON.stringify(range));
    must(masters["SDK monthly"].recurrence.pattern.type === "relativeMonthly", "no relativeMonthly");
    must(masters["SDK daily"].recurrence.range.type === "endDate", "no endDate");
    must(masters["SDK days"].isAllDay && masters["SDK single"].sensitivity === "private", "days or privacy");
  });
  await step("its instances are those of the rule, at the same hour of the wall whatever the season", async () => {
    const wanted = { "SDK weekly": [11, ["03:10", "03:40"]], "SDK monthly": [5, ["04:20"]], "SDK daily": [11, ["05:00"]] };
    const range = { startDateTime: new Date().toISOString(), endDateTime: new Date(Date.now() + 350 * DAY).toISOString() };
    const clock = new Intl.DateTimeFormat("en-GB", { timeZone: "Europe/Oslo", hour: "2-digit", minute: "2-digit" });
    for (const [title, [count, hours]] of Object.entries(wanted)) {
      const found = [];
      let page = await client.api(`${mailbox}/events/${masters[title].id}/instances`).query(range).top(5).get();
      for (found.push(...page.value); page["@odata.nextLink"]; found.push(...page.value)) {
        // The client takes whole addresses of https alone.
        page = await client.api(page["@odata.nextLink"].split("/v1.0")[1]).get();
      }
      judged.push(...found.map(plain));
      must(found.length === count, `${title}: ${found.length} instances`);
      const seen = new Set(found.map((event) => clock.format(new Date(`${event.start.dateTime.slice(0, 19)}Z`))));
      must([...seen].sort().join() === hours.join(), `${title}: ${[...seen]}`);
    }
  });
  await step("every event is one by Microsoft's types", async () => {
    must(judged.length > 25, `only ${judged.length} events`);
    const said = complaints(judged);
    must(said === "", said);
  });
  await step("the types refuse what is no event", async () => {
    const wrong = structuredClone(judged[0]);
    wrong.recurrence.pattern.type = "fortnightly";
    must(complaints([wrong]).includes("fortnightly"), "a wrong pattern passed");
    must(complaints([{ ...judged[0], showAs: "occupied" }]).includes("FreeBusyStatus"), "a wrong showAs passed");
    must(complaints([{ ...judged[0], colour: "red" }]).includes("colour"), "an unknown member passed");
  });
  console.log(`${passed} passed, ${failed} failed, 0 skipped`);
  process.exitCode = failed === 0 ? 0 : 1;
}

main();
