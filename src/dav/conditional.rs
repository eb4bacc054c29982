//! The `If` header (RFC 4918, 10.4): a request is carried out only if one of the lists holds. There are no locks, so the
//! one state token that can hold is the present sync token of a room (RFC 6578, 5); a client that tags a list with the
//! room's address writes only into the state it knows.

use super::Call;
use super::error::DavError;
use super::headers::EtagList;
use super::path::Resource;
use super::property::object::etag_for;
use crate::model::Etag;
use crate::model::Privilege;
use crate::store::Tx;
use crate::store::objects;
use crate::store::rooms;
use actix_web::http::header::HeaderMap;
use actix_web::http::header::HeaderValue;

/// Most conditions in one header.
const MOST: usize = 100;

/// The whole header: lists, of which one has to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
struct IfHeader(Vec<List>);

/// Conditions on one resource, all of which have to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
struct List {
    /// The resource that the list is tagged with; `None` for the one of the request.
    tag: Option<String>,
    conditions: Vec<Condition>,
}

/// One condition.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Condition {
    not: bool,
    state: State,
}

/// What has to be, or not to be.
#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    /// The resource is in the state that this URI names.
    Token(String),
    /// The representation has this validator.
    Etag(EtagList),
}

/// What a resource is like now.
#[derive(Default)]
struct Present {
    etag: Option<Etag>,
    token: Option<String>,
}

/// Refuses a request that reads, unless its `If` header holds.
pub async fn require(call: &Call<'_>) -> Result<(), DavError> {
    if !call.headers.contains_key("if") {
        return Ok(());
    }
    judge(&mut call.begin_read().await?, call).await
}

/// Refuses a request that writes, unless its `If` header holds; inside the transaction that writes, alone in the room.
pub async fn require_alone(tx: &mut Tx, call: &Call<'_>) -> Result<(), DavError> {
    if !call.headers.contains_key("if") {
        return Ok(());
    }
    if let Resource::Room { room, .. } | Resource::Object { room, .. } = &call.resource {
        let room = call.room(tx, room, &call.resource.href()).await?.room;
        rooms::lock(tx, &room.tenant_id, &room.id).await?;
    }
    judge(tx, call).await
}

async fn judge(tx: &mut Tx, call: &Call<'_>) -> Result<(), DavError> {
    for list in IfHeader::parse(call.headers)?.0 {
        let tagged = list.tag.as_deref().map(Resource::parse);
        let present = match &tagged {
            None => present(tx, call, &call.resource).await?,
            Some(Some(resource)) => present(tx, call, resource).await?,
            Some(None) => Present::default(),
        };
        if list.conditions.iter().all(|condition| condition.holds(&present)) {
            return Ok(());
        }
    }
    Err(DavError::PreconditionFailed("No list of the If header holds; look at the present state first.".to_owned()))
}

/// The state of a resource, as far as the caller may know it.
async fn present(tx: &mut Tx, call: &Call<'_>, resource: &Resource) -> Result<Present, DavError> {
    let (Resource::Room { room, .. } | Resource::Object { room, .. }) = resource else { return Ok(Present::default()) };
    if resource.tenant() != Some(call.caller.tenant.tenant_key.as_str()) {
        return Ok(Present::default());
    }
    let room = match call.room(tx, room, &resource.href()).await {
        Ok(room) if room.privilege >= Privilege::Read => room,
        Ok(_) | Err(DavError::NotFound(_)) => return Ok(Present::default()),
        Err(error) => return Err(error),
    };
    Ok(match resource {
        Resource::Object { name, .. } => {
            let row = objects::by_name(tx, &room.room.tenant_id, &room.room.id, name).await?;
            Present { etag: row.map(|row| etag_for(&row.etag, room.view())), token: None }
        }
        _ => Present { etag: None, token: Some(room.token(&call.door.keys.sync_token)) },
    })
}

impl Condition {
    fn holds(&self, present: &Present) -> bool {
        let is = match &self.state {
            State::Token(token) => present.token.as_ref() == Some(token),
            State::Etag(tags) => present.etag.as_ref().is_some_and(|etag| tags.matches_strongly(etag)),
        };
        is != self.not
    }
}

impl IfHeader {
    fn parse(headers: &HeaderMap) -> Result<Self, DavError> {
        let mut values = headers.get_all("if").map(HeaderValue::to_str);
        let (Some(Ok(text)), None) = (values.next(), values.next()) else {
            return Err(malformed("it comes once and is ASCII"));
        };
        let mut lists: Vec<List> = Vec::new();
        let (mut tag, mut rest, mut budget) = (None, text.trim(), MOST);
        while !rest.is_empty() {
            if let Some((uri, after)) = enclosed(rest, '<', '>') {
                let after = after.trim_start();
                // A tag stands before its lists, and before all lists or none.
                let first = lists.first().is_none_or(|list| list.tag.is_some());
                if !first || !after.starts_with('(') {
                    return Err(malformed("a tag <…> stands before each list or before none"));
                }
                (tag, rest) = (Some(uri.to_owned()), after);
            } else {
                let Some((inside, after)) = list_body(rest) else { return Err(malformed("a list stands in (…)")) };
                let conditions = conditions(inside, &mut budget)?;
                lists.push(List { tag: tag.clone(), conditions });
                rest = after.trim_start();
            }
        }
        if lists.is_empty() { Err(malformed("it holds a list in (…)")) } else { Ok(Self(lists)) }
    }
}

/// The inside of `(…)`. A closing parenthesis may stand inside `<…>` and `[…]`.
fn list_body(text: &str) -> Option<(&str, &str)> {
    let inside = text.strip_prefix('(')?;
    let mut closer = None;
    for (at, c) in inside.char_indices() {
        match (closer, c) {
            (None, '<') => closer = Some('>'),
            (None, '[') => closer = Some(']'),
            (None, ')') => return Some((&inside[..at], &inside[at + 1..])),
            (Some(end), c) if end == c => closer = None,
            _ => {}
        }
    }
    None
}

fn conditions(inside: &str, budget: &mut usize) -> Result<Vec<Condition>, DavError> {
    let mut found = Vec::new();
    let mut rest = inside.trim();
    while !rest.is_empty() {
        let after_not = rest.get(..3).filter(|word| word.eq_ignore_ascii_case("not")).map(|_| rest[3..].trim_start());
        let not = after_not.is_some();
        let text = after_not.unwrap_or(rest);
        let (state, after) = if let Some((uri, after)) = enclosed(text, '<', '>') {
            (State::Token(uri.to_owned()), after)
        } else if let Some((tag, after)) = enclosed(text, '[', ']') {
            (State::Etag(EtagList::of(tag)), after)
        } else {
            return Err(malformed("a condition is a token <…> or an entity tag […], after Not or alone"));
        };
        *budget = budget.checked_sub(1).ok_or_else(|| malformed("it holds too many conditions"))?;
        found.push(Condition { not, state });
        rest = after.trim_start();
    }
    if found.is_empty() { Err(malformed("a list holds a condition")) } else { Ok(found) }
}

fn enclosed(text: &str, open: char, close: char) -> Option<(&str, &str)> {
    text.strip_prefix(open)?.split_once(close)
}

fn malformed(rule: &str) -> DavError {
    DavError::bad_request(format!("The If header cannot be read: {rule}."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::HeaderName;

    fn parse(text: &'static str) -> Result<IfHeader, DavError> {
        let mut headers = HeaderMap::new();
        headers.append(HeaderName::from_static("if"), HeaderValue::from_static(text));
        IfHeader::parse(&headers)
    }

    fn present(etag: Option<&str>, token: Option<&str>) -> Present {
        Present { etag: etag.map(|text| Etag::from(text.to_owned())), token: token.map(str::to_owned) }
    }

    #[test]
    fn the_examples_of_rfc_4918_are_read() {
        let header = parse("(<urn:uuid:181d> [\"I am an ETag\"]) ([\"I am another ETag\"])").unwrap();
        assert_eq!(header.0.len(), 2);
        assert_eq!(header.0[0].conditions.len(), 2);
        assert!(header.0[1].conditions[0].holds(&present(Some("I am another ETag"), None)));
        let header = parse("(Not <urn:uuid:181d> <urn:uuid:58f2>)").unwrap();
        assert_eq!(header.0[0].conditions.iter().map(|c| c.not).collect::<Vec<_>>(), [true, false]);
        let header = parse("</resource1> (<urn:uuid:181d> [W/\"A weak ETag\"]) ([\"strong (ETag)\"])").unwrap();
        assert_eq!(header.0.iter().filter(|list| list.tag.as_deref() == Some("/resource1")).count(), 2);
        assert!(!header.0[0].conditions[1].holds(&present(Some("A weak ETag"), None)), "strong comparison");
        assert!(header.0[1].conditions[0].holds(&present(Some("strong (ETag)"), None)));
        let header = parse("(<urn:x>) (Not <DAV:no-lock>)").unwrap();
        assert!(header.0[1].conditions[0].holds(&present(None, None)));
        assert!(header.0[0].conditions[0].holds(&present(None, Some("urn:x"))));
    }

    #[test]
    fn what_is_no_if_header_is_refused() {
        for bad in ["", "x", "()", "(", "(<a)", "([\"a\")", "(<a>) <b> (<c>)", "<b>", "<b> <c> (<d>)", "(a)", "(Not)"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        let many: &'static str = Box::leak(format!("({})", "<a>".repeat(101)).into_boxed_str());
        assert!(parse(many).is_err());
    }
}
