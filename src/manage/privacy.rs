//! What is known of a person, handed out and erased.
//!
//! A person is an e-mail address, and the principal with that address if there is one. Erasure anonymises: bookings stay
//! as bookings, without the person; the audit stays whole, without the name. Remote copies change through the outbox as
//! with any other change, and what cannot be changed from here is told.

use super::chain;
use super::{Acting, ManageError};
use crate::change;
use crate::change::{Change, ChangeError, Context, Effect, Origin, Precondition, Tags, Target, Wish};
use crate::config::Limits;
use crate::crypt::Key;
use crate::ical::{CalendarObject, ParseContext};
use crate::model::Event;
use crate::model::Person;
use crate::store::Store;
use crate::store::Tx;
use crate::store::audit_chain::{self, Chained};
use crate::store::objects;
use crate::store::objects::ObjectRow;
use crate::store::principals;
use crate::store::principals::Principal;
use crate::store::privacy;
use crate::store::providers;
use crate::store::rooms;
use crate::store::rooms::Room;
use crate::store::secrets;
use serde::Serialize;
use serde_json::{Value, json};

/// Rows that are looked through at once.
const PAGE: i64 = 500;
/// Who stands where the person stood.
const NOBODY: &str = "erased@invalid";

/// Everything that is kept of a person.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct PersonalData {
    /// The address that was asked for.
    pub email: String,
    /// The principal with that address.
    #[schema(value_type = Option<Object>)]
    pub principal: Option<Value>,
    /// Bookings that name the address, in whole.
    #[schema(value_type = Vec<Object>)]
    pub bookings: Vec<Value>,
    /// Audit entries by or about the person.
    #[schema(value_type = Vec<Object>)]
    pub audit: Vec<Value>,
    /// Conflicts with a version that names the address.
    #[schema(value_type = Vec<Object>)]
    pub conflicts: Vec<Value>,
}

/// What an erasure did, and what it could not reach.
#[derive(Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Erasure {
    /// Bookings from which the person was taken; copies at remote systems follow.
    pub bookings: u64,
    /// Audit entries.
    pub audit: u64,
    /// Conflicts.
    pub conflicts: u64,
    /// Whether there was a principal, which cannot sign in any more.
    pub principal: bool,
    /// What still names the person, each a sentence.
    pub remains: Vec<String>,
}

/// By what a person is recognised.
struct Somebody {
    email: String,
    principal: Option<Principal>,
}

impl Somebody {
    async fn find(tx: &mut Tx, acting: &Acting<'_>, email: &str) -> Result<Self, ManageError> {
        let email = email.trim().to_lowercase();
        if email.len() < 3 || !email.contains('@') || email == NOBODY {
            return Err(ManageError::invalid("email", "is the e-mail address of a person"));
        }
        let all = principals::list(tx, acting.tenant).await?;
        let principal = all.into_iter().find(|one| one.email.to_lowercase() == email);
        Ok(Self { email, principal })
    }

    fn actor(&self) -> String {
        self.principal.as_ref().map_or_else(String::new, |one| format!("principal:{}", one.login))
    }

    fn is(&self, person: &Person) -> bool {
        person.email.to_lowercase() == self.email
    }

    fn is_in(&self, event: &Event) -> bool {
        event.contents().any(|content| {
            content.organizer.iter().chain(&content.attendees).any(|person| self.is(person))
                || names(&content.summary, &self.email)
                || names(&content.description, &self.email)
        })
    }

    /// A text without address, login as an actor, and name.
    fn clean(&self, text: &str, alias: &str) -> String {
        let mut clean = replace(text, &self.email, NOBODY);
        if let Some(principal) = &self.principal {
            clean = clean.replace(&format!("principal:{}", principal.login), &format!("principal:{alias}"));
            if principal.display_name.contains(' ') {
                clean = replace(&clean, &principal.display_name.to_lowercase(), "Erased person");
            }
        }
        clean
    }
}

/// Everything that is kept of the person with that address.
pub async fn export(
    tx: &mut Tx,
    acting: &Acting<'_>,
    limits: &Limits,
    email: &str,
) -> Result<PersonalData, ManageError> {
    let who = Somebody::find(tx, acting, email).await?;
    let principal = match &who.principal {
        Some(one) => Some(told(tx, one).await?),
        None => None,
    };
    let mut bookings = Vec::new();
    for room in rooms::list(tx, acting.tenant).await? {
        for row in named_in(tx, &room, limits, &who).await? {
            bookings.push(json!({ "room": room.slug, "uid": row.0.uid.as_str(), "icalendar": row.0.body }));
        }
    }
    let mut audit = Vec::new();
    let mut after = String::new();
    loop {
        let rows = audit_chain::naming(tx, acting.tenant, (&who.actor(), &who.email), &after, PAGE).await?;
        let Some(last) = rows.last() else { break };
        after.clone_from(&last.id);
        audit.extend(rows.iter().map(entry));
    }
    let mut conflicts = Vec::new();
    for found in disputed(tx, acting, &who).await? {
        conflicts.push(json!({ "id": found.0, "sentence": found.1[0], "ours": found.1[1], "theirs": found.1[2] }));
    }
    acting.record(tx, "privacy.export", None, "What is known of a person was handed out.").await?;
    Ok(PersonalData { email: who.email, principal, bookings, audit, conflicts })
}

/// Takes the person with that address out of everything. Begun anew after a failure, it goes on where it was.
pub async fn erase(
    store: &Store,
    key: &Key,
    acting: &Acting<'_>,
    limits: &Limits,
    email: &str,
) -> Result<Erasure, ManageError> {
    let who = Somebody::find(&mut store.begin_read().await?, acting, email).await?;
    let mut done = Erasure { principal: who.principal.is_some(), ..Erasure::default() };
    let alias = format!("erased-{}", &uuid::Uuid::new_v4().simple().to_string()[..8]);
    for room in rooms::list(&mut store.begin_read().await?, acting.tenant).await? {
        out_of_bookings(store, acting, limits, (&room, &who), &mut done).await?;
    }
    let mut tx = store.begin_write().await?;
    for (id, texts) in disputed(&mut tx, acting, &who).await? {
        let [sentence, ours, theirs] = texts.map(|text| who.clean(&text, &alias));
        privacy::rewrite(&mut tx, acting.tenant, &id, [&sentence, &ours, &theirs]).await?;
        done.conflicts += 1;
    }
    if let Some(principal) = &who.principal {
        for secret in secrets::of_principal(&mut tx, acting.tenant, &principal.id).await? {
            secrets::revoke(&mut tx, acting.tenant, &secret.id, acting.now).await?;
        }
        privacy::rename_requests(&mut tx, acting.tenant, &principal.login, &alias).await?;
        privacy::anonymise(&mut tx, acting.tenant, &principal.id, &alias).await?;
    }
    tx.commit().await?;
    done.audit = out_of_audit(store, key, acting, (&who, &alias)).await?;
    let mut tx = store.begin_write().await?;
    let copies = privacy::agreed(&mut tx, acting.tenant, &who.email).await?;
    if copies > 0 {
        done.remains.push(format!(
            "{copies} copies at remote systems still name the person: those in the window of a sync are changed by \
             the outbox, older ones have to be changed there"
        ));
    }
    let detail = format!(
        "A person was erased: {} bookings, {} audit entries, {} conflicts.",
        done.bookings, done.audit, done.conflicts
    );
    acting.record(&mut tx, "privacy.erase", None, &detail).await?;
    tx.commit().await?;
    Ok(done)
}

async fn told(tx: &mut Tx, one: &Principal) -> Result<Value, ManageError> {
    let secrets = secrets::of_principal(tx, &one.tenant_id, &one.id).await?;
    let grants = principals::grants(tx, &one.tenant_id, &one.id).await?;
    let identities = providers::identities(tx, &one.tenant_id, &one.id).await?;
    Ok(json!({
        "login": one.login, "name": one.display_name, "email": one.email, "role": one.role,
        "created": one.created_ms.to_string(),
        "credentials": secrets.iter().map(|secret| json!({
            "label": secret.label, "kind": secret.kind, "created": secret.created_ms.to_string(),
        })).collect::<Vec<_>>(),
        "known_to_providers": identities.iter().map(|one| json!({
            "subject": one.subject, "since": one.created_ms.to_string(),
        })).collect::<Vec<_>>(),
        "grants": grants.iter().map(|grant| json!({
            "room": grant.room_id, "privilege": grant.privilege,
        })).collect::<Vec<_>>(),
    }))
}

fn entry(entry: &Chained) -> Value {
    json!({
        "at": entry.at_ms.to_string(), "actor": entry.actor, "action": entry.action, "detail": entry.detail,
        "request": entry.request,
    })
}

/// The bookings of a room that name the person.
async fn named_in(
    tx: &mut Tx,
    room: &Room,
    limits: &Limits,
    who: &Somebody,
) -> Result<Vec<(ObjectRow, Event)>, ManageError> {
    let mut found = Vec::new();
    for row in objects::list(tx, &room.tenant_id, &room.id).await? {
        let cx = ParseContext { limits, floating: &room.zone };
        let object = CalendarObject::parse(row.body.as_bytes(), &cx).map_err(ChangeError::from)?;
        if who.is_in(object.event()) || names(&row.body, &who.email) {
            found.push((row, object.event().clone()));
        }
    }
    Ok(found)
}

async fn out_of_bookings(
    store: &Store,
    acting: &Acting<'_>,
    limits: &Limits,
    (room, who): (&Room, &Somebody),
    done: &mut Erasure,
) -> Result<(), ManageError> {
    for (row, mut event) in named_in(&mut store.begin_read().await?, room, limits, who).await? {
        anonymise(&mut event, who);
        let mut tx = store.begin_write().await?;
        let change = Change {
            target: Target::Uid(row.uid.clone()),
            wish: Wish::Become(Box::new(event)),
            precondition: Precondition {
                if_match: Some(Tags::List(vec![row.etag.as_str().to_owned()])),
                if_none_match: None,
            },
            origin: Origin::System { why: "erasure" },
        };
        let applied = Box::pin(change::apply(&mut tx, Context { now: acting.now, limits }, room, change)).await?;
        let after = objects::by_uid(&mut tx, &room.tenant_id, &room.id, &row.uid).await?;
        if after.is_some_and(|after| names(&after.body, &who.email)) {
            done.remains.push(format!("booking {} in {} has the address in a line of its own", row.uid, room.slug));
        }
        tx.commit().await?;
        if applied.effect != Effect::Unchanged {
            done.bookings += 1;
        }
    }
    Ok(())
}

fn anonymise(event: &mut Event, who: &Somebody) {
    let erased = || Person { name: "Erased person".to_owned(), email: NOBODY.to_owned() };
    for content in event.contents_mut() {
        for person in content.organizer.iter_mut().chain(&mut content.attendees) {
            if who.is(person) {
                *person = erased();
            }
        }
        content.attendees.sort();
        content.attendees.dedup();
        content.summary = replace(&content.summary, &who.email, NOBODY);
        content.description = replace(&content.description, &who.email, NOBODY);
    }
}

type Disputed = (crate::model::ConflictId, [String; 3]);

/// Conflicts whose sentence or versions name the person.
async fn disputed(tx: &mut Tx, acting: &Acting<'_>, who: &Somebody) -> Result<Vec<Disputed>, ManageError> {
    let (mut found, mut after) = (Vec::new(), String::new());
    loop {
        let rows = privacy::conflicts(tx, acting.tenant, &after, PAGE).await?;
        let Some(last) = rows.last() else { return Ok(found) };
        after = last.id.to_string();
        for row in rows {
            let texts = [row.sentence, row.ours, row.theirs];
            if texts.iter().any(|text| names(text, &who.email)) {
                found.push((row.id, texts));
            }
        }
    }
}

/// Takes the person out of the audit: text, actor and request are replaced, the salt of their digest is destroyed.
async fn out_of_audit(
    store: &Store,
    key: &Key,
    acting: &Acting<'_>,
    (who, alias): (&Somebody, &str),
) -> Result<u64, ManageError> {
    chain::extend(store, key, acting.tenant).await?;
    let (mut count, mut after) = (0, String::new());
    loop {
        let mut tx = store.begin_write().await?;
        let rows = audit_chain::naming(&mut tx, acting.tenant, (&who.actor(), &who.email), &after, PAGE).await?;
        let Some(last) = rows.last() else { return Ok(count) };
        after.clone_from(&last.id);
        for mut entry in rows {
            entry.actor = who.clean(&entry.actor, alias);
            entry.detail = who.clean(&entry.detail, alias);
            entry.request = String::new();
            entry.erased_ms = Some(acting.now);
            entry.salt = chain::erasure(key, &entry);
            audit_chain::erase(&mut tx, &entry).await?;
            count += 1;
        }
        tx.commit().await?;
    }
}

fn names(text: &str, email: &str) -> bool {
    text.to_lowercase().contains(email)
}

/// Replaces `what`, which is in lower case, however it is written in a text.
fn replace(text: &str, what: &str, by: &str) -> String {
    if what.is_empty() || text.to_lowercase().len() != text.len() {
        return text.replace(what, by);
    }
    let (lower, mut clean, mut at) = (text.to_lowercase(), String::new(), 0);
    while let Some(found) = lower[at..].find(what) {
        clean.extend([text.get(at..at + found).unwrap_or_default(), by]);
        at += found + what.len();
    }
    clean + text.get(at..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::replace;

    #[test]
    fn a_name_is_replaced_however_it_is_written() {
        assert_eq!(replace("Ask KARI@x.org or kari@x.org.", "kari@x.org", "-"), "Ask - or -.");
        assert_eq!(replace("nobody", "kari@x.org", "-"), "nobody");
        assert_eq!(replace("İ kari@x.org", "kari@x.org", "-"), "İ -");
    }
}
