//! The town as its people see it: three sides on which a room is booked, and what each of them shows.

use super::http::{Answer, Trouble, ask, base64};
use anteroom::model::{Clock, SystemClock};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

/// The zone of the town's walls.
pub const ZONE: &str = "Europe/Oslo";

/// Where a booking is made or seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    CalDav,
    Graph,
    Booking,
}

pub const SIDES: [Side; 3] = [Side::CalDav, Side::Graph, Side::Booking];

/// One room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Room {
    pub slug: String,
    pub mailbox: String,
    pub is_portico: bool,
    pub booking_id: String,
}

/// One instance of a booking as a side shows it. Order: time, then title.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seen {
    pub start: Timestamp,
    pub end: Timestamp,
    pub title: String,
}

/// Addresses and credentials, as the demonstration's one line of JSON tells them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Town {
    pub base: String,
    pub control: String,
    pub api_key: String,
    authorization: String,
    pub rooms: Vec<Room>,
    /// Room, detail, address.
    pub feeds: Vec<(String, String, String)>,
}

type Outcome<T> = Result<T, Trouble>;

pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

/// `2026-03-02T08:00:00Z`, or a wall time of the town.
pub fn instant(written: &str) -> Timestamp {
    let plain = written.replace(' ', "T");
    let wall = |text: &str| text.parse::<DateTime>().unwrap().to_zoned(zone()).unwrap().timestamp();
    plain.parse().unwrap_or_else(|_| wall(&plain))
}

pub fn zone() -> TimeZone {
    TimeZone::get(ZONE).unwrap()
}

/// A whole hour some days from today, in UTC, out of the way of what the town has booked already.
pub fn slot(day: i64, hour: i64) -> Seen {
    let today = SystemClock.now().ms() / 86_400_000 * 86_400;
    let start = Timestamp::from_second(today + day * 86_400 + hour * 3_600).unwrap();
    Seen { start, end: start + jiff::SignedDuration::from_hours(1), title: String::new() }
}

/// The days that are looked at: from today on.
pub fn horizon() -> (Timestamp, Timestamp) {
    (slot(0, 0).start, slot(150, 0).start)
}

impl Seen {
    pub fn is_at_the_time_of(&self, other: &Self) -> bool {
        (self.start, self.end) == (other.start, other.end)
    }

    pub fn titled(&self, title: &str) -> Self {
        Self { title: title.to_owned(), ..self.clone() }
    }
}

impl Town {
    pub fn new(sheet: &Value) -> Self {
        let room = |room: &Value| Room {
            slug: text(&room["slug"]),
            mailbox: text(&room["graph_mailbox"]),
            is_portico: room["booking_profile"] == "portico",
            booking_id: text(&room["booking_id"]),
        };
        let feed = |feed: &Value| (text(&feed["room"]), text(&feed["detail"]), text(&feed["url"]));
        let pair = format!("{}:{}", text(&sheet["user"]), text(&sheet["password"]));
        Self {
            base: text(&sheet["base_url"]),
            control: text(&sheet["sandbox_control_url"]),
            api_key: text(&sheet["api_key"]),
            authorization: format!("Basic {}", base64(pair.as_bytes())),
            rooms: sheet["rooms"].as_array().unwrap().iter().map(room).collect(),
            feeds: sheet["feeds"].as_array().unwrap().iter().map(feed).collect(),
        }
    }

    pub fn room(&self, slug: &str) -> &Room {
        self.rooms.iter().find(|room| room.slug == slug).unwrap()
    }

    // ---- the doors, raw ----

    pub fn dav(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Outcome<Answer> {
        let mut all = vec![("Authorization", self.authorization.as_str())];
        all.extend(headers);
        ask(method, &format!("{}{path}", self.base), &all, body)
    }

    pub fn api(&self, method: &str, path: &str) -> Outcome<Answer> {
        ask(method, &format!("{}/v1/tenants/fjordby{path}", self.base), &[("X-API-Key", &self.api_key)], "")
    }

    /// The same with a body.
    pub fn api_with(&self, method: &str, path: &str, body: &Value) -> Outcome<Answer> {
        let headers = [("X-API-Key", self.api_key.as_str()), ("Content-Type", "application/json")];
        ask(method, &format!("{}/v1/tenants/fjordby{path}", self.base), &headers, &body.to_string())
    }

    /// Graph as somebody with Outlook in front of him.
    pub fn graph(&self, method: &str, path: &str, body: &Value) -> Outcome<Answer> {
        self.control(method, &format!("/graph/as-person/v1.0{path}"), body)
    }

    /// The control API of the sandbox.
    pub fn control(&self, method: &str, path: &str, body: &Value) -> Outcome<Answer> {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        ask(method, &format!("{}{path}", self.control), &[("Content-Type", "application/json")], &body)
    }

    pub fn href(room: &Room, name: &str) -> String {
        format!("/dav/fjordby/rooms/{}/{name}.ics", room.slug)
    }

    /// Creates or replaces one object of a room.
    pub fn put(&self, href: &str, ics: &str, condition: (&str, &str)) -> Outcome<Answer> {
        self.dav("PUT", href, &[("Content-Type", "text/calendar; charset=utf-8"), condition], ics)
    }

    /// The octets of a PUT, for who sends them piece by piece.
    pub fn written_put(&self, href: &str, ics: &str) -> Vec<u8> {
        let head = format!(
            "PUT {href} HTTP/1.1\r\nHost: walk\r\nAuthorization: {}\r\nContent-Type: text/calendar\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n",
            self.authorization,
            ics.len()
        );
        [head.as_bytes(), ics.as_bytes()].concat()
    }

    // ---- the same act on each side ----

    /// Books a slot under its title. Answers what the side calls the booking.
    pub fn book(&self, side: Side, room: &Room, what: &Seen) -> Outcome<Result<String, Answer>> {
        match side {
            Side::CalDav => {
                let href = Self::href(room, &what.title.replace(' ', "-"));
                let answer = self.put(&href, &ics(&what.title, &plain(what)), ("If-None-Match", "*"))?;
                Ok(if answer.status == 201 { Ok(href) } else { Err(answer) })
            }
            Side::Graph => Ok(made(self.graph("POST", &format!("/users/{}/events", room.mailbox), &outlook(what))?)),
            Side::Booking if room.is_portico => {
                let mut body = walls(what);
                body["resources"] = json!([room.booking_id.parse::<u64>().unwrap()]);
                body["contact_name"] = json!("Kari Nordmann");
                Ok(made(self.control("POST", "/portico/ui/events/create", &body)?))
            }
            Side::Booking => {
                let mut body = utc(what);
                body["resource_id"] = json!(room.booking_id);
                Ok(made(self.control("POST", "/generic/as-person/api/events", &body)?))
            }
        }
    }

    /// Gives a booking a title and a time, on the side whose name for it is given.
    pub fn change(&self, side: Side, room: &Room, id: &str, what: &Seen) -> Outcome<Answer> {
        match side {
            Side::CalDav => {
                let old = self.dav("GET", id, &[], "")?;
                if old.status != 200 {
                    return Ok(old);
                }
                let etag = old.header("etag").unwrap_or("\"none\"").to_owned();
                self.put(id, &edited(&old.text, what), ("If-Match", &etag))
            }
            Side::Graph => self.graph("PATCH", &format!("/users/{}/events/{id}", room.mailbox), &outlook(what)),
            Side::Booking if room.is_portico => {
                let mut body = walls(what);
                body["id"] = json!(id.parse::<u64>().unwrap());
                self.control("POST", "/portico/ui/events/update", &body)
            }
            Side::Booking => self.control("PUT", &format!("/generic/as-person/api/events/{id}"), &utc(what)),
        }
    }

    /// As [`Town::change`] by programs that send what their person has changed and nothing else: a title, a time, or both.
    /// Booking systems are sent whole bookings.
    pub fn amend(&self, side: Side, room: &Room, id: &str, (old, what): (&Seen, &Seen)) -> Outcome<Answer> {
        match side {
            Side::CalDav => {
                let stored = self.dav("GET", id, &[], "")?;
                if stored.status != 200 {
                    return Ok(stored);
                }
                let etag = stored.header("etag").unwrap_or("\"none\"").to_owned();
                let now = calendar(&stored.text.replace("\r\n ", "")).remove(0);
                let moved = if what.is_at_the_time_of(old) { &now } else { what };
                let title = if what.title == old.title { &now.title } else { &what.title };
                self.put(id, &edited(&stored.text, &moved.titled(title)), ("If-Match", &etag))
            }
            Side::Graph => {
                let mut body = outlook(what);
                if let Some(fields) = body.as_object_mut() {
                    fields.retain(|name, _| {
                        if name == "subject" { what.title != old.title } else { !what.is_at_the_time_of(old) }
                    });
                }
                self.graph("PATCH", &format!("/users/{}/events/{id}", room.mailbox), &body)
            }
            Side::Booking => self.change(side, room, id, what),
        }
    }

    /// Takes a booking away.
    pub fn cancel(&self, side: Side, room: &Room, id: &str) -> Outcome<Answer> {
        match side {
            Side::CalDav => self.dav("DELETE", id, &[], ""),
            Side::Graph => self.graph("DELETE", &format!("/users/{}/events/{id}", room.mailbox), &Value::Null),
            Side::Booking if room.is_portico => {
                let body = json!({"id": id.parse::<u64>().unwrap()});
                self.control("POST", "/portico/ui/events/deactivate", &body)
            }
            Side::Booking => self.control("DELETE", &format!("/generic/as-person/api/events/{id}"), &Value::Null),
        }
    }

    /// Everything a side shows of a room from today on, instance by instance, with the side's name for each.
    pub fn shown(&self, side: Side, room: &Room) -> Outcome<Vec<(Seen, String)>> {
        let mut all = match side {
            Side::CalDav => self.shown_by_dav(room)?,
            Side::Graph => self.shown_by_graph(room)?,
            Side::Booking => self.shown_by_booking(room)?,
        };
        let (from, to) = horizon();
        all.retain(|(seen, _)| seen.end > from && seen.start < to);
        all.sort();
        Ok(all)
    }

    /// The same without names.
    pub fn seen(&self, side: Side, room: &Room) -> Outcome<Vec<Seen>> {
        Ok(self.shown(side, room)?.into_iter().map(|(seen, _)| seen).collect())
    }

    /// What the side calls the booking that says exactly this, if it shows it exactly once.
    pub fn find(&self, side: Side, room: &Room, what: &Seen) -> Option<String> {
        let all = self.shown(side, room).ok()?;
        let mut found = all.into_iter().filter(|(seen, _)| seen == what);
        let first = found.next()?;
        assert!(found.next().is_none(), "{what:?} is there twice on {side:?} of {}", room.slug);
        Some(first.1)
    }

    fn shown_by_dav(&self, room: &Room) -> Outcome<Vec<(Seen, String)>> {
        let stamp = |time: Timestamp| time.strftime("%Y%m%dT%H%M%SZ").to_string();
        let (from, to) = horizon();
        let range = format!("start=\"{}\" end=\"{}\"", stamp(from), stamp(to));
        let body = format!(
            "<c:calendar-query xmlns:c=\"urn:ietf:params:xml:ns:caldav\" xmlns:d=\"DAV:\"><d:prop><c:calendar-data>\
             <c:expand {range}/></c:calendar-data></d:prop><c:filter><c:comp-filter name=\"VCALENDAR\">\
             <c:comp-filter name=\"VEVENT\"><c:time-range {range}/></c:comp-filter></c:comp-filter></c:filter>\
             </c:calendar-query>"
        );
        let answer = self.dav("REPORT", &format!("/dav/fjordby/rooms/{}/", room.slug), &[("Depth", "1")], &body)?;
        assert_eq!(answer.status, 207, "{}", answer.text);
        Ok(answer.text.split("<D:response>").skip(1).flat_map(instances).collect())
    }

    fn shown_by_graph(&self, room: &Room) -> Outcome<Vec<(Seen, String)>> {
        let (from, to) = horizon();
        let path = format!(
            "/users/{}/calendarView?startDateTime={from}&endDateTime={to}&$top=500&$select=subject,start,end,\
             isAllDay,isCancelled",
            room.mailbox
        );
        let answer = self.graph("GET", &path, &Value::Null)?;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let found = answer.json();
        assert!(found["@odata.nextLink"].is_null(), "one page holds everything");
        let seen = |event: &Value| {
            // Graph tells all-day events as dates; they are days of the town.
            let zone = if event["isAllDay"] == true { "" } else { "Z" };
            let time = |value: &Value| instant(&format!("{}{zone}", &text(&value["dateTime"])[..19]));
            let seen = Seen { start: time(&event["start"]), end: time(&event["end"]), title: text(&event["subject"]) };
            (seen, text(&event["id"]))
        };
        let rows = found["value"].as_array().unwrap().iter();
        Ok(rows.filter(|event| event["isCancelled"] != true).map(seen).collect())
    }

    fn shown_by_booking(&self, room: &Room) -> Outcome<Vec<(Seen, String)>> {
        if room.is_portico {
            let state = self.part("portico")?;
            let id: u64 = room.booking_id.parse().unwrap();
            let has_room = |row: &&Value| row["resources"].as_array().unwrap().iter().any(|one| one["id"] == id);
            let rows = state["portico"]["reservations"].as_array().unwrap().iter();
            return Ok(rows.filter(|row| row["active"] == 1).filter(has_room).flat_map(portico_dates).collect());
        }
        let state = self.part("generic")?;
        let rows = state["generic"]["events"].as_array().unwrap().iter();
        let rows = rows.filter(|row| row["active"] == true && row["resource_id"] == room.booking_id.as_str());
        let seen = |row: &Value| {
            let time = |name: &str| instant(&text(&row[name]));
            let seen = Seen { start: time("start_time"), end: time("end_time"), title: text(&row["title"]) };
            (seen, text(&row["id"]))
        };
        Ok(rows.map(seen).collect())
    }

    /// What the sandbox knows of one system.
    fn part(&self, name: &str) -> Outcome<Value> {
        Ok(self.control("GET", &format!("/state?only={name}"), &Value::Null)?.json())
    }

    /// How many writes of bookings the gateway has sent to the simulated systems since they started, by endpoint.
    pub fn remote_writes(&self) -> Outcome<Vec<(String, u64)>> {
        let state = self.part("counters")?;
        let counters = state["counters"].as_object().unwrap().iter();
        let is_write = |name: &str| {
            let method = name.split(' ').nth(1).unwrap_or("GET");
            method != "GET" && ["events", "allocations"].iter().any(|kind| name.contains(&format!("/{kind}")))
        };
        let writes = counters.filter(|(name, _)| is_write(name));
        Ok(writes.map(|(name, count)| (name.clone(), count.as_u64().unwrap())).collect())
    }
}

/// A reservation of the portico system takes a room on each of its dates.
fn portico_dates(row: &Value) -> Vec<(Seen, String)> {
    let seen = |date: &Value| Seen {
        start: instant(&text(&date["from_"])),
        end: whole(instant(&text(&date["to_"]))),
        title: text(&row["name"]),
    };
    let dates = row["dates"].as_array().cloned().unwrap_or_else(|| vec![row.clone()]);
    dates.iter().map(|date| (seen(date), row["id"].to_string())).collect()
}

/// There a day ends at 23:59.
fn whole(end: Timestamp) -> Timestamp {
    if end.as_second() % 3_600 == 59 * 60 { end + jiff::SignedDuration::from_mins(1) } else { end }
}

fn made(answer: Answer) -> Result<String, Answer> {
    if answer.status != 201 {
        return Err(answer);
    }
    let id = &answer.json()["id"];
    Ok(id.as_str().map_or_else(|| id.to_string(), str::to_owned))
}

/// A Graph event.
pub fn outlook(what: &Seen) -> Value {
    let side = |time: Timestamp| json!({"dateTime": time.strftime("%Y-%m-%dT%H:%M:%S").to_string(), "timeZone": "UTC"});
    json!({"subject": what.title, "start": side(what.start), "end": side(what.end)})
}

fn walls(what: &Seen) -> Value {
    let wall = |time: Timestamp| time.to_zoned(zone()).strftime("%Y-%m-%d %H:%M:%S").to_string();
    json!({"title": what.title, "from_": wall(what.start), "to_": wall(what.end)})
}

fn utc(what: &Seen) -> Value {
    json!({"title": what.title, "start_time": what.start.to_string(), "end_time": what.end.to_string(),
           "organizer": {"name": "Kari Nordmann"}})
}

/// The lines of one event that tell title and time.
pub fn plain(what: &Seen) -> String {
    let stamp = |time: Timestamp| time.strftime("%Y%m%dT%H%M%SZ").to_string();
    format!("SUMMARY:{}\r\nDTSTART:{}\r\nDTEND:{}\r\n", what.title, stamp(what.start), stamp(what.end))
}

/// An object with one component.
pub fn ics(uid: &str, lines: &str) -> String {
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//walk//EN\r\nBEGIN:VEVENT\r\nUID:{uid}\r\n\
         DTSTAMP:20260101T000000Z\r\n{lines}END:VEVENT\r\nEND:VCALENDAR\r\n"
    )
}

/// An object of one component with another title and time, everything else as it was.
fn edited(object: &str, what: &Seen) -> String {
    let (head, rest) = object.split_once("BEGIN:VEVENT\r\n").unwrap_or_else(|| panic!("no event: {object}"));
    let (event, tail) = rest.split_once("END:VEVENT").unwrap();
    let unfolded = event.replace("\r\n ", "");
    let named = |line: &&str| ["SUMMARY", "DTSTART", "DTEND", "DURATION"].iter().any(|name| line.starts_with(name));
    let kept: String = unfolded.lines().filter(|line| !named(line)).flat_map(|line| [line, "\r\n"]).collect();
    format!("{head}BEGIN:VEVENT\r\n{kept}{}END:VEVENT{tail}", plain(what))
}

/// The instances of one response of a multistatus.
fn instances(response: &str) -> Vec<(Seen, String)> {
    let href = response.split("<D:href>").nth(1).unwrap().split("</D:href>").next().unwrap();
    let data = response.split("calendar-data>").nth(1).unwrap_or_default();
    let data = data.replace("&#13;", "").replace("\n ", "").replace("&lt;", "<").replace("&gt;", ">");
    calendar(&data.replace("&amp;", "&")).into_iter().map(|seen| (seen, href.to_owned())).collect()
}

/// The events of unfolded iCalendar text whose times are UTC, dates, or of a named zone.
pub fn calendar(text: &str) -> Vec<Seen> {
    let mut found = Vec::new();
    for event in text.split("BEGIN:VEVENT").skip(1) {
        let line = |name: &str| {
            let mut lines = event.lines().take_while(|line| !line.starts_with("END:VEVENT"));
            lines.find(|line| {
                line.starts_with(name) && [Some(&b':'), Some(&b';')].contains(&line.as_bytes().get(name.len()))
            })
        };
        let (Some(start), Some(end)) = (line("DTSTART"), line("DTEND")) else { continue };
        let title = line("SUMMARY").map_or("", |line| &line["SUMMARY:".len()..]);
        found.push(Seen { start: moment(start), end: moment(end), title: title.replace('\\', "") });
    }
    found
}

fn moment(line: &str) -> Timestamp {
    let (head, value) = line.rsplit_once(':').unwrap();
    let zone = match head.split_once("TZID=") {
        Some((_, name)) => TimeZone::get(name.trim_matches('"')).unwrap(),
        None if value.ends_with('Z') => TimeZone::UTC,
        None => zone(),
    };
    let padded = if value.len() == 8 { format!("{value}T000000") } else { value.trim_end_matches('Z').to_owned() };
    DateTime::strptime("%Y%m%dT%H%M%S", padded).unwrap().to_zoned(zone).unwrap().timestamp()
}
