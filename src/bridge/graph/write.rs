//! Writing a room: create by transaction id, and bringing an item, a series with its exceptions included, from whatever
//! state it is in to the wanted one. Every step may be repeated, so that a write that broke off is simply done again.

use super::Graph;
use super::calls::{Call, Target};
use super::read::plus_free;
use super::recurrence;
use super::translate::{self, changed_members, members};
use super::wire::{GraphEvent, MARKER};
use crate::bridge::{BridgeError, IdempotencyKey, Probe, RemoteCalendar, RemoteId, RemoteItem};
use crate::model::{Event, EventTime, Override, Recurrence, RecurrenceId, Timestamp, Uid};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeMap;

impl Graph {
    pub(super) async fn post(
        &self,
        at: &RemoteCalendar,
        event: &Event,
        key: &IdempotencyKey,
    ) -> Result<RemoteItem, BridgeError> {
        let mut body = members(at, &event.when, &event.content);
        if let Some(set) = &event.recurrence {
            body.insert("recurrence".to_owned(), pattern(&event.when, set)?);
        }
        body.insert("isReminderOn".to_owned(), json!(false));
        body.insert("transactionId".to_owned(), json!(key.0));
        let marker = json!([{"id": MARKER, "value": translate::marker(key, &event.uid)}]);
        body.insert("singleValueExtendedProperties".to_owned(), marker);
        let url = self.calls.url(&["users", &at.id, "events"]);
        let call = Call::write(Method::POST, url, Some(Value::Object(body)), Target::Calendar);
        let made = match self.calls.read::<GraphEvent>(Some(&at.id), &call).await {
            Ok(made) if !made.id.is_empty() => made,
            Ok(_) => return Err(BridgeError::Unknown("the new event has no id".to_owned())),
            Err(BridgeError::Refused(why)) if why.contains("ErrorDuplicateTransactionId") => {
                return self.made_before(at, event, key).await;
            }
            Err(other) => return Err(other),
        };
        // From here on the item exists: whatever goes wrong, only a probe can tell how far it came.
        match stored(at, &made, event, (&event.uid, Some(key))).map_err(begun)? {
            Some(item) => Ok(item),
            None => self.finish(at, &made.id, event).await.map_err(begun),
        }
    }

    /// The item an earlier create with the same key has made.
    async fn made_before(
        &self,
        at: &RemoteCalendar,
        event: &Event,
        key: &IdempotencyKey,
    ) -> Result<RemoteItem, BridgeError> {
        match self.find(at, event, key).await.map_err(begun)? {
            Probe::Found(item) => self.finish(at, &item.id.0, event).await.map_err(begun),
            Probe::NotFound => Err(BridgeError::NotFound),
            Probe::Ambiguous(_) => Err(BridgeError::Unknown("several events carry the same key".to_owned())),
        }
    }

    pub(super) async fn find(
        &self,
        at: &RemoteCalendar,
        event: &Event,
        key: &IdempotencyKey,
    ) -> Result<Probe, BridgeError> {
        let value = translate::marker(key, &event.uid).replace('\'', "''");
        let filter = format!("singleValueExtendedProperties/Any(ep: ep/id eq '{MARKER}' and ep/value eq '{value}')");
        let mut url = self.calls.url(&["users", &at.id, "events"]);
        url.query_pairs_mut().append_pair("$filter", &filter).append_pair("$select", "id").append_pair("$top", "10");
        let rows = self.pages_of::<GraphEvent>(Some(&at.id), plus_free(url)).await?;
        let mut found = Vec::new();
        for row in rows {
            found.extend(self.bundle(at, &row.id).await?);
        }
        Ok(match found.len() {
            0 => Probe::NotFound,
            1 => found.pop().map_or(Probe::NotFound, |item| Probe::Found(Box::new(item))),
            _ => Probe::Ambiguous(found.into_iter().map(|item| item.id).collect()),
        })
    }

    pub(super) async fn bring(
        &self,
        at: &RemoteCalendar,
        id: &RemoteId,
        base: &Event,
        event: &Event,
    ) -> Result<RemoteItem, BridgeError> {
        for _ in 0..2 {
            let now = self.bundle(at, &id.0).await?.ok_or(BridgeError::NotFound)?;
            if let Some(why) = &now.locked {
                return Err(BridgeError::Refused(why.clone()));
            }
            let base = translate::comparable(at, base);
            let event = translate::comparable(at, event);
            if !is_between(&now.event, &base, &event) {
                return Err(BridgeError::Stale);
            }
            match self.patch_master(at, &now, &event).await {
                // Exchange moves the version on its own; the next turn looks whether the content moved too.
                Err(BridgeError::Stale) => {}
                Err(other) => return Err(other),
                Ok(None) if event.recurrence.is_none() => return Ok(now),
                Ok(None) => return self.finish(at, &id.0, &event).await,
                Ok(Some(answer)) => {
                    return match stored(at, &answer, &event, (&now.event.uid, now.key.as_ref())).map_err(begun)? {
                        Some(item) => Ok(item),
                        None => untouched(at, &answer, self.finish(at, &id.0, &event).await?),
                    };
                }
            }
        }
        Err(BridgeError::Stale)
    }

    /// Brings time, content and rule of an item or master to the wanted ones.
    /// Answers how it stood right after that; `None` where nothing had to be written.
    async fn patch_master(
        &self,
        at: &RemoteCalendar,
        now: &RemoteItem,
        event: &Event,
    ) -> Result<Option<GraphEvent>, BridgeError> {
        let have = members(at, &now.event.when, &now.event.content);
        let want = members(at, &event.when, &event.content);
        let mut body = changed_members(&have, &want);
        let rule = |event: &Event| event.recurrence.as_ref().and_then(|set| set.rule.clone());
        let moved = body.contains_key("start") && event.recurrence.is_some();
        if rule(&now.event) != rule(event) || moved || lost_dates(&now.event, event) {
            // A removed date comes back only with the whole rule; start and end go with it.
            let recurrence = event.recurrence.as_ref().map_or(Ok(Value::Null), |set| pattern(&event.when, set))?;
            body.insert("recurrence".to_owned(), recurrence);
            for name in ["start", "end", "isAllDay"] {
                body.insert(name.to_owned(), want.get(name).cloned().unwrap_or(Value::Null));
            }
        }
        if body.is_empty() {
            return Ok(None);
        }
        let mut version = now.version.as_ref().map(|version| version.0.clone());
        if let Some(set) = event.recurrence.as_ref().filter(|_| lost_dates(&now.event, event)) {
            // Only a series that takes place at another time forgets removed dates, so there is a step in between.
            let step = members(at, &longer(&event.when), &event.content);
            let body = json!({"recurrence": pattern(&event.when, set)?, "start": step["start"], "end": step["end"],
                "isAllDay": step["isAllDay"]});
            self.patch(at, &now.id.0, body, version.take()).await?;
        }
        self.patch(at, &now.id.0, Value::Object(body), version).await.map(Some)
    }

    async fn patch(
        &self,
        at: &RemoteCalendar,
        id: &str,
        body: Value,
        version: Option<String>,
    ) -> Result<GraphEvent, BridgeError> {
        let url = self.calls.url(&["users", &at.id, "events", id]);
        let mut call = Call::write(Method::PATCH, url, Some(body), Target::Item);
        call.version = version;
        self.calls.read::<GraphEvent>(Some(&at.id), &call).await
    }

    /// Removes and changes instances until they are as wanted, and answers the item as it stands then.
    async fn finish(&self, at: &RemoteCalendar, id: &str, event: &Event) -> Result<RemoteItem, BridgeError> {
        let event = translate::comparable(at, event);
        let row = self.bundle_row(at, id).await?.ok_or(BridgeError::NotFound)?;
        let now = translate::read_item(at, &row).map_err(BridgeError::Garbage)?.ok_or(BridgeError::NotFound)?;
        let Some(set) = &event.recurrence else { return Ok(now) };
        let gone = now.event.recurrence.as_ref().map(|set| set.exdates.clone()).unwrap_or_default();
        let known = exception_ids(&now.event.when, &row);
        let mut wrote = false;
        for wall in set.exdates.difference(&gone) {
            wrote |= self.remove_instance(at, id, &event.when, (RecurrenceId(*wall), &known)).await?;
        }
        for (id_of, have, want) in in_order(&now.event, &event, set) {
            let body =
                changed_members(&members(at, &have.when, &have.content), &members(at, &want.when, &want.content));
            let instance = self.instance_id(at, id, &event.when, (id_of, &known)).await?;
            let instance = instance.ok_or_else(|| no_instance(id_of))?;
            let url = self.calls.url(&["users", &at.id, "events", &instance]);
            let call = Call::write(Method::PATCH, url, Some(Value::Object(body)), Target::Item);
            self.calls.send(Some(&at.id), &call).await?;
            wrote = true;
        }
        if wrote { self.bundle(at, id).await?.ok_or(BridgeError::NotFound) } else { Ok(now) }
    }

    /// Deletes one instance; whether there was one.
    async fn remove_instance(
        &self,
        at: &RemoteCalendar,
        master: &str,
        when: &EventTime,
        instance: (RecurrenceId, &BTreeMap<RecurrenceId, String>),
    ) -> Result<bool, BridgeError> {
        let Some(id) = self.instance_id(at, master, when, instance).await? else { return Ok(false) };
        self.remove(at, &id).await.map(|()| true)
    }

    /// DELETE; what is gone already is a success.
    pub(super) async fn remove(&self, at: &RemoteCalendar, id: &str) -> Result<(), BridgeError> {
        let url = self.calls.url(&["users", &at.id, "events", id]);
        match self.calls.send(Some(&at.id), &Call::write(Method::DELETE, url, None, Target::Item)).await {
            Ok(_) | Err(BridgeError::NotFound) => Ok(()),
            Err(other) => Err(other),
        }
    }

    /// Refuses an invitation in the room's name.
    pub(super) async fn decline(&self, at: &RemoteCalendar, id: &str) -> Result<(), BridgeError> {
        let url = self.calls.url(&["users", &at.id, "events", id, "decline"]);
        let body = json!({"comment": "The room is not available at this time.", "sendResponse": true});
        match self.calls.send(Some(&at.id), &Call::write(Method::POST, url, Some(body), Target::Item)).await {
            Ok(_) | Err(BridgeError::NotFound) => Ok(()),
            Err(other) => Err(other),
        }
    }

    /// The id of the instance with that original start: an exception's is known, an occurrence is looked up on its day.
    async fn instance_id(
        &self,
        at: &RemoteCalendar,
        master: &str,
        when: &EventTime,
        (id, known): (RecurrenceId, &BTreeMap<RecurrenceId, String>),
    ) -> Result<Option<String>, BridgeError> {
        if let Some(found) = known.get(&id) {
            return Ok(Some(found.clone()));
        }
        let zone = when.zone().unwrap_or(&at.zone);
        let start = zone.instant(id.0);
        let (from, to) = match when {
            EventTime::Timed { .. } => (start, start.plus_days(1)),
            EventTime::AllDay { .. } => (start.plus_days(-1), start.plus_days(2)),
        };
        let mut url = self.calls.url(&["users", &at.id, "events", master, "instances"]);
        url.query_pairs_mut()
            .append_pair("startDateTime", &from.to_string())
            .append_pair("endDateTime", &to.to_string())
            .append_pair("$select", "id,type,start,end,isAllDay");
        let rows = self.pages_of::<GraphEvent>(Some(&at.id), plus_free(url)).await?;
        let own = |row: &GraphEvent| starts_at(row, when, id, start);
        Ok(rows.into_iter().find(own).map(|row| row.id))
    }
}

/// A single item as the answer to its write tells it. What is read later may be what a person has made of it meanwhile, and
/// that is an edit. `None` for a series, whose instances are still to be brought in step.
fn stored(
    at: &RemoteCalendar,
    answer: &GraphEvent,
    wanted: &Event,
    (uid, key): (&Uid, Option<&IdempotencyKey>),
) -> Result<Option<RemoteItem>, BridgeError> {
    if wanted.recurrence.is_some() {
        return Ok(None);
    }
    let item = translate::read_item(at, answer).map_err(BridgeError::Garbage)?;
    // Answers to writes carry no extended properties, and so not the marker.
    Ok(item.map(|item| RemoteItem {
        key: key.cloned().or(item.key),
        event: Event { uid: uid.clone(), ..item.event },
        ..item
    }))
}

/// The item as it was read after a write, if it still says what the answer to the write said. Otherwise a person was quicker
/// than the reading: what they changed is no rewriting of ours, and the item has to be looked at and decided.
fn untouched(at: &RemoteCalendar, answer: &GraphEvent, read: RemoteItem) -> Result<RemoteItem, BridgeError> {
    let told = translate::read_item(at, answer).map_err(BridgeError::Garbage)?;
    let same = |told: &RemoteItem| told.event.when == read.event.when && told.event.content == read.event.content;
    if told.as_ref().is_none_or(same) {
        return Ok(read);
    }
    Err(BridgeError::Unknown("somebody changed it while it was written".to_owned()))
}

fn starts_at(row: &GraphEvent, when: &EventTime, id: RecurrenceId, start: Timestamp) -> bool {
    let Some(time) = &row.start else { return false };
    let Ok(wall) = time.date_time.trim_end_matches('Z').parse::<jiff::civil::DateTime>() else { return false };
    match when {
        EventTime::AllDay { .. } => wall.date() == id.0.date(),
        EventTime::Timed { .. } => crate::model::ZoneId::utc().instant(wall) == start,
    }
}

/// After the first effect nothing may claim that "nothing was done".
#[expect(clippy::needless_pass_by_value, reason = "it stands in for the error in map_err")]
fn begun(why: BridgeError) -> BridgeError {
    BridgeError::Unknown(format!("the event was created, but then: {why}"))
}

fn no_instance(id: RecurrenceId) -> BridgeError {
    BridgeError::Refused(format!("the series has no instance at {id} to change"))
}

fn pattern(when: &EventTime, set: &Recurrence) -> Result<Value, BridgeError> {
    let rule_only = Recurrence { rule: set.rule.clone(), ..Recurrence::default() };
    let graph = recurrence::to_graph(when, &rule_only).map_err(|why| BridgeError::Refused(why.to_string()))?;
    serde_json::to_value(graph).map_err(|why| BridgeError::Refused(why.to_string()))
}

/// The time a series has for a moment while removed dates are brought back: a minute or a day longer.
fn longer(when: &EventTime) -> EventTime {
    match when {
        EventTime::AllDay { start, end } => EventTime::AllDay { start: *start, end: end.tomorrow().unwrap_or(*end) },
        EventTime::Timed { start, end, zone } => {
            let end = zone.wall(zone.instant(*end).plus_ms(60_000));
            EventTime::Timed { start: *start, end, zone: zone.clone() }
        }
    }
}

/// Whether dates that are removed at the remote side are wanted again.
fn lost_dates(now: &Event, event: &Event) -> bool {
    match (&now.recurrence, &event.recurrence) {
        (Some(now), Some(want)) => !now.exdates.is_subset(&want.exdates),
        _ => false,
    }
}

fn exception_ids(when: &EventTime, row: &GraphEvent) -> BTreeMap<RecurrenceId, String> {
    let rows = row.exception_occurrences.iter().flatten();
    rows.filter_map(|row| Some((translate::recurrence_id(when, row).ok()?, row.id.clone()))).collect()
}

fn all_ids(now: &Event, event: &Event) -> std::collections::BTreeSet<RecurrenceId> {
    now.overrides.keys().chain(event.overrides.keys()).copied().collect()
}

/// The instances that have to change, in an order in which none of them meets the day of a neighbour on its way, which
/// Exchange refuses: those that move to an earlier time first to last, then the others last to first.
fn in_order(now: &Event, event: &Event, set: &Recurrence) -> Vec<(RecurrenceId, Override, Override)> {
    let differs = |id: RecurrenceId| {
        let (have, want) = (as_it_is(now, id)?, as_it_is(event, id)?);
        (!set.exdates.contains(&id.0) && have != want).then_some((id, have, want))
    };
    let all = all_ids(now, event).into_iter().filter_map(differs);
    let (mut order, mut later): (Vec<_>, Vec<_>) =
        all.partition(|(_, have, want)| want.when.wall_start() < have.when.wall_start());
    later.reverse();
    order.append(&mut later);
    order
}

/// An instance as the event has it, override or not.
fn as_it_is(event: &Event, id: RecurrenceId) -> Option<Override> {
    if let Some(changed) = event.overrides.get(&id) {
        return Some(changed.clone());
    }
    let when = translate::instance_time(&event.when, id)?;
    Some(Override { when, content: event.content.clone() })
}

/// Whether `now` can be a state on the way from `base` to `event`: each member is as in the one or as in the other.
/// Anything else is somebody's edit.
fn is_between(now: &Event, base: &Event, event: &Event) -> bool {
    let content = |of: &Event| serde_json::to_value(&of.content).unwrap_or(Value::Null);
    let (here, old, new) = (content(now), content(base), content(event));
    let fields = here
        .as_object()
        .is_none_or(|all| all.iter().all(|(name, value)| old.get(name) == Some(value) || new.get(name) == Some(value)));
    let rule = |of: &Event| of.recurrence.as_ref().and_then(|set| set.rule.clone());
    let dates = |of: &Event| of.recurrence.as_ref().map(|set| set.exdates.clone()).unwrap_or_default();
    let known = |id: &RecurrenceId| {
        let here = as_it_is(now, *id);
        here == as_it_is(base, *id) || here == as_it_is(event, *id)
    };
    fields
        && (now.when == base.when || now.when == event.when || now.when == longer(&event.when))
        && (rule(now) == rule(base) || rule(now) == rule(event))
        && dates(now).iter().all(|date| dates(base).contains(date) || dates(event).contains(date))
        && now.overrides.keys().all(known)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ZoneId;

    fn graph(subject: &str) -> GraphEvent {
        let side = |hour: u8| json!({"dateTime": format!("2026-03-02T{hour:02}:00:00"), "timeZone": "UTC"});
        let event =
            json!({"id": "e1", "subject": subject, "start": side(9), "end": side(10), "type": "singleInstance"});
        serde_json::from_value(event).unwrap()
    }

    #[test]
    fn what_a_person_changes_between_a_write_and_its_reading_is_not_taken_for_a_rewriting() {
        let at = RemoteCalendar { id: "hall@example.org".to_owned(), name: "Hall".to_owned(), zone: ZoneId::utc() };
        let read = |subject| translate::read_item(&at, &graph(subject)).unwrap().unwrap();
        assert!(untouched(&at, &graph("ours"), read("ours")).is_ok());
        let met = untouched(&at, &graph("ours"), read("theirs"));
        assert!(matches!(met, Err(BridgeError::Unknown(_))), "{met:?}");
    }
}
