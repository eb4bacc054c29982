//! Delta: rounds of pages ending in a delta link. A cursor carries its window and the number of the change it has seen;
//! clients see only opaque text.

use super::Call;
use super::Mailbox;
use super::item::Item;
use super::view;
use super::wire;
use super::wire::Failure;
use crate::model::TimeRange;
use crate::model::Timestamp;
use crate::sandbox::wire::Reply;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::Serialize;
use serde_json::Value;
use serde_json::json;

/// Rows of a page when the client does not say.
const PAGE: usize = 50;

/// What a skip or delta token means.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Cursor {
    /// The mailbox, so that a token works nowhere else.
    mailbox: String,
    /// calendarView/delta rather than events/delta.
    view: bool,
    window: TimeRange,
    /// Changes up to this one were in earlier rounds; 0 in the first round.
    since: u64,
    /// The round ends with this change.
    upto: u64,
    /// The pages so far ended with this change.
    at: u64,
    /// Cursors of an earlier epoch are gone.
    epoch: u32,
}

/// `calendarView/delta`: single instances, exceptions, minimal occurrences, and the master of each series touched.
pub(super) fn calendar_view(mailbox: &Mailbox, call: &Call<'_>, epoch: u32) -> Result<Reply, Failure> {
    let cursor = match read_cursor(mailbox, call, true, epoch)? {
        Some(cursor) => cursor,
        None => first(mailbox, view::window(call.request)?, true, epoch),
    };
    Ok(answer(mailbox, call, cursor))
}

/// `events/delta`: single instances, masters and exceptions that end after startDateTime.
pub(super) fn events(mailbox: &Mailbox, call: &Call<'_>, epoch: u32) -> Result<Reply, Failure> {
    if let Some(cursor) = read_cursor(mailbox, call, false, epoch)? {
        return Ok(answer(mailbox, call, cursor));
    }
    if call.request.param("endDateTime").is_some() {
        return Err(Failure::new(400, "ErrorInvalidParameter", "endDateTime is not supported on events/delta."));
    }
    let start = match call.request.param("startDateTime") {
        None => Timestamp::MIN,
        Some(text) => view::instant(text)
            .ok_or_else(|| Failure::new(400, "ErrorInvalidParameter", "startDateTime is not a date and time."))?,
    };
    let end = call.now.plus_days(800);
    Ok(answer(mailbox, call, first(mailbox, TimeRange::new(start, end), false, epoch)))
}

fn first(mailbox: &Mailbox, window: TimeRange, view: bool, epoch: u32) -> Cursor {
    Cursor { mailbox: mailbox.object_id.clone(), view, window, since: 0, upto: mailbox.seq, at: 0, epoch }
}

fn read_cursor(mailbox: &Mailbox, call: &Call<'_>, view: bool, epoch: u32) -> Result<Option<Cursor>, Failure> {
    let (token, is_delta) = match (call.request.param("$deltatoken"), call.request.param("$skiptoken")) {
        (Some(token), _) => (token, true),
        (None, Some(token)) => (token, false),
        (None, None) => {
            let refused = ["$filter", "$orderby", "$search", "$expand"];
            if let Some((name, _)) = call.request.query.iter().find(|(name, _)| refused.contains(&name.as_str())) {
                let text = format!("The query parameter '{name}' is not supported with delta.");
                return Err(Failure::new(400, "ErrorInvalidUrlQuery", &text));
            }
            return Ok(None);
        }
    };
    let cursor = decode(token).ok_or_else(|| Failure::new(400, "InvalidDeltaToken", "The delta token is invalid."))?;
    if cursor.mailbox != mailbox.object_id || cursor.view != view {
        return Err(Failure::new(400, "InvalidDeltaToken", "The delta token belongs to another resource."));
    }
    if cursor.epoch != epoch || cursor.upto > mailbox.seq || call.cursor_gone {
        return Err(gone(call));
    }
    if !view && !is_delta && cursor.window.start == Timestamp::MIN {
        return Err(Failure::new(400, "InvalidDeltaToken", "Paging without startDateTime is not possible."));
    }
    if is_delta {
        return Ok(Some(Cursor { since: cursor.upto, at: cursor.upto, upto: mailbox.seq, ..cursor }));
    }
    Ok(Some(cursor))
}

/// 410 with a Location that begins anew.
fn gone(call: &Call<'_>) -> Failure {
    let mut failure = Failure::new(410, "syncStateNotFound", "The sync state generation is not found.");
    failure.header = Some(Box::new(("Location", format!("{}{}?$deltatoken=", call.request.base, call.request.path))));
    failure
}

fn answer(mailbox: &Mailbox, call: &Call<'_>, mut cursor: Cursor) -> Reply {
    let page = call.prefer.page.unwrap_or(PAGE);
    let mut pending: Vec<(u64, Row<'_>)> = Vec::new();
    pending.extend(mailbox.items.values().map(|item| (item.seq, Row::Item(item))));
    pending.extend(mailbox.gone.iter().map(|(stem, seq)| (*seq, Row::Gone(stem))));
    pending.retain(|(seq, _)| *seq > cursor.at && *seq <= cursor.upto);
    pending.sort_by_key(|(seq, _)| *seq);
    let mut rows = Vec::new();
    let mut more = false;
    for (seq, row) in &pending {
        if rows.len() >= page {
            more = true;
            break;
        }
        row.write(&cursor, call, &mut rows);
        cursor.at = *seq;
    }
    let mut body = json!({
        "@odata.context": format!("{}/v1.0/$metadata#Collection(event)", call.request.base),
        "value": rows,
    });
    let (link, token) = if more { ("@odata.nextLink", "$skiptoken") } else { ("@odata.deltaLink", "$deltatoken") };
    body[link] = json!(format!("{}{}?{token}={}", call.request.base, call.request.path, encode(&cursor)));
    Reply::json(200, &body).with_header("Preference-Applied", "odata.track-changes")
}

/// One changed thing of the mailbox.
enum Row<'a> {
    Item(&'a Item),
    Gone(&'a str),
}

impl Row<'_> {
    fn write(&self, cursor: &Cursor, call: &Call<'_>, out: &mut Vec<Value>) {
        match self {
            Self::Item(item) if item.series.is_some() => write_series(item, cursor, call, out),
            Self::Item(item) if item.times.inside(&cursor.window) => {
                out.push(typed(wire::render(item, &call.prefer)));
            }
            Self::Item(item) => write_removed(&item.stem, cursor, call, out),
            Self::Gone(stem) => write_removed(stem, cursor, call, out),
        }
    }
}

/// A series is sent whole: master, exceptions in full, occurrences with seven members. A deleted date is just missing.
fn write_series(item: &Item, cursor: &Cursor, call: &Call<'_>, out: &mut Vec<Value>) {
    let instances = item.instances(&cursor.window);
    if instances.is_empty() {
        write_removed(&item.stem, cursor, call, out);
        return;
    }
    out.push(typed(wire::render(item, &call.prefer)));
    for instance in &instances {
        if instance.is_exception {
            out.push(typed(wire::render_instance(item, instance, &call.prefer)));
        } else if cursor.view {
            out.push(wire::render_minimal(item, instance, &call.prefer));
        }
    }
}

/// Deleted, or outside the window now: the same row. It says nothing in the first round.
fn write_removed(stem: &str, cursor: &Cursor, call: &Call<'_>, out: &mut Vec<Value>) {
    if cursor.since > 0 {
        out.push(json!({
            "@odata.type": "#microsoft.graph.event",
            "id": wire::shown_id(stem, call.prefer.immutable),
            "@removed": {"reason": "deleted"},
        }));
    }
}

fn typed(mut row: Value) -> Value {
    row["@odata.type"] = json!("#microsoft.graph.event");
    row
}

fn encode(cursor: &Cursor) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(cursor).unwrap_or_default())
}

fn decode(token: &str) -> Option<Cursor> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token).ok()?).ok()
}
