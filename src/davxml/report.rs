//! REPORT bodies as one closed type: a report that is not here is refused by name, never half answered
//! (RFC 3253, 3.6; RFC 3744, 9; RFC 4791, 7; RFC 6578, 3).

use super::condition::Condition;
use super::element::Element;
use super::filter::calendar_data;
use super::filter::filter;
use super::name::CALDAV;
use super::name::CALENDARSERVER;
use super::name::DAV;
use super::name::QName;
use super::read::read;
use super::request::PropFind;
use super::request::RequestError;
use crate::config::Limits;
use crate::ical::filter::CompFilter;
use crate::ical::select::CalendarData;
use crate::model::TimeRange;
use crate::model::Timestamp;
use jiff::civil::DateTime;

/// Every report the gateway answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// `CALDAV:calendar-query` (RFC 4791, 7.8).
    CalendarQuery(CalendarQuery),
    /// `CALDAV:calendar-multiget` (RFC 4791, 7.9).
    CalendarMultiget(CalendarMultiget),
    /// `CALDAV:free-busy-query` (RFC 4791, 7.10).
    FreeBusyQuery(TimeRange),
    /// `DAV:sync-collection` (RFC 6578, 3.2).
    SyncCollection(SyncCollection),
    /// `DAV:expand-property` (RFC 3253, 3.8).
    ExpandProperty(Vec<Expansion>),
    /// `DAV:principal-search-property-set` (RFC 3744, 9.5).
    PrincipalSearchPropertySet,
    /// `DAV:principal-property-search` (RFC 3744, 9.4).
    PrincipalPropertySearch(PrincipalPropertySearch),
    /// `DAV:principal-match` with `DAV:self` (RFC 3744, 9.3): the properties asked of each match.
    PrincipalMatch(PropFind),
    /// `CS:calendarserver-principal-search`: every token somewhere in name or address.
    CalendarserverPrincipalSearch(TokenSearch),
}

/// Which members of a calendar match a filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CalendarQuery {
    /// What to tell of each.
    pub select: Selection,
    /// `CALDAV:filter`.
    pub filter: CompFilter,
    /// `CALDAV:timezone`, a VCALENDAR with one VTIMEZONE, or `CALDAV:timezone-id` (RFC 7809).
    pub timezone: Option<TimezoneChoice>,
    /// `DAV:limit`.
    pub limit: Option<usize>,
}

/// What to tell of each member in a report that can carry calendar data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// The properties, `calendar-data` by its name.
    pub props: PropFind,
    /// `CALDAV:calendar-data`, where it was asked for.
    pub data: Option<CalendarData>,
}

/// The zone in which a query takes floating times and whole days.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TimezoneChoice {
    /// iCalendar text with a VTIMEZONE (RFC 4791, 9.8).
    Definition(String),
    /// A name (RFC 7809).
    Name(String),
}

/// Named members of a calendar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CalendarMultiget {
    /// What to tell of each.
    pub select: Selection,
    /// The members, as the client spelled them.
    pub hrefs: Vec<String>,
}

/// What changed since a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncCollection {
    /// The token; `None` for the initial report.
    pub token: Option<String>,
    /// How far down.
    pub level: SyncLevel,
    /// `DAV:limit`: most responses.
    pub limit: Option<usize>,
    /// What to tell of each changed member.
    pub props: PropFind,
}

/// `DAV:sync-level` (RFC 6578, 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncLevel {
    /// Members.
    One,
    /// Members of members too.
    Infinite,
}

/// One property to tell, and, where its value is an href, the properties to tell of what it points to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expansion {
    /// The property.
    pub name: QName,
    /// The properties of what it points to.
    pub inner: Vec<Self>,
}

/// A search for principals by their properties.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrincipalPropertySearch {
    /// Whether one matching condition is enough.
    pub any: bool,
    /// The conditions; without one everything matches. RFC 3744, 9.4 wants one, but some clients list principals so.
    pub conditions: Vec<PropertyMatch>,
    /// What to tell of each match.
    pub props: PropFind,
    /// Whether the whole principal collection is searched instead of the request's resource.
    pub whole_collection: bool,
}

/// Text to find in any of some properties.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PropertyMatch {
    /// The properties.
    pub properties: Vec<QName>,
    /// The text; compared without regard to case.
    pub text: String,
}

/// A search by words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenSearch {
    /// The words.
    pub tokens: Vec<String>,
    /// Most matches.
    pub limit: Option<usize>,
    /// What to tell of each match.
    pub props: PropFind,
}

impl Report {
    /// Reads a REPORT body.
    pub fn parse(body: &[u8], limits: &Limits) -> Result<Self, RequestError> {
        let root = read(body, limits)?;
        Ok(match (root.name.ns.as_ref(), root.name.local.as_ref()) {
            (CALDAV, "calendar-query") => Self::CalendarQuery(calendar_query(&root)?),
            (CALDAV, "calendar-multiget") => Self::CalendarMultiget(calendar_multiget(&root, limits)?),
            (CALDAV, "free-busy-query") => Self::FreeBusyQuery(free_busy_query(&root)?),
            (DAV, "sync-collection") => Self::SyncCollection(sync_collection(&root)?),
            (DAV, "expand-property") => Self::ExpandProperty(expansions(&root)),
            (DAV, "principal-search-property-set") => Self::PrincipalSearchPropertySet,
            (DAV, "principal-property-search") => Self::PrincipalPropertySearch(property_search(&root)?),
            (DAV, "principal-match") => Self::PrincipalMatch(principal_match(&root)?),
            (CALENDARSERVER, "calendarserver-principal-search") => {
                Self::CalendarserverPrincipalSearch(token_search(&root)?)
            }
            _ => return Err(unsupported(&root.name)),
        })
    }

    /// The name of the report.
    pub const fn name(&self) -> QName {
        match self {
            Self::CalendarQuery(_) => QName::caldav("calendar-query"),
            Self::CalendarMultiget(_) => QName::caldav("calendar-multiget"),
            Self::FreeBusyQuery(_) => QName::caldav("free-busy-query"),
            Self::SyncCollection(_) => QName::dav("sync-collection"),
            Self::ExpandProperty(_) => QName::dav("expand-property"),
            Self::PrincipalSearchPropertySet => QName::dav("principal-search-property-set"),
            Self::PrincipalPropertySearch(_) => QName::dav("principal-property-search"),
            Self::PrincipalMatch(_) => QName::dav("principal-match"),
            Self::CalendarserverPrincipalSearch(_) => QName::calendarserver("calendarserver-principal-search"),
        }
    }
}

fn unsupported(name: &QName) -> RequestError {
    RequestError::condition(Condition::SupportedReport, format!("There is no report {name} here."))
}

fn calendar_query(root: &Element) -> Result<CalendarQuery, RequestError> {
    let element = root
        .child(CALDAV, "filter")
        .ok_or_else(|| RequestError::condition(Condition::ValidFilter, "A calendar-query needs a CALDAV:filter."))?;
    let definition = root.child(CALDAV, "timezone").map(|zone| TimezoneChoice::Definition(zone.text()));
    let name = root.child(CALDAV, "timezone-id").map(|zone| TimezoneChoice::Name(zone.text().trim().to_owned()));
    if definition.is_some() && name.is_some() {
        return Err(RequestError::shape("CALDAV:timezone and CALDAV:timezone-id exclude each other"));
    }
    let timezone = definition.or(name);
    Ok(CalendarQuery { select: selection(root)?, filter: filter(element)?, timezone, limit: limit(root)? })
}

fn calendar_multiget(root: &Element, limits: &Limits) -> Result<CalendarMultiget, RequestError> {
    let hrefs: Vec<String> =
        root.elements().filter(|child| child.name.is(DAV, "href")).map(|href| href.text().trim().to_owned()).collect();
    if hrefs.len() > limits.multiget_hrefs {
        let text = format!("A calendar-multiget names at most {} resources.", limits.multiget_hrefs);
        return Err(RequestError::condition(Condition::NumberOfMatchesWithinLimits, text));
    }
    if hrefs.is_empty() {
        return Err(RequestError::shape("a calendar-multiget names at least one DAV:href"));
    }
    Ok(CalendarMultiget { select: selection(root)?, hrefs })
}

fn selection(root: &Element) -> Result<Selection, RequestError> {
    let props = PropFind::select(root)?.unwrap_or(PropFind::Prop(Vec::new()));
    let data = root.child(DAV, "prop").and_then(|prop| prop.child(CALDAV, "calendar-data"));
    let data = data.map(calendar_data).transpose()?;
    Ok(Selection { props, data })
}

fn free_busy_query(root: &Element) -> Result<TimeRange, RequestError> {
    let range = root.child(CALDAV, "time-range").ok_or_else(|| {
        RequestError::condition(Condition::ValidFilter, "A free-busy-query needs a CALDAV:time-range.")
    })?;
    let range = time_range(range)?;
    // A free-busy answer must end somewhere; clients that leave an end open cannot be told all time.
    if range.start == Timestamp::MIN || range.end == Timestamp::MAX {
        let text = "The time-range of a free-busy-query needs both a start and an end.";
        return Err(RequestError::condition(Condition::ValidFilter, text));
    }
    Ok(range)
}

fn sync_collection(root: &Element) -> Result<SyncCollection, RequestError> {
    let token = root.child(DAV, "sync-token").map(|token| token.text().trim().to_owned()).filter(|t| !t.is_empty());
    let level = match root.child(DAV, "sync-level").map(|level| level.text().trim().to_ascii_lowercase()).as_deref() {
        // Drafts of the RFC had no level but the Depth header; some clients still send neither.
        None | Some("" | "1") => SyncLevel::One,
        Some("infinite" | "infinity") => SyncLevel::Infinite,
        Some(other) => return Err(RequestError::shape(format!("DAV:sync-level is 1 or infinite, not {other}"))),
    };
    let props = PropFind::select(root)?.unwrap_or(PropFind::Prop(Vec::new()));
    Ok(SyncCollection { token, level, limit: limit(root)?, props })
}

/// `DAV:limit` (RFC 5323, 5.17).
fn limit(root: &Element) -> Result<Option<usize>, RequestError> {
    let Some(limit) = root.child(DAV, "limit").or_else(|| root.child(CALENDARSERVER, "limit")) else {
        return Ok(None);
    };
    let number = limit.child(DAV, "nresults").or_else(|| limit.child(CALENDARSERVER, "nresults"));
    let text = number.map(Element::text).unwrap_or_default();
    match text.trim().parse() {
        Ok(0) | Err(_) => Err(RequestError::shape(format!("nresults is a positive number, not \"{}\"", text.trim()))),
        Ok(number) => Ok(Some(number)),
    }
}

fn expansions(parent: &Element) -> Vec<Expansion> {
    parent
        .elements()
        .filter(|child| child.name.is(DAV, "property"))
        .filter_map(|property| {
            let local = property.attribute("name")?;
            let name = QName::new(property.attribute("namespace").unwrap_or(DAV), local);
            // A name that is none cannot be written back.
            is_name(local).then(|| Expansion { name, inner: expansions(property) })
        })
        .collect()
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'))
}

fn property_search(root: &Element) -> Result<PrincipalPropertySearch, RequestError> {
    let mut conditions = Vec::new();
    for search in root.elements().filter(|child| child.name.is(DAV, "property-search")) {
        let properties: Vec<QName> =
            search.child(DAV, "prop").map(|prop| prop.elements().map(|p| p.name.clone()).collect()).unwrap_or_default();
        let text = search.child(DAV, "match").map(|text| text.text().trim().to_owned()).unwrap_or_default();
        if properties.is_empty() || text.is_empty() {
            return Err(RequestError::shape("DAV:property-search holds a DAV:prop and a DAV:match with text"));
        }
        conditions.push(PropertyMatch { properties, text });
    }
    Ok(PrincipalPropertySearch {
        any: root.attribute("test") == Some("anyof"),
        conditions,
        props: search_props(root)?,
        whole_collection: root.child(DAV, "apply-to-principal-collection-set").is_some(),
    })
}

/// What to tell of each match. A widespread client leaves `DAV:prop` empty and writes the names beside it.
fn search_props(root: &Element) -> Result<PropFind, RequestError> {
    match PropFind::select(root)?.unwrap_or(PropFind::Prop(Vec::new())) {
        PropFind::Prop(names) if names.is_empty() => {
            let grammar = ["property-search", "prop", "apply-to-principal-collection-set"].map(QName::dav);
            let beside = root.elements().map(|child| &child.name).filter(|name| !grammar.contains(name));
            Ok(PropFind::Prop(beside.cloned().collect()))
        }
        props => Ok(props),
    }
}

fn principal_match(root: &Element) -> Result<PropFind, RequestError> {
    if root.child(DAV, "self").is_none() {
        let text = "DAV:principal-match is answered with DAV:self only.";
        return Err(RequestError::condition(Condition::SupportedReport, text));
    }
    Ok(PropFind::select(root)?.unwrap_or(PropFind::Prop(Vec::new())))
}

fn token_search(root: &Element) -> Result<TokenSearch, RequestError> {
    let tokens: Vec<String> = root
        .elements()
        .filter(|child| child.name.is(CALENDARSERVER, "search-token"))
        .map(|token| token.text().trim().to_owned())
        .filter(|token| !token.is_empty())
        .collect();
    if tokens.is_empty() {
        return Err(RequestError::shape("CS:calendarserver-principal-search needs a CS:search-token with text"));
    }
    let props = PropFind::select(root)?.unwrap_or(PropFind::Prop(Vec::new()));
    Ok(TokenSearch { tokens, limit: limit(root)?, props })
}

/// The range of a `CALDAV:time-range`, `expand`, `limit-recurrence-set` or `limit-freebusy-set` element: UTC times, at
/// least one of them, start before end (RFC 4791, 9.9).
pub fn time_range(element: &Element) -> Result<TimeRange, RequestError> {
    let bound = |name: &str| element.attribute(name).map(|text| utc_time(text, name)).transpose();
    let (start, end) = (bound("start")?, bound("end")?);
    if start.is_none() && end.is_none() {
        let text = format!("{} needs a start or an end.", element.name.local);
        return Err(RequestError::condition(Condition::ValidFilter, text));
    }
    let range = TimeRange::new(start.unwrap_or(Timestamp::MIN), end.unwrap_or(Timestamp::MAX));
    if range.start >= range.end {
        let text = format!("The {} ends before it starts.", element.name.local);
        return Err(RequestError::condition(Condition::ValidFilter, text));
    }
    Ok(range)
}

fn utc_time(text: &str, name: &str) -> Result<Timestamp, RequestError> {
    let parsed = text
        .strip_suffix('Z')
        .filter(|wall| wall.len() == 15)
        .and_then(|wall| DateTime::strptime("%Y%m%dT%H%M%S", wall).ok())
        .and_then(|wall| wall.to_zoned(jiff::tz::TimeZone::UTC).ok());
    parsed.map(|zoned| Timestamp::from_jiff(zoned.timestamp())).ok_or_else(|| {
        let text = format!("The {name} \"{text}\" is no UTC time such as 20260302T180000Z.");
        RequestError::condition(Condition::ValidFilter, text)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(body: &str) -> Result<Report, RequestError> {
        let namespaces =
            "xmlns='DAV:' xmlns:c='urn:ietf:params:xml:ns:caldav' xmlns:cs='http://calendarserver.org/ns/'";
        let at = body.find(['>', '/', ' ']).unwrap();
        let body = format!("{} {namespaces}{}", &body[..at], &body[at..]);
        Report::parse(body.as_bytes(), &Limits { multiget_hrefs: 2, ..Limits::default() })
    }

    fn refused(body: &str) -> Option<Condition> {
        match parse(body) {
            Err(RequestError::Condition { condition, .. }) => Some(condition),
            Err(RequestError::Shape(_)) => None,
            other => panic!("{body}: {other:?}"),
        }
    }

    #[test]
    fn s1_an_empty_token_an_absent_one_and_white_space_all_ask_for_the_initial_report() {
        for token in ["<sync-token/>", "", "<sync-token> \n</sync-token>", "<sync-token></sync-token>"] {
            let body =
                format!("<sync-collection>{token}<sync-level>1</sync-level><prop><getetag/></prop></sync-collection>");
            let Report::SyncCollection(sync) = parse(&body).unwrap() else { panic!() };
            assert_eq!(sync.token, None, "{token}");
            assert_eq!(sync.level, SyncLevel::One);
            assert_eq!(sync.props, PropFind::Prop(vec![QName::dav("getetag")]));
        }
    }

    #[test]
    fn a_sync_limit_is_a_positive_number() {
        let body = |n: &str| format!("<sync-collection><limit><nresults>{n}</nresults></limit></sync-collection>");
        let Report::SyncCollection(sync) = parse(&body(" 25 ")).unwrap() else { panic!() };
        assert_eq!(sync.limit, Some(25));
        for bad in ["0", "-1", "many", "", "99999999999999999999999"] {
            assert_eq!(refused(&body(bad)), None, "{bad}");
        }
    }

    #[test]
    fn a_report_that_is_not_offered_is_refused_by_its_condition() {
        assert_eq!(refused("<version-tree/>"), Some(Condition::SupportedReport));
        assert_eq!(refused("<c:sync-collection/>"), Some(Condition::SupportedReport));
        assert_eq!(
            refused("<principal-match><principal-property/></principal-match>"),
            Some(Condition::SupportedReport)
        );
    }

    #[test]
    fn a_multiget_keeps_the_spelling_of_its_hrefs_and_their_number_is_bounded() {
        let Report::CalendarMultiget(multiget) =
            parse("<c:calendar-multiget><prop><c:calendar-data/></prop><href> /a%40b </href><href>/x</href></c:calendar-multiget>")
                .unwrap()
        else {
            panic!()
        };
        assert_eq!(multiget.hrefs, ["/a%40b", "/x"]);
        assert!(multiget.select.data.is_some());
        let three = "<c:calendar-multiget><href>a</href><href>b</href><href>c</href></c:calendar-multiget>";
        assert_eq!(refused(three), Some(Condition::NumberOfMatchesWithinLimits));
        assert_eq!(refused("<c:calendar-multiget/>"), None);
    }

    #[test]
    fn a_free_busy_range_has_two_ends_in_utc_in_order() {
        let query = |range: &str| format!("<c:free-busy-query><c:time-range {range}/></c:free-busy-query>");
        let Report::FreeBusyQuery(range) = parse(&query("start='20260302T180000Z' end='20260302T190000Z'")).unwrap()
        else {
            panic!()
        };
        assert_eq!(
            (range.start.to_string(), range.end.to_string()),
            ("2026-03-02T18:00:00Z".into(), "2026-03-02T19:00:00Z".into())
        );
        for bad in [
            "",
            "start='20260302T180000Z'",
            "start='20260302T180000Z' end='20260302T180000Z'",
            "start='20260302T180000' end='20260302T190000Z'",
            "start='20260302' end='20260303'",
            "start='2026-03-02T18:00:00Z' end='20260302T190000Z'",
            "start='20261302T180000Z' end='20260302T190000Z'",
        ] {
            assert_eq!(refused(&query(bad)), Some(Condition::ValidFilter), "{bad}");
        }
    }

    #[test]
    fn d10_expand_property_is_a_tree_of_names() {
        let body = "<expand-property><property name='calendar-proxy-read-for' namespace='http://calendarserver.org/ns/'>\
                    <property name='displayname'/></property><property name='bad name'/><property/></expand-property>";
        let inner = vec![Expansion { name: QName::dav("displayname"), inner: Vec::new() }];
        let name = QName::calendarserver("calendar-proxy-read-for");
        assert_eq!(parse(body), Ok(Report::ExpandProperty(vec![Expansion { name, inner }])));
    }

    #[test]
    fn d9_a_principal_search_without_text_is_refused() {
        let body = |text: &str| {
            format!(
                "<principal-property-search test='anyof'><property-search><prop><displayname/></prop>\
                     <match>{text}</match></property-search><prop><displayname/></prop></principal-property-search>"
            )
        };
        let Report::PrincipalPropertySearch(search) = parse(&body("Hall")).unwrap() else { panic!() };
        assert!(search.any && !search.whole_collection);
        assert_eq!(
            search.conditions,
            [PropertyMatch { properties: vec![QName::dav("displayname")], text: "Hall".into() }]
        );
        assert_eq!(refused(&body(" ")), None);
        let Report::PrincipalPropertySearch(all) = parse("<principal-property-search/>").unwrap() else { panic!() };
        assert_eq!(all.conditions, []);
        let beside = "<principal-property-search><prop/><displayname/></principal-property-search>";
        let Report::PrincipalPropertySearch(beside) = parse(beside).unwrap() else { panic!() };
        assert_eq!(beside.props, PropFind::Prop(vec![QName::dav("displayname")]));
    }
}
