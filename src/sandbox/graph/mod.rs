//! The Microsoft Graph simulator: mailboxes with calendars, places, delta, subscriptions, batches, the room attendant.

mod attendant;
mod auth;
mod batch;
mod delta;
mod events;
mod item;
mod places;
mod series;
mod subscriptions;
mod view;
mod wire;
mod write;

pub(super) use attendant::Policy;
pub(super) use places::NewMailbox;
pub(super) use subscriptions::Lifecycle;

use super::state::Files;
use super::state::World;
use super::state::lock;
use super::wire::Reply;
use super::wire::Request;
use crate::model::Timestamp;
use item::Item;
use serde::Deserialize;
use serde::Serialize;
use serde_json::Value;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use subscriptions::Subscription;
use wire::Failure;
use wire::Prefer;

/// How long Exchange takes to touch a new event once more, and the attendant to answer.
const AFTERTHOUGHT: Duration = Duration::from_millis(250);

/// All mailboxes of the simulated tenant.
#[derive(Default)]
pub(super) struct Graph {
    /// By address in lower case.
    pub(super) mailboxes: BTreeMap<String, Mailbox>,
    pub(super) general: General,
    /// What changed since the last look, for the subscribers.
    outbox: Vec<Notice>,
    /// What happens a moment later.
    later: Vec<Later>,
}

/// What belongs to no mailbox.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct General {
    /// The key tokens are signed with.
    secret: u64,
    /// Tokens of an earlier epoch are refused.
    pub(super) token_epoch: u32,
    /// Delta cursors of an earlier epoch are refused.
    pub(super) cursor_epoch: u32,
    /// How many ids were given out.
    ids: u64,
    subscriptions: BTreeMap<String, Subscription>,
    #[serde(skip)]
    dirty: bool,
}

/// One mailbox with its default calendar.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Mailbox {
    pub(super) object_id: String,
    pub(super) address: String,
    pub(super) name: String,
    /// `room`, `equipment` or `person`.
    pub(super) kind: String,
    pub(super) capacity: u32,
    pub(super) building: String,
    pub(super) policy: Policy,
    /// The number of the last change.
    seq: u64,
    items: BTreeMap<String, Item>,
    /// Deleted events with the number of the change that deleted them.
    gone: BTreeMap<String, u64>,
    /// transactionIds used, with a digest of the content and the event made.
    transactions: BTreeMap<String, (u64, String)>,
    #[serde(skip)]
    dirty: bool,
}

/// One change of one event, for the subscribers.
#[derive(Clone, Debug)]
struct Notice {
    object_id: String,
    stem: String,
    seq: u64,
    change: &'static str,
}

/// Something that happens a moment after a request.
#[derive(Clone, Debug)]
enum Later {
    /// The change key moves without anybody's doing.
    Bump { address: String, stem: String },
    /// Invitations reach the attendees.
    Deliver { address: String, stem: String },
}

/// What one request carries through the simulator.
struct Call<'a> {
    request: &'a Request,
    prefer: Prefer,
    now: Timestamp,
    /// Whether the switchboard wants cursors refused.
    cursor_gone: bool,
}

impl Graph {
    /// The mailboxes as they were saved.
    pub(super) fn load(files: &Files, seed: u64) -> std::io::Result<Self> {
        let mut graph = Self { general: files.read("graph.json")?.unwrap_or_default(), ..Self::default() };
        if graph.general.secret == 0 {
            graph.general.secret = seed.wrapping_mul(0x9E37_79B9).wrapping_add(1);
            graph.general.dirty = true;
        }
        for name in files.names("mailbox-")? {
            if let Some(mailbox) = files.read::<Mailbox>(&name)? {
                graph.mailboxes.insert(mailbox.address.to_lowercase(), mailbox);
            }
        }
        Ok(graph)
    }

    /// Writes the parts that changed, the counters first: a kill in between may cost an id, but never gives one twice.
    pub(super) fn save(&mut self, files: &Files) -> std::io::Result<()> {
        if self.general.dirty {
            files.write("graph.json", &self.general)?;
            self.general.dirty = false;
        }
        for mailbox in self.mailboxes.values_mut().filter(|mailbox| mailbox.dirty) {
            files.write(&format!("mailbox-{}.json", mailbox.object_id), mailbox)?;
            mailbox.dirty = false;
        }
        Ok(())
    }

    /// Forgets all mailboxes and subscriptions. Tokens given out stay good.
    pub(super) fn clear(&mut self, files: &Files) -> std::io::Result<()> {
        for mailbox in self.mailboxes.values() {
            files.remove(&format!("mailbox-{}.json", mailbox.object_id))?;
        }
        let secret = self.general.secret;
        let cursor_epoch = self.general.cursor_epoch + 1;
        *self = Self::default();
        self.general = General { secret, cursor_epoch, dirty: true, ..General::default() };
        Ok(())
    }

    /// Marks everything that belongs to no mailbox as changed.
    pub(super) const fn touch_general(&mut self) {
        self.general.dirty = true;
    }

    /// The mailbox addressed by object id or address.
    pub(super) fn mailbox(&mut self, id: &str) -> Option<&mut Mailbox> {
        let lower = id.to_lowercase();
        if self.mailboxes.contains_key(&lower) {
            return self.mailboxes.get_mut(&lower);
        }
        self.mailboxes.values_mut().find(|mailbox| mailbox.object_id == lower)
    }

    /// Whether no mailbox ever held an event.
    pub(super) fn is_untouched(&self) -> bool {
        self.mailboxes.values().all(|mailbox| mailbox.seq == 0)
    }

    /// Everything, for a person who looks.
    pub(super) fn show(&self) -> Value {
        let prefer = Prefer::plain();
        let mailboxes: BTreeMap<&String, Value> = self
            .mailboxes
            .iter()
            .map(|(address, mailbox)| {
                let events: Vec<Value> =
                    mailbox.items.values().map(|item| events::show_for_control(item, &prefer)).collect();
                let shown = json!({
                    "objectId": mailbox.object_id, "name": mailbox.name, "kind": mailbox.kind,
                    "policy": mailbox.policy, "changes": mailbox.seq, "events": events,
                });
                (address, shown)
            })
            .collect();
        let subscriptions: Vec<Value> = self.general.subscriptions.values().map(Subscription::render).collect();
        json!({"mailboxes": mailboxes, "subscriptions": subscriptions})
    }
}

/// Answers one request to Graph or to the token endpoint.
pub(super) async fn answer(world: &Arc<World>, request: &Request) -> Reply {
    let now = world.now();
    let segments = request.segments();
    let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
    if let [tenant, "oauth2", "v2.0", "token"] = parts[..] {
        return auth::token(world, request, tenant);
    }
    if let Err(failure) = auth::check(world, request, now) {
        return failure.reply(request, now);
    }
    let outcome = match (request.method.as_str(), &parts[..]) {
        ("POST", ["v1.0", "$batch"]) => batch::answer(world, request).await,
        ("POST", ["v1.0", "subscriptions"]) => subscriptions::create(world, request).await,
        _ => perform(world, request, &parts, now),
    };
    outcome.unwrap_or_else(|failure| failure.reply(request, now))
}

/// Answers one request that needs no waiting, saves, and sets off what follows from it.
fn perform(world: &Arc<World>, request: &Request, parts: &[&str], now: Timestamp) -> Result<Reply, Failure> {
    let is_cursor = request.param("$deltatoken").or_else(|| request.param("$skiptoken")).is_some();
    let cursor_gone = is_cursor && lock(&world.faults).graph.cursor_gone(&mut lock(&world.dice));
    let call = Call { request, prefer: Prefer::of(request)?, now, cursor_gone };
    let outcome = {
        let mut graph = lock(&world.graph);
        let outcome = route(&mut graph, &call, parts);
        world.save_graph(&mut graph);
        outcome
    };
    settle(world);
    outcome
}

fn route(graph: &mut Graph, call: &Call<'_>, parts: &[&str]) -> Result<Reply, Failure> {
    match (call.request.method.as_str(), parts) {
        ("GET", ["v1.0", "places", kind]) if kind.starts_with("microsoft.graph.") => places::list(graph, call, kind),
        ("GET", ["v1.0", "places", id]) => places::get(graph, id),
        (_, ["v1.0", "subscriptions", rest @ ..]) => subscriptions::route(graph, call, rest),
        (_, ["v1.0", "users", user, rest @ ..]) => {
            let mailbox = graph.mailbox(user).ok_or_else(|| {
                Failure::new(404, "ErrorInvalidUser", &format!("The requested user '{user}' is invalid."))
            })?;
            if mailbox.policy.access_denied && !rest.is_empty() {
                let text = "Access is denied. Check credentials and try again.";
                return Err(Failure::new(403, "ErrorAccessDenied", text));
            }
            let address = mailbox.address.to_lowercase();
            events::route(graph, call, &address, rest)
        }
        _ => Err(no_route(call.request)),
    }
}

fn no_route(request: &Request) -> Failure {
    let text = format!("Resource not found for the segment in {} '{}'.", request.method, request.path);
    Failure::new(400, "BadRequest", &text)
}

/// Sends out what the last requests caused: notifications now, afterthoughts a moment later.
pub(super) fn settle(world: &Arc<World>) {
    let (notices, later) = {
        let mut graph = lock(&world.graph);
        (std::mem::take(&mut graph.outbox), std::mem::take(&mut graph.later))
    };
    subscriptions::notify(world, notices);
    if later.is_empty() {
        return;
    }
    let shared = Arc::clone(world);
    world.spawn(async move {
        tokio::time::sleep(AFTERTHOUGHT).await;
        {
            let now = shared.now();
            let mut graph = lock(&shared.graph);
            for work in later {
                match work {
                    Later::Bump { address, stem } => events::bump(&mut graph, &address, &stem),
                    Later::Deliver { address, stem } => attendant::deliver(&mut graph, &address, &stem, now),
                }
            }
            shared.save_graph(&mut graph);
        }
        settle_again(&shared);
    });
}

/// A step of its own so that the background work does not contain itself.
fn settle_again(world: &Arc<World>) {
    settle(world);
}

/// Takes up invitations that were on their way when the sandbox stopped.
pub(super) fn resume(world: &Arc<World>) {
    attendant::resume(&mut lock(&world.graph));
    settle(world);
}

/// Adds mailboxes, for the seed.
pub(super) fn add_mailbox(world: &Arc<World>, new: NewMailbox) {
    let mut graph = lock(&world.graph);
    places::add(&mut graph, new);
    world.save_graph(&mut graph);
}

/// Sends a lifecycle notification to all subscribers, or ends all subscriptions with one.
pub(super) fn lifecycle(world: &Arc<World>, event: Lifecycle) -> usize {
    subscriptions::lifecycle(world, event)
}

/// Answers a request of a person or of the seed: no token, no faults.
pub(super) fn inside(world: &Arc<World>, request: &Request) -> Reply {
    let now = world.now();
    let segments = request.segments();
    let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
    perform(world, request, &parts, now).unwrap_or_else(|failure| failure.reply(request, now))
}
