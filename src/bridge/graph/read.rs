//! Reading a room: delta rounds to their last page, and each series as one bundle of master, exceptions, cancellations.

use super::Graph;
use super::calls::{Call, Target};
use super::translate;
use super::wire::{GraphEvent, MARKER, PREDECESSOR, Page};
use crate::bridge::{BridgeError, Complete, Cursor, Delta, DeltaForm, RemoteCalendar, RemoteId, RemoteItem};
use crate::model::TimeRange;
use futures_util::StreamExt as _;
use std::collections::{BTreeMap, BTreeSet};
use url::Url;

const SELECT: &str = "id,iCalUId,transactionId,type,subject,body,start,end,isAllDay,recurrence,originalStartTimeZone,\
                      originalEndTimeZone,showAs,sensitivity,location,attendees,organizer,isOrganizer,isCancelled,\
                      cancelledOccurrences,exceptionOccurrences";

/// One round: rows by id (the last one wins), and where to go on.
struct Round {
    rows: BTreeMap<String, GraphEvent>,
    cursor: Cursor,
}

impl Round {
    /// The masters that must be read again.
    fn masters(&self) -> BTreeSet<String> {
        let of = |row: &GraphEvent| match row.kind.as_deref() {
            _ if row.removed.is_some() => None,
            Some("seriesMaster") => Some(row.id.clone()),
            Some("occurrence" | "exception") => row.series_master_id.clone(),
            _ => None,
        };
        self.rows.values().filter_map(of).collect()
    }

    /// Rows of events that do not recur.
    fn singles(&self) -> impl Iterator<Item = &GraphEvent> {
        self.rows.values().filter(|row| {
            row.removed.is_none()
                && row.series_master_id.is_none()
                && matches!(row.kind.as_deref(), None | Some("singleInstance"))
        })
    }
}

impl Graph {
    pub(super) async fn read_window(&self, at: &RemoteCalendar, window: TimeRange) -> Result<Complete, BridgeError> {
        let round = self.round(at, self.first_link(at, window)).await?;
        let marked = self.marked(at, window).await?;
        let mut again: BTreeSet<String> = round.masters();
        let mut items = Vec::new();
        for row in round.singles() {
            match marked.get(&row.id) {
                Some(found) => {
                    let row = GraphEvent { single_value_extended_properties: found.clone(), ..row.clone() };
                    items.extend(translate::read_item(at, &row).map_err(BridgeError::Garbage)?);
                }
                // Made by an application, yet not in the listing: it may carry our marker.
                None if row.transaction_id.is_some() => {
                    again.insert(row.id.clone());
                }
                None => items.extend(translate::read_item(at, row).map_err(BridgeError::Garbage)?),
            }
        }
        items.extend(self.bundles(at, again).await?.into_iter().filter_map(|(_, item)| item));
        Ok(Complete::proved(window, items, Some(round.cursor)))
    }

    pub(super) async fn read_since(&self, at: &RemoteCalendar, since: &Cursor) -> Result<Delta, BridgeError> {
        let round = self.round(at, self.calls.link(&since.0)?).await?;
        let mut again = round.masters();
        again.extend(round.singles().map(|row| row.id.clone()));
        let mut removed: BTreeSet<RemoteId> =
            round.rows.values().filter(|row| row.removed.is_some()).map(|row| RemoteId(row.id.clone())).collect();
        let mut items = Vec::new();
        for (id, item) in self.bundles(at, again).await? {
            match item {
                Some(item) => items.push(item),
                None => {
                    removed.insert(RemoteId(id));
                }
            }
        }
        Ok(Delta { items, removed: removed.into_iter().collect(), cursor: round.cursor })
    }

    /// One item with everything that belongs to it; `None` when it is gone or cancelled.
    pub(super) async fn bundle(&self, at: &RemoteCalendar, id: &str) -> Result<Option<RemoteItem>, BridgeError> {
        match self.bundle_row(at, id).await? {
            Some(row) => translate::read_item(at, &row).map_err(BridgeError::Garbage),
            None => Ok(None),
        }
    }

    /// As [`Self::bundle`], as it came over the wire.
    pub(super) async fn bundle_row(&self, at: &RemoteCalendar, id: &str) -> Result<Option<GraphEvent>, BridgeError> {
        let mut url = self.calls.url(&["users", &at.id, "events", id]);
        let expand = format!("exceptionOccurrences,{}", expand_marker());
        url.query_pairs_mut().append_pair("$select", SELECT).append_pair("$expand", &expand);
        match self.calls.read::<GraphEvent>(Some(&at.id), &Call::get(plus_free(url), Target::Item)).await {
            Ok(row) if row.id.is_empty() => Err(BridgeError::Garbage("an event without id".to_owned())),
            Ok(row) => Ok(Some(row)),
            // The same code is used when the mailbox itself cannot be found: only a mailbox that answers proves it.
            Err(BridgeError::NotFound) => self.mailbox_answers(at).await.map(|()| None),
            Err(other) => Err(other),
        }
    }

    async fn mailbox_answers(&self, at: &RemoteCalendar) -> Result<(), BridgeError> {
        let url = self.calls.url(&["users", &at.id, "calendar"]);
        self.calls.read::<serde_json::Value>(Some(&at.id), &Call::get(url, Target::Calendar)).await.map(|_| ())
    }

    async fn bundles(
        &self,
        at: &RemoteCalendar,
        ids: BTreeSet<String>,
    ) -> Result<Vec<(String, Option<RemoteItem>)>, BridgeError> {
        let reads = ids.into_iter().map(|id| async move {
            let item = self.bundle(at, &id).await?;
            Ok((id, item))
        });
        let read: Vec<Result<_, BridgeError>> = futures_util::stream::iter(reads).buffered(3).collect().await;
        read.into_iter().collect()
    }

    async fn round(&self, at: &RemoteCalendar, first: Url) -> Result<Round, BridgeError> {
        let mut rows = BTreeMap::new();
        let mut next = first;
        for _ in 0..self.pages {
            let page: Page<GraphEvent> = self.calls.read(Some(&at.id), &Call::get(next, Target::Calendar)).await?;
            for row in page.value {
                if row.id.is_empty() {
                    return Err(BridgeError::Garbage("a delta row without id".to_owned()));
                }
                rows.insert(row.id.clone(), row);
            }
            match (page.next, page.delta) {
                (Some(link), _) => next = self.calls.link(&link)?,
                (None, Some(link)) => {
                    self.calls.link(&link)?;
                    return Ok(Round { rows, cursor: Cursor(link) });
                }
                (None, None) => return Err(BridgeError::Garbage("a delta page leads nowhere".to_owned())),
            }
        }
        Err(BridgeError::Garbage(format!("a delta round of more than {} pages", self.pages)))
    }

    fn first_link(&self, at: &RemoteCalendar, window: TimeRange) -> Url {
        let (start, end) = (window.start.to_string(), window.end.to_string());
        match self.delta {
            DeltaForm::CalendarView => {
                let mut url = self.calls.url(&["users", &at.id, "calendar", "calendarView", "delta"]);
                url.query_pairs_mut().append_pair("startDateTime", &start).append_pair("endDateTime", &end);
                url
            }
            DeltaForm::Events => {
                let mut url = self.calls.url(&["users", &at.id, "calendar", "events", "delta"]);
                url.query_pairs_mut().append_pair("startDateTime", &start);
                url
            }
        }
    }

    /// The markers of events that start inside the window, which delta does not tell.
    async fn marked(
        &self,
        at: &RemoteCalendar,
        window: TimeRange,
    ) -> Result<BTreeMap<String, Option<Vec<super::wire::Property>>>, BridgeError> {
        let say = |instant: crate::model::Timestamp| instant.to_jiff().strftime("%Y-%m-%dT%H:%M:%S").to_string();
        let (from, to) = (say(window.start.plus_days(-31)), say(window.end));
        let mut url = self.calls.url(&["users", &at.id, "events"]);
        url.query_pairs_mut()
            .append_pair("$select", "id,transactionId")
            .append_pair("$filter", &format!("start/dateTime ge '{from}' and start/dateTime lt '{to}'"))
            .append_pair("$expand", &expand_marker())
            .append_pair("$top", "200");
        let all = self.pages_of::<GraphEvent>(Some(&at.id), plus_free(url)).await?;
        Ok(all.into_iter().map(|row| (row.id, row.single_value_extended_properties)).collect())
    }

    /// All pages of a collection.
    pub(super) async fn pages_of<T: serde::de::DeserializeOwned>(
        &self,
        mailbox: Option<&str>,
        first: Url,
    ) -> Result<Vec<T>, BridgeError> {
        let (mut all, mut next) = (Vec::new(), first);
        for _ in 0..self.pages {
            let page: Page<T> = self.calls.read(mailbox, &Call::get(next, Target::Calendar)).await?;
            all.extend(page.value);
            match page.next {
                Some(link) => next = self.calls.link(&link)?,
                None => return Ok(all),
            }
        }
        Err(BridgeError::Garbage(format!("a collection of more than {} pages", self.pages)))
    }
}

/// The `$expand` that brings our marker and the predecessor's.
pub(super) fn expand_marker() -> String {
    let ids = std::iter::once(&MARKER).chain(&PREDECESSOR).map(|id| format!("id eq '{id}'"));
    format!("singleValueExtendedProperties($filter={})", ids.collect::<Vec<_>>().join(" or "))
}

/// Graph reads `+` in a query as itself, not as a space.
pub(super) fn plus_free(mut url: Url) -> Url {
    let query = url.query().map(|query| query.replace('+', "%20"));
    url.set_query(query.as_deref());
    url
}
