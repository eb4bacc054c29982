//! The requests that are timed, each with the check of its answer.

use super::calendar::{self, Booking, Chance, MONTH, Make, WEEK};
use super::client::{Answer, Client};
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;

/// What is measured, in this order: questions first, for the oracle knows the calendar as it was loaded.
pub const ALL: [Kind; 17] = [
    Kind::Ctag,
    Kind::Discovery,
    Kind::Get,
    Kind::GetSame,
    Kind::FeedSame,
    Kind::Feed,
    Kind::Week,
    Kind::Expand,
    Kind::FreeBusy,
    Kind::Multiget,
    Kind::Members,
    Kind::SyncInitial,
    Kind::SyncDelta,
    Kind::PutNew,
    Kind::PutUpdate,
    Kind::Delete,
    Kind::Mixed,
];

/// One kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Ctag,
    Discovery,
    Get,
    GetSame,
    FeedSame,
    Feed,
    Week,
    Expand,
    FreeBusy,
    Multiget,
    Members,
    SyncInitial,
    SyncDelta,
    PutNew,
    PutUpdate,
    Delete,
    Mixed,
}

impl Kind {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ctag => "ctag",
            Self::Discovery => "propfind-discovery",
            Self::Get => "get-one",
            Self::GetSame => "get-one-304",
            Self::FeedSame => "feed-304",
            Self::Feed => "feed-full",
            Self::Week => "report-time-range",
            Self::Expand => "report-expand",
            Self::FreeBusy => "freebusy",
            Self::Multiget => "multiget-50",
            Self::Members => "propfind-depth1",
            Self::SyncInitial => "sync-initial",
            Self::SyncDelta => "sync-delta",
            Self::PutNew => "put-new",
            Self::PutUpdate => "put-update",
            Self::Delete => "delete",
            Self::Mixed => "mixed",
        }
    }

    /// How many requests one round is.
    pub const fn requests(self) -> usize {
        if matches!(self, Self::Discovery) { 3 } else { 1 }
    }

    pub const fn writes(self) -> bool {
        matches!(self, Self::PutNew | Self::PutUpdate | Self::Delete)
    }
}

/// Where a server keeps what is asked for.
#[derive(Clone)]
pub struct Place {
    pub address: String,
    pub login: String,
    pub password: String,
    pub root: String,
    pub principal: String,
    pub home: String,
    /// The calendar, with a slash at the end.
    pub calendar: String,
    /// The whole calendar as one file; with or without window.
    pub feed: Option<String>,
}

impl Place {
    pub fn client(&self) -> Client {
        Client::new(&self.address, &self.login, &self.password)
    }
}

/// A calendar on a server, and what is known of it.
pub struct Site {
    pub place: Place,
    pub loaded: Vec<Booking>,
    make: Make,
    next: Cell<usize>,
    revision: Cell<usize>,
    /// Names of bookings that were put to be deleted again.
    spare: RefCell<Vec<String>>,
}

/// One client of a site.
pub struct Worker<'a> {
    site: &'a Site,
    client: Client,
    chance: Chance,
    number: usize,
    clients: usize,
    token: String,
    feed_etag: String,
    etags: std::collections::BTreeMap<usize, String>,
}

type Done = Result<Answer, String>;

impl Site {
    pub fn new(place: Place, (make, events): (Make, usize)) -> Self {
        let loaded = (0..events).map(|number| make(number, 0)).collect();
        Self { place, loaded, make, next: Cell::new(1_000_000), revision: Cell::new(1), spare: RefCell::default() }
    }

    pub fn worker(&self, number: usize, clients: usize) -> Worker<'_> {
        Worker {
            site: self,
            client: self.place.client(),
            chance: Chance::new(77 + number as u64),
            number,
            clients,
            token: String::new(),
            feed_etag: String::new(),
            etags: std::collections::BTreeMap::new(),
        }
    }

    fn href(&self, name: &str) -> String {
        format!("{}{name}", self.place.calendar)
    }

    fn within(&self, range: (&str, &str)) -> BTreeSet<String> {
        let found = self.loaded.iter().filter(|booking| booking.within(range) > 0);
        found.map(|booking| self.href(&booking.name)).collect()
    }
}

impl Worker<'_> {
    /// One round: what has to be prepared is not timed, so this comes first.
    pub async fn prepare(&mut self, kind: Kind) -> Result<(), String> {
        match kind {
            Kind::SyncDelta => {
                if self.token.is_empty() {
                    self.sync().await?;
                }
                for _ in 0..10 {
                    self.update().await?;
                }
            }
            Kind::FeedSame if self.feed_etag.is_empty() => {
                let answer = self.feed("").await?;
                answer.header("etag").ok_or("the feed has no validator")?.clone_into(&mut self.feed_etag);
            }
            Kind::Delete => {
                let name = self.put_new().await?.1;
                self.site.spare.borrow_mut().push(name);
            }
            Kind::GetSame => {
                for number in 0..20.min(self.site.loaded.len()) {
                    if !self.etags.contains_key(&number) {
                        let answer = self.get(number, "").await?;
                        let etag = answer.header("etag").ok_or("a booking has no validator")?.to_owned();
                        self.etags.insert(number, etag);
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Sends what is timed.
    pub async fn act(&mut self, kind: Kind) -> Done {
        let place = &self.site.place;
        match kind {
            Kind::Ctag => {
                let path = place.calendar.clone();
                self.propfind(&path, "0", CTAG).await
            }
            Kind::Discovery => {
                let (root, principal, home) = (place.root.clone(), place.principal.clone(), place.home.clone());
                self.propfind(&root, "0", WHO).await?;
                self.propfind(&principal, "0", HOME).await?;
                self.propfind(&home, "1", LIST).await
            }
            Kind::Get => {
                let number = self.any();
                self.get(number, "").await
            }
            Kind::GetSame => {
                let number = self.any() % 20;
                let etag = self.etags[&number].clone();
                self.get(number, &etag).await
            }
            Kind::FeedSame => {
                let etag = self.feed_etag.clone();
                self.feed(&etag).await
            }
            Kind::Feed => self.feed("").await,
            Kind::Week => self.report(&query(WEEK, false)).await,
            Kind::Expand => self.report(&query(MONTH, true)).await,
            Kind::FreeBusy => self.report(&free_busy(MONTH)).await,
            Kind::Multiget => self.multiget(50).await,
            Kind::Members => {
                let path = place.calendar.clone();
                self.propfind(&path, "1", MEMBERS).await
            }
            Kind::SyncInitial => {
                self.token.clear();
                self.sync().await
            }
            Kind::SyncDelta => self.sync().await,
            Kind::PutNew => Ok(self.put_new().await?.0),
            Kind::PutUpdate => self.update().await,
            Kind::Delete => self.delete().await,
            Kind::Mixed => self.crowd().await,
        }
    }

    /// 80 questions and 20 writes of 100, as many synchronising clients send them.
    async fn crowd(&mut self) -> Done {
        let kind = match self.chance.below(100) {
            0..35 => Kind::Ctag,
            35..55 => {
                if self.token.is_empty() {
                    // A client that polls has a token.
                    self.propfind(&self.site.place.calendar.clone(), "0", CTAG).await.map(|answer| {
                        inside(&answer.text(), "sync-token").clone_into(&mut self.token);
                    })?;
                }
                return self.sync().await;
            }
            55..65 => return self.multiget(10).await,
            65..72 => Kind::Week,
            72..80 => Kind::Get,
            80..92 => Kind::PutUpdate,
            92..97 => Kind::PutNew,
            _ => {
                let (_, name) = self.put_new().await?;
                self.site.spare.borrow_mut().push(name);
                Kind::Delete
            }
        };
        Box::pin(self.act(kind)).await
    }

    fn any(&mut self) -> usize {
        usize::try_from(self.chance.below(self.site.loaded.len() as u64)).unwrap()
    }

    async fn propfind(&mut self, path: &str, depth: &str, body: &str) -> Done {
        expect(self.client.send("PROPFIND", path, &[XML, ("Depth", depth)], body).await, &[207])
    }

    async fn report(&mut self, body: &str) -> Done {
        let path = self.site.place.calendar.clone();
        expect(self.client.send("REPORT", &path, &[XML, ("Depth", "1")], body).await, &[200, 207])
    }

    async fn get(&mut self, number: usize, etag: &str) -> Done {
        let path = self.site.href(&self.site.loaded[number].name);
        let (headers, status) = if_none_match(etag);
        expect(self.client.send("GET", &path, &headers, "").await, &[status])
    }

    async fn feed(&mut self, etag: &str) -> Done {
        let path = self.site.place.feed.clone().ok_or("there is no feed")?;
        let (headers, status) = if_none_match(etag);
        expect(self.client.send("GET", &path, &headers, "").await, &[status])
    }

    async fn multiget(&mut self, count: usize) -> Done {
        let first = self.any();
        let names = (0..count).map(|step| &self.site.loaded[(first + 7 * step) % self.site.loaded.len()].name);
        let hrefs: Vec<String> = names.map(|name| format!("<D:href>{}</D:href>", self.site.href(name))).collect();
        let hrefs = hrefs.concat();
        self.report(&format!(
            "<C:calendar-multiget xmlns:D=\"DAV:\" xmlns:C=\"urn:ietf:params:xml:ns:caldav\"><D:prop><D:getetag/>\
             <C:calendar-data/></D:prop>{hrefs}</C:calendar-multiget>"
        ))
        .await
    }

    async fn sync(&mut self) -> Done {
        let body = format!(
            "<D:sync-collection xmlns:D=\"DAV:\"><D:sync-token>{}</D:sync-token><D:sync-level>1</D:sync-level><D:prop>\
             <D:getetag/></D:prop></D:sync-collection>",
            self.token
        );
        let answer = self.report(&body).await?;
        let text = answer.text();
        last_inside(&text, "sync-token").clone_into(&mut self.token);
        if self.token.is_empty() { Err("no sync token".to_owned()) } else { Ok(answer) }
    }

    async fn put_new(&mut self) -> Result<(Answer, String), String> {
        let number = self.site.next.replace(self.site.next.get() + 1);
        let fresh = (self.site.make)(number, 0);
        let headers = [ICS, ("If-None-Match", "*")];
        let answer = self.client.send("PUT", &self.site.href(&fresh.name), &headers, &fresh.ics).await;
        Ok((expect(answer, &[200, 201, 204])?, fresh.name))
    }

    /// Puts another text into one of this worker's own bookings.
    async fn update(&mut self) -> Done {
        let mine = self.site.loaded.len() / self.clients;
        let number = self.any() % mine.max(1) * self.clients + self.number;
        let number = number % self.site.loaded.len();
        let revised = (self.site.make)(number, self.site.revision.replace(self.site.revision.get() + 1));
        let answer = self.client.send("PUT", &self.site.href(&revised.name), &[ICS], &revised.ics).await;
        expect(answer, &[200, 201, 204])
    }

    async fn delete(&mut self) -> Done {
        let name = self.site.spare.borrow_mut().pop().ok_or("nothing to delete")?;
        let answer = self.client.send("DELETE", &self.site.href(&name), &[], "").await;
        expect(answer, &[200, 204])
    }

    /// Puts one of the bookings that everything is asked about.
    pub async fn load(&mut self, number: usize) -> Done {
        let one = &self.site.loaded[number];
        expect(
            self.client.send("PUT", &self.site.href(&one.name), &[ICS, ("If-None-Match", "*")], &one.ics).await,
            &[200, 201, 204],
        )
    }

    /// Whether an answer is right; asked once for each kind, before it is timed.
    pub async fn check(&mut self, kind: Kind) -> Result<(), String> {
        self.prepare(kind).await?;
        let answer = self.act(kind).await?;
        let text = answer.text();
        let site = self.site;
        match kind {
            Kind::Week => same("bookings", &hrefs(&text), &site.within(WEEK)),
            Kind::Expand => {
                let want: usize = site.loaded.iter().map(|booking| booking.within(MONTH)).sum();
                same("bookings", &hrefs(&text), &site.within(MONTH))?;
                same("instances", &text.matches("BEGIN:VEVENT").count(), &want)?;
                same("rules left", &text.matches("RRULE:FREQ=WEEKLY").count(), &0)
            }
            Kind::FreeBusy => same("busy seconds", &told_busy(&text), &calendar::busy_seconds(&site.loaded, MONTH)),
            Kind::Multiget => same("bookings", &text.matches("BEGIN:VCALENDAR").count(), &50.min(site.loaded.len())),
            Kind::Members | Kind::SyncInitial => {
                let all: BTreeSet<String> = site.loaded.iter().map(|booking| site.href(&booking.name)).collect();
                same("members", &hrefs(&text), &all)
            }
            Kind::SyncDelta => {
                let changed = hrefs(&text).len();
                if (1..=10).contains(&changed) { Ok(()) } else { Err(format!("{changed} changes of at most 10")) }
            }
            Kind::Feed => {
                let want: usize = site.loaded.iter().map(|booking| booking.events).sum();
                same("events", &text.matches("BEGIN:VEVENT").count(), &want)
            }
            Kind::PutNew => {
                let one = site.loaded[1].clone();
                let (path, twin) = (site.href(&one.name), site.href("twin.ics"));
                let again = self.client.send("PUT", &path, &[ICS, ("If-None-Match", "*")], &one.ics).await;
                expect(again, &[412])?;
                let twin = self.client.send("PUT", &twin, &[ICS, ("If-None-Match", "*")], &one.ics).await;
                expect(twin, &[403, 409, 412]).map(|_| ())
            }
            Kind::PutUpdate => {
                let one = site.loaded[1].clone();
                let path = site.href(&one.name);
                let stale = self.client.send("PUT", &path, &[ICS, ("If-Match", "\"stale\"")], &one.ics).await;
                expect(stale, &[412]).map(|_| ())
            }
            _ => Ok(()),
        }
    }
}

const XML: (&str, &str) = ("Content-Type", "application/xml; charset=utf-8");
const ICS: (&str, &str) = ("Content-Type", "text/calendar; charset=utf-8");
pub const CTAG: &str = "<D:propfind xmlns:D=\"DAV:\" xmlns:S=\"http://calendarserver.org/ns/\"><D:prop><S:getctag/>\
    <D:sync-token/></D:prop></D:propfind>";
const WHO: &str =
    "<D:propfind xmlns:D=\"DAV:\"><D:prop><D:current-user-principal/><D:resourcetype/></D:prop></D:propfind>";
const HOME: &str = "<D:propfind xmlns:D=\"DAV:\" xmlns:C=\"urn:ietf:params:xml:ns:caldav\"><D:prop>\
    <C:calendar-home-set/><C:calendar-user-address-set/><D:displayname/></D:prop></D:propfind>";
const LIST: &str = "<D:propfind xmlns:D=\"DAV:\" xmlns:C=\"urn:ietf:params:xml:ns:caldav\" \
    xmlns:S=\"http://calendarserver.org/ns/\"><D:prop><D:resourcetype/><D:displayname/><S:getctag/><D:sync-token/>\
    <C:supported-calendar-component-set/><D:current-user-privilege-set/></D:prop></D:propfind>";
const MEMBERS: &str = "<D:propfind xmlns:D=\"DAV:\"><D:prop><D:getetag/><D:getcontenttype/></D:prop></D:propfind>";

pub fn query((start, end): (&str, &str), expand: bool) -> String {
    let data = if expand {
        format!("<C:calendar-data><C:expand start=\"{start}\" end=\"{end}\"/></C:calendar-data>")
    } else {
        "<C:calendar-data/>".to_owned()
    };
    format!(
        "<C:calendar-query xmlns:D=\"DAV:\" xmlns:C=\"urn:ietf:params:xml:ns:caldav\"><D:prop><D:getetag/>{data}</D:prop>\
         <C:filter><C:comp-filter name=\"VCALENDAR\"><C:comp-filter name=\"VEVENT\"><C:time-range start=\"{start}\" \
         end=\"{end}\"/></C:comp-filter></C:comp-filter></C:filter></C:calendar-query>"
    )
}

fn free_busy((start, end): (&str, &str)) -> String {
    format!(
        "<C:free-busy-query xmlns:C=\"urn:ietf:params:xml:ns:caldav\"><C:time-range start=\"{start}\" end=\"{end}\"/>\
         </C:free-busy-query>"
    )
}

fn if_none_match(etag: &str) -> (Vec<(&str, &str)>, u16) {
    if etag.is_empty() { (Vec::new(), 200) } else { (vec![("If-None-Match", etag)], 304) }
}

fn expect(answer: std::io::Result<Answer>, statuses: &[u16]) -> Done {
    let answer = answer.map_err(|error| error.to_string())?;
    if statuses.contains(&answer.status) {
        return Ok(answer);
    }
    let text: String = answer.text().chars().take(200).collect();
    Err(format!("{}: {}", answer.status, text.replace('\n', " ")))
}

fn same<T: PartialEq + std::fmt::Debug + Size>(what: &str, got: &T, want: &T) -> Result<(), String> {
    if got == want { Ok(()) } else { Err(format!("{what}: {}, and {} are right", got.size(), want.size())) }
}

/// How a value is told where it is wrong.
pub trait Size {
    fn size(&self) -> String;
}

impl Size for BTreeSet<String> {
    fn size(&self) -> String {
        self.len().to_string()
    }
}

impl Size for usize {
    fn size(&self) -> String {
        self.to_string()
    }
}

impl Size for i64 {
    fn size(&self) -> String {
        self.to_string()
    }
}

/// The hrefs of objects in an answer, whatever the prefixes of its names are.
fn hrefs(text: &str) -> BTreeSet<String> {
    let parts = text.split("href>").filter_map(|part| part.split_once("</").map(|(href, _)| href.trim()));
    parts.filter(|href| is_object(href)).map(|href| href.replace("%40", "@")).collect()
}

/// All names in this bench end so.
#[expect(clippy::case_sensitive_file_extension_comparisons, reason = "names are compared octet by octet")]
fn is_object(href: &str) -> bool {
    href.ends_with(".ics")
}

fn inside<'t>(text: &'t str, element: &str) -> &'t str {
    text.split_once(&format!("{element}>")).and_then(|(_, rest)| rest.split_once('<')).map_or("", |(found, _)| found)
}

/// The text of the last element of that name.
fn last_inside<'t>(text: &'t str, element: &str) -> &'t str {
    let end = format!("{element}>");
    let mut parts = text.rsplit(&end[..]);
    parts.next();
    parts.next().and_then(|part| part.split_once('<')).map_or("", |(found, _)| found)
}

fn told_busy(text: &str) -> i64 {
    let text = text.replace("\r\n ", "").replace("\n ", "");
    let lines = text.lines().filter(|line| line.starts_with("FREEBUSY") && !line.contains("FBTYPE=FREE"));
    let periods = lines.filter_map(|line| line.split_once(':')).flat_map(|(_, periods)| periods.trim().split(','));
    let (from, to) = (calendar::seconds(MONTH.0), calendar::seconds(MONTH.1));
    calendar::joined(periods.filter_map(|period| {
        let (start, end) = period.split_once('/')?;
        let start = calendar::seconds(start);
        let end = end.strip_prefix('P').map_or_else(|| calendar::seconds(end), |length| start + duration(length));
        Some((start.max(from), end.min(to)))
    }))
}

/// `T1H30M` in seconds.
fn duration(text: &str) -> i64 {
    let (mut sum, mut number) = (0, 0);
    for letter in text.chars() {
        let unit = match letter {
            'W' => 604_800,
            'D' => 86_400,
            'H' => 3_600,
            'M' => 60,
            'S' => 1,
            digit => {
                number = 10 * number + i64::from(digit.to_digit(10).unwrap_or(0));
                continue;
            }
        };
        sum += number * unit;
        number = 0;
    }
    sum
}
