//! Places and users: which rooms there are.

use super::Call;
use super::Graph;
use super::Mailbox;
use super::attendant::Policy;
use super::view;
use super::wire::Failure;
use crate::sandbox::wire::Reply;
use serde_json::Value;
use serde_json::json;
use std::collections::BTreeMap;

/// A mailbox to add.
pub(in crate::sandbox) struct NewMailbox {
    pub address: String,
    pub name: String,
    pub kind: &'static str,
    pub capacity: u32,
    pub building: String,
    pub policy: Policy,
}

/// Adds a mailbox unless the address is taken. Its object id follows from the address.
pub(super) fn add(graph: &mut Graph, new: NewMailbox) {
    let lower = new.address.to_lowercase();
    let object_id = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_URL, format!("mailto:{lower}").as_bytes()).to_string();
    graph.mailboxes.entry(lower).or_insert_with(|| Mailbox {
        object_id,
        address: new.address,
        name: new.name,
        kind: new.kind.to_owned(),
        capacity: new.capacity,
        building: new.building,
        policy: new.policy,
        seq: 0,
        items: BTreeMap::new(),
        gone: BTreeMap::new(),
        transactions: BTreeMap::new(),
        dirty: true,
    });
}

/// `GET /places/microsoft.graph.room`: rooms only, equipment is no place.
pub(super) fn list(graph: &Graph, call: &Call<'_>, kind: &str) -> Result<Reply, Failure> {
    let rooms = graph.mailboxes.values().filter(|mailbox| mailbox.kind == "room");
    let rows: Vec<Value> = match kind {
        "microsoft.graph.room" => rooms.map(room).collect(),
        "microsoft.graph.roomlist" | "microsoft.graph.workspace" => Vec::new(),
        other => return Err(Failure::new(400, "BadRequest", &format!("'{other}' is not a type of place."))),
    };
    view::page(call, rows, 100)
}

/// `GET /places/{id or address}`.
pub(super) fn get(graph: &Graph, id: &str) -> Result<Reply, Failure> {
    let found = graph.mailboxes.values().find(|mailbox| {
        mailbox.kind == "room" && (place_id(mailbox) == id || mailbox.address.eq_ignore_ascii_case(id))
    });
    let mailbox = found.ok_or_else(|| Failure::new(404, "ResourceNotFound", "The place does not exist."))?;
    Ok(Reply::json(200, &room(mailbox)))
}

/// `GET /users/{id}`.
pub(super) fn user(mailbox: &Mailbox) -> Value {
    json!({
        "@odata.context": "https://graph.microsoft.com/v1.0/$metadata#users/$entity",
        "id": mailbox.object_id, "displayName": mailbox.name, "mail": mailbox.address,
        "userPrincipalName": mailbox.address, "jobTitle": null, "mobilePhone": null,
    })
}

/// A place's id is not the mailbox's.
fn place_id(mailbox: &Mailbox) -> String {
    uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, mailbox.object_id.as_bytes()).to_string()
}

fn room(mailbox: &Mailbox) -> Value {
    json!({
        "@odata.type": "#microsoft.graph.room", "id": place_id(mailbox), "placeId": place_id(mailbox),
        "emailAddress": mailbox.address, "displayName": mailbox.name, "nickname": mailbox.name,
        "capacity": mailbox.capacity, "building": mailbox.building, "floorNumber": null, "floorLabel": null,
        "label": null, "phone": "", "tags": [], "isWheelChairAccessible": true, "bookingType": "standard",
        "audioDeviceName": null, "videoDeviceName": null, "displayDeviceName": null,
        "address": {"street": "Rådhusgata 1", "city": "Fjordby", "state": "", "postalCode": "0001",
                    "countryOrRegion": "Norway"},
        "geoCoordinates": null,
    })
}

impl Mailbox {
    /// Replaces the policy.
    pub(in crate::sandbox) fn set_policy(&mut self, policy: Policy) {
        self.policy = policy;
        self.dirty = true;
    }
}
