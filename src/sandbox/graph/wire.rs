//! How events look on the wire: ids in two forms, change keys, times in the asked zone, bodies that come back as HTML.

use super::item::Instance;
use super::item::Item;
use super::item::Times;
use super::item::zone_of;
use super::series;
use crate::model::Timestamp;
use crate::model::ZoneId;
use crate::sandbox::wire::Reply;
use crate::sandbox::wire::Request;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use base64::engine::general_purpose::URL_SAFE;
use jiff::civil::Date;
use jiff::civil::DateTime;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;

/// A refusal: status, code, text, and members beside them.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub status: u16,
    pub code: &'static str,
    pub message: String,
    pub extra: Option<Box<(&'static str, Value)>>,
    pub header: Option<Box<(&'static str, String)>>,
}

impl Failure {
    pub fn new(status: u16, code: &'static str, message: &str) -> Self {
        Self { status, code, message: message.to_owned(), extra: None, header: None }
    }

    /// The event does not exist (any more), or not in this mailbox.
    pub fn not_found() -> Self {
        Self::new(404, "ErrorItemNotFound", "The specified object was not found in the store.")
    }

    /// A member's value is not acceptable.
    pub fn property(text: &str) -> Self {
        Self::new(400, "ErrorPropertyValidationFailure", text)
    }

    /// The answer that tells it.
    pub fn reply(&self, request: &Request, now: Timestamp) -> Reply {
        let id = uuid::Uuid::new_v4().to_string();
        let client = request.header("client-request-id").unwrap_or(&id);
        let date = now.to_jiff().strftime("%Y-%m-%dT%H:%M:%S").to_string();
        let mut error = json!({
            "code": self.code, "message": self.message,
            "innerError": {"date": date, "request-id": id, "client-request-id": client},
        });
        if let Some(extra) = &self.extra {
            error[extra.0] = extra.1.clone();
        }
        let reply = Reply::json(self.status, &json!({"error": error}));
        match &self.header {
            Some(header) => reply.with_header(header.0, &header.1),
            None => reply,
        }
    }
}

/// What the Prefer header asks for.
#[derive(Clone, Debug)]
pub(super) struct Prefer {
    pub immutable: bool,
    pub zone: ZoneId,
    pub zone_name: String,
    pub text_body: bool,
    pub page: Option<usize>,
}

impl Prefer {
    /// Nothing asked for.
    pub fn plain() -> Self {
        Self { immutable: true, zone: ZoneId::utc(), zone_name: "UTC".to_owned(), text_body: false, page: None }
    }

    /// Reads all Prefer fields: repeated, or one with commas.
    pub fn of(request: &Request) -> Result<Self, Failure> {
        let mut prefer = Self { immutable: false, ..Self::plain() };
        let fields = request.headers.iter().filter(|(name, _)| name == "prefer");
        for part in fields.flat_map(|(_, value)| value.split(',')) {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let value = value.trim().trim_matches('"');
            match name.trim().to_ascii_lowercase().as_str() {
                "idtype" => prefer.immutable = value.eq_ignore_ascii_case("ImmutableId"),
                "outlook.timezone" => {
                    prefer.zone = zone_of(value).ok_or_else(|| unknown_zone(value))?;
                    value.clone_into(&mut prefer.zone_name);
                }
                "outlook.body-content-type" => prefer.text_body = value.eq_ignore_ascii_case("text"),
                "odata.maxpagesize" => prefer.page = value.parse().ok().filter(|size| *size > 0),
                _ => {}
            }
        }
        Ok(prefer)
    }
}

/// 400 for a zone name that is neither Windows nor IANA.
pub(super) fn unknown_zone(name: &str) -> Failure {
    let text = format!("A time zone could not be found for '{name}'.");
    Failure::new(400, "TimeZoneNotSupportedException", &text)
}

/// The id of an event as this client sees it.
pub(super) fn shown_id(stem: &str, immutable: bool) -> String {
    format!("{}{stem}", if immutable { "AAkALg" } else { "AAMkAD" })
}

/// The stem of an id in either form.
pub(super) fn stem_of(id: &str) -> Option<&str> {
    id.strip_prefix("AAkALg").or_else(|| id.strip_prefix("AAMkAD"))
}

/// The stem of an instance: it names its master and its date, opaquely.
pub(super) fn instance_stem(master: &str, date: Date) -> String {
    format!("Oc{}", URL_SAFE.encode(format!("{date}{master}")))
}

/// The master and date behind an instance's stem.
pub(super) fn split_instance(stem: &str) -> Option<(String, Date)> {
    let text = String::from_utf8(URL_SAFE.decode(stem.strip_prefix("Oc")?).ok()?).ok()?;
    let date = text.get(..10)?.parse().ok()?;
    Some((text.get(10..)?.to_owned(), date))
}

/// The change key: new with every change of the event.
pub(super) fn change_key(stem: &str, seq: u64) -> String {
    let mut bytes = vec![0x0F, 0, 0, 0, 0x16, 0, 0, 0];
    bytes.extend(stem.bytes().rev().take(8));
    bytes.extend(seq.to_be_bytes());
    STANDARD.encode(bytes)
}

/// The entity tag made of a change key.
pub(super) fn etag(stem: &str, seq: u64) -> String {
    format!("W/\"{}\"", change_key(stem, seq))
}

/// An event in full: single instance or master.
pub(super) fn render(item: &Item, prefer: &Prefer) -> Value {
    let mut out = common(item, &item.props, &item.times, prefer);
    out.insert("@odata.etag".to_owned(), json!(etag(&item.stem, item.seq)));
    out.insert("id".to_owned(), json!(shown_id(&item.stem, prefer.immutable)));
    out.insert("changeKey".to_owned(), json!(change_key(&item.stem, item.seq)));
    out.insert("type".to_owned(), json!(if item.series.is_some() { "seriesMaster" } else { "singleInstance" }));
    out.insert("seriesMasterId".to_owned(), Value::Null);
    out.insert("occurrenceId".to_owned(), Value::Null);
    let recurrence = item.series.as_ref().map(|series| series::render(&series.pattern, &series.range));
    out.insert("recurrence".to_owned(), json!(recurrence));
    Value::Object(out)
}

/// An instance of a series in full.
pub(super) fn render_instance(master: &Item, instance: &Instance, prefer: &Prefer) -> Value {
    let exception = master.series.as_ref().and_then(|series| series.exceptions.get(&instance.date));
    let mut props = master.props.clone();
    props.extend(exception.map(|exception| exception.props.clone()).unwrap_or_default());
    let mut out = common(master, &props, &instance.times, prefer);
    let stem = instance_stem(&master.stem, instance.date);
    let seq = exception.map_or(master.seq, |exception| exception.seq.max(master.seq));
    out.insert("@odata.etag".to_owned(), json!(etag(&stem, seq)));
    out.insert("id".to_owned(), json!(shown_id(&stem, prefer.immutable)));
    out.insert("changeKey".to_owned(), json!(change_key(&stem, seq)));
    out.insert("type".to_owned(), json!(if instance.is_exception { "exception" } else { "occurrence" }));
    out.insert("seriesMasterId".to_owned(), json!(shown_id(&master.stem, prefer.immutable)));
    out.insert("occurrenceId".to_owned(), json!(occurrence_id(master, instance.date, prefer)));
    out.insert("originalStart".to_owned(), json!(original_start(master, instance.date, prefer)));
    out.insert("recurrence".to_owned(), Value::Null);
    Value::Object(out)
}

/// The row delta sends for an unchanged instance: these members and no other.
pub(super) fn render_minimal(master: &Item, instance: &Instance, prefer: &Prefer) -> Value {
    let stem = instance_stem(&master.stem, instance.date);
    json!({
        "@odata.type": "#microsoft.graph.event",
        "@odata.etag": etag(&stem, master.seq),
        "id": shown_id(&stem, prefer.immutable),
        "seriesMasterId": shown_id(&master.stem, prefer.immutable),
        "type": "occurrence",
        "start": zoned(&instance.times, instance.times.start, prefer),
        "end": zoned(&instance.times, instance.times.end, prefer),
    })
}

/// `OID.{master}.{date}`.
pub(super) fn occurrence_id(master: &Item, date: Date, prefer: &Prefer) -> String {
    format!("OID.{}.{date}", shown_id(&master.stem, prefer.immutable))
}

/// The instant an instance had by the pattern: UTC, or with an offset when a zone was asked for.
fn original_start(master: &Item, date: Date, prefer: &Prefer) -> String {
    let instant = master.times.zone.instant(master.times.on(date).start);
    if prefer.zone_name == "UTC" {
        return instant.to_string();
    }
    instant.to_jiff().to_zoned(prefer.zone.rules()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

fn common(item: &Item, props: &Map<String, Value>, times: &Times, prefer: &Prefer) -> Map<String, Value> {
    let mut out = defaults();
    out.extend(props.clone());
    let location = props.get("location").cloned().unwrap_or_else(empty_location);
    let locations = props.get("locations").cloned().unwrap_or_else(|| {
        if location["displayName"].as_str().is_none_or(str::is_empty) { json!([]) } else { json!([location]) }
    });
    let (body, preview) = shown_body(props.get("body"), prefer.text_body);
    let responded = item.responded.map_or_else(|| "0001-01-01T00:00:00Z".to_owned(), precise);
    let link = format!("https://outlook.office365.com/owa/?itemid={}&exvsurl=1&path=/calendar/item", item.stem);
    let own = json!({
        "createdDateTime": precise(item.created), "lastModifiedDateTime": precise(item.modified),
        "transactionId": item.transaction, "iCalUId": item.ical_uid, "isAllDay": times.all_day,
        "originalStartTimeZone": times.start_name, "originalEndTimeZone": times.end_name,
        "isCancelled": item.cancelled, "isOrganizer": item.is_organizer, "webLink": link,
        "responseStatus": {"response": item.response, "time": responded},
        "organizer": {"emailAddress": {"name": item.organizer.name, "address": item.organizer.address}},
        "start": zoned(times, times.start, prefer), "end": zoned(times, times.end, prefer),
        "body": body, "bodyPreview": preview, "location": location, "locations": locations,
    });
    if let Value::Object(own) = own {
        out.extend(own);
    }
    out
}

/// The members of an event nobody set.
fn defaults() -> Map<String, Value> {
    let value = json!({
        "categories": [], "reminderMinutesBeforeStart": 15, "isReminderOn": true, "hasAttachments": false,
        "subject": "", "importance": "normal", "sensitivity": "normal", "responseRequested": true, "showAs": "busy",
        "onlineMeetingUrl": null, "isOnlineMeeting": false, "onlineMeetingProvider": "unknown",
        "allowNewTimeProposals": true, "isDraft": false, "hideAttendees": false, "onlineMeeting": null,
        "attendees": [],
    });
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn empty_location() -> Value {
    json!({"displayName": "", "locationType": "default", "uniqueIdType": "unknown", "address": {}, "coordinates": {}})
}

/// A time in the asked zone. The midnights of an all-day event are dates and keep their face.
pub(super) fn zoned(times: &Times, wall: DateTime, prefer: &Prefer) -> Value {
    let shown = if times.all_day { wall } else { prefer.zone.wall(times.zone.instant(wall)) };
    json!({"dateTime": shown.strftime("%Y-%m-%dT%H:%M:%S.0000000").to_string(), "timeZone": prefer.zone_name})
}

/// `2026-03-01T08:00:00.1230000Z`.
pub(super) fn precise(time: Timestamp) -> String {
    let millis = time.ms().rem_euclid(1_000);
    format!("{}.{millis:03}0000Z", time.to_jiff().strftime("%Y-%m-%dT%H:%M:%S"))
}

/// The body as asked for, and its preview. What was written as text comes back wrapped in HTML.
fn shown_body(body: Option<&Value>, as_text: bool) -> (Value, String) {
    let content = body.and_then(|body| body["content"].as_str()).unwrap_or_default();
    let is_html =
        body.is_some_and(|body| body["contentType"].as_str().is_some_and(|kind| kind.eq_ignore_ascii_case("html")));
    let text = if is_html { strip_tags(content) } else { content.to_owned() };
    let preview: String = text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(255).collect();
    if as_text {
        let shown =
            if text.is_empty() { text } else { format!("{}\r\n", text.replace("\r\n", "\n").replace('\n', "\r\n")) };
        return (json!({"contentType": "text", "content": shown}), preview);
    }
    let html = match (content.is_empty(), is_html) {
        (true, _) => String::new(),
        (_, true) if content.contains("<html") => content.to_owned(),
        (_, true) => format!("{HTML_HEAD}</head>\r\n<body>\r\n{content}\r\n</body>\r\n</html>\r\n"),
        (_, false) => format!(
            "{HTML_HEAD}<!-- converted from text -->\r\n</head>\r\n<body>\r\n<font size=\"2\"><div \
             class=\"PlainText\">{}</div></font>\r\n</body>\r\n</html>\r\n",
            escape(content).replace("\r\n", "\n").replace('\n', "<br>\r\n")
        ),
    };
    (json!({"contentType": "html", "content": html}), preview)
}

const HTML_HEAD: &str = "<html><head>\r\n<meta http-equiv=\"Content-Type\" content=\"text/html; charset=utf-8\">\r\n";

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// HTML without its tags and head, entities resolved, `<br>` and `</p>` as line ends.
fn strip_tags(html: &str) -> String {
    let body = html.find("<body").map_or(html, |at| &html[at..]);
    let mut out = String::new();
    let mut rest = body;
    while let Some(open) = rest.find('<') {
        out.push_str(&rest[..open]);
        let Some(close) = rest[open..].find('>') else { break };
        let tag = rest[open + 1..open + close].to_ascii_lowercase();
        if tag.starts_with("br") || tag.starts_with("/p") || tag.starts_with("/div") {
            out.push('\n');
        }
        rest = &rest[open + close + 1..];
    }
    out.push_str(rest);
    let text = out.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&nbsp;", " ");
    text.replace("&#39;", "'").replace("&amp;", "&").trim().to_owned()
}
