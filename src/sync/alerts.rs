//! Alerts: what somebody should look at, found by age and state and not by counting errors, so that a silent standstill is
//! seen too. What follows from another cause is no alert of its own, and an alert ends by itself when its cause stays gone.

use super::status::{MappingStatus, TenantStatus, status};
use super::{Engine, SyncError};
use crate::bridge::REFUSED_CREDENTIALS;
use crate::config;
use crate::model::AlertId;
use crate::model::AlertKind;
use crate::model::AlertState;
use crate::model::BridgeId;
use crate::model::MappingState;
use crate::model::RoomId;
use crate::model::Severity;
use crate::model::TenantId;
use crate::model::TenantState;
use crate::model::Timestamp;
use crate::model::WebhookState;
use crate::observe::names;
use crate::store::Tx;
use crate::store::alerts;
use crate::store::alerts::Alert;
use crate::store::bridges;
use crate::store::bridges::BridgeRow;
use crate::store::conflicts;
use crate::store::conflicts::Conflict;
use crate::store::leases;
use crate::store::operations;
use crate::store::operations::Operation;
use crate::store::overview;
use crate::store::overview::Since;
use crate::store::secrets;
use crate::store::secrets::Ending;
use crate::store::subscriptions;
use crate::store::subscriptions::Subscription;
use crate::store::tenants;
use crate::store::tenants::Tenant;
use crate::store::webhooks;
use crate::store::webhooks::Webhook;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

/// An age beyond its threshold by this factor is critical.
const MUCH: i64 = 4;

/// Conflicts and writes that are looked at.
const LOOKED_AT: i64 = 500;

/// Days for which one is missed that has ended and was in use.
const MISSED_DAYS: i64 = 7;

/// The lease under which one of several processes looks.
const LEASE: &str = "alerts";

/// Looks for what somebody should look at.
pub struct Watchman {
    /// What is looked at.
    pub engine: Arc<Engine>,
    /// From when on something counts.
    pub terms: config::Alerts,
}

impl Watchman {
    /// Works until `stop` resolves.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        tokio::pin!(stop);
        let mut interval = tokio::time::interval(Duration::from_secs(self.terms.every_seconds));
        loop {
            tokio::select! {
                () = &mut stop => break,
                _ = interval.tick() => {}
            }
            if let Err(error) = self.look().await {
                tracing::warn!("could not look for alerts: {error}");
            }
        }
    }

    /// Looks at every tenant, unless another process does, and counts what stands.
    pub async fn look(&self) -> Result<(), SyncError> {
        let all = tenants::list(&mut self.engine.store.begin_read().await?).await?;
        if self.is_ours().await? {
            let suspects = self.suspects().await?;
            for tenant in all.iter().filter(|tenant| suspects.contains(&tenant.id)) {
                evaluate(&self.engine, &self.terms, tenant).await?;
            }
            let mut tx = self.engine.store.begin_write().await?;
            alerts::forget_all(&mut tx, self.engine.now().plus_days(-self.terms.keep_days)).await?;
            tx.commit().await?;
        }
        let standing = overview::alerts(&mut self.engine.store.begin_read().await?).await?;
        self.engine.metrics.clear(&names::ALERTS);
        let keys: BTreeMap<&TenantId, &str> = all.iter().map(|one| (&one.id, one.tenant_key.as_str())).collect();
        for one in standing {
            let Some(key) = keys.get(&one.tenant_id) else { continue };
            let count = f64::from(u32::try_from(one.many).unwrap_or(u32::MAX));
            self.engine.metrics.set(&names::ALERTS, &[key, one.kind.as_str(), one.severity.as_str()], count);
        }
        Ok(())
    }

    /// Every tenant who may have a cause for an alert, or an alert whose cause may be gone.
    pub async fn suspects(&self) -> Result<BTreeSet<TenantId>, SyncError> {
        let (now, terms) = (self.engine.now(), &self.terms);
        let ago = |ms: i64| now.plus_ms(ms.saturating_neg());
        let since = Since {
            now,
            unreconciled: ago(terms.unreconciled_minutes * MINUTE_MS),
            complete_read: ago(terms.complete_read_hours * HOUR_MS),
            pending: ago(terms.pending_minutes * MINUTE_MS),
            backlog: terms.backlog,
            failed: ago(DAY_MS),
            deadline: now.plus_ms(terms.conflict_hours * HOUR_MS),
            webhook: ago(terms.webhook_minutes * MINUTE_MS),
            subscription: ago(terms.subscription_minutes * MINUTE_MS),
            ending: near(now, terms),
        };
        let mut found = overview::suspects(&mut self.engine.store.begin_read().await?, &since).await?;
        found.extend(self.engine.keys.ring.all_closed().into_keys());
        Ok(found)
    }

    async fn is_ours(&self) -> Result<bool, SyncError> {
        let engine = &self.engine;
        let mut tx = engine.store.begin_write().await?;
        let now = engine.lease_time(&mut tx).await?;
        let seconds = i64::try_from(self.terms.every_seconds).unwrap_or(i64::MAX);
        let until = now.plus_ms(seconds.saturating_mul(2_000));
        let lease = leases::acquire(&mut tx, LEASE, &engine.owner, now, until).await?;
        tx.commit().await?;
        Ok(lease.is_some())
    }
}

/// What somebody should look at, as it is found.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Cause {
    kind: AlertKind,
    about: String,
    severity: Severity,
    room: Option<RoomId>,
    sentence: String,
}

/// All that causes are found in.
struct Scene<'a> {
    now: Timestamp,
    terms: &'a config::Alerts,
    /// Why the tenant's secrets cannot be opened.
    closed: Option<String>,
    status: TenantStatus,
    subscriptions: Vec<Subscription>,
    conflicts: Vec<Conflict>,
    given_up: Vec<Operation>,
    webhooks: Vec<Webhook>,
    bridges: Vec<BridgeRow>,
    /// App passwords and API keys that end soon, or have ended lately.
    endings: Vec<Ending>,
}

/// Raises, worsens and settles the alerts of one tenant as its state says. Answers how many were raised and settled.
pub async fn evaluate(engine: &Engine, terms: &config::Alerts, tenant: &Tenant) -> Result<(usize, usize), SyncError> {
    let now = engine.now();
    let mut tx = engine.store.begin_read().await?;
    let standing = alerts::standing(&mut tx, &tenant.id).await?;
    let watched = tenant.state == TenantState::Active && tenant.health_monitoring;
    let causes = if watched { read(engine, &mut tx, terms, &tenant.id).await?.causes() } else { Vec::new() };
    drop(tx);
    let steps = decide(&standing, &causes, now, terms.settle_minutes * MINUTE_MS);
    if steps.is_empty() {
        return Ok((0, 0));
    }
    let mut tx = engine.store.begin_write().await?;
    let (mut raised, mut settled) = (0, 0);
    for step in steps {
        match step {
            Step::Raise(cause) => {
                raised += usize::from(alerts::raise(&mut tx, &new(&tenant.id, cause, now)).await?);
            }
            Step::Worse(alert, cause) => alerts::worse(&mut tx, alert, cause.severity, &cause.sentence).await?,
            Step::Absent(alert) => alerts::absent(&mut tx, alert, Some(now)).await?,
            Step::Back(alert) => alerts::absent(&mut tx, alert, None).await?,
            Step::Settle(alert) => {
                alerts::settle(&mut tx, alert, now).await?;
                settled += 1;
            }
        }
    }
    tx.commit().await?;
    Ok((raised, settled))
}

async fn read<'a>(
    engine: &Engine,
    tx: &mut Tx,
    terms: &'a config::Alerts,
    tenant: &TenantId,
) -> Result<Scene<'a>, SyncError> {
    let now = engine.now();
    Ok(Scene {
        now,
        terms,
        closed: engine.keys.ring.all_closed().remove(tenant),
        status: status(tx, tenant).await?,
        subscriptions: subscriptions::of_tenant(tx, tenant).await?,
        conflicts: conflicts::list(tx, tenant, conflicts::OPEN, LOOKED_AT).await?,
        given_up: operations::failed_since(tx, tenant, now.plus_ms(-DAY_MS), LOOKED_AT).await?,
        webhooks: webhooks::list(tx, tenant).await?,
        bridges: bridges::list(tx, tenant).await?,
        endings: secrets::ending(tx, tenant, near(now, terms), LOOKED_AT).await?,
    })
}

/// Between which times a secret ends that somebody should look at.
fn near(now: Timestamp, terms: &config::Alerts) -> (Timestamp, Timestamp) {
    (now.plus_days(-MISSED_DAYS), now.plus_days(terms.expiry_days))
}

fn new(tenant: &TenantId, cause: &Cause, now: Timestamp) -> Alert {
    Alert {
        id: AlertId::fresh(),
        tenant_id: tenant.clone(),
        kind: cause.kind,
        cause: cause.about.clone(),
        severity: cause.severity,
        room_id: cause.room.as_ref().map_or_else(String::new, RoomId::to_string),
        sentence: cause.sentence.clone(),
        state: AlertState::Open,
        raised_ms: now,
        absent_since_ms: None,
        acknowledged_ms: None,
        acknowledged_by: String::new(),
        settled_ms: None,
    }
}

/// What becomes of an alert.
#[derive(Debug, PartialEq)]
enum Step<'a> {
    Raise(&'a Cause),
    Worse(&'a Alert, &'a Cause),
    Absent(&'a Alert),
    Back(&'a Alert),
    Settle(&'a Alert),
}

/// One alert for each cause; it ends when its cause stays gone for `settle_ms`, so that one that comes and goes is one
/// alert (pure).
fn decide<'a>(standing: &'a [Alert], causes: &'a [Cause], now: Timestamp, settle_ms: i64) -> Vec<Step<'a>> {
    let is_of = |alert: &Alert, cause: &Cause| alert.kind == cause.kind && alert.cause == cause.about;
    let fresh = causes.iter().filter(|cause| !standing.iter().any(|alert| is_of(alert, cause)));
    let mut steps: Vec<Step<'a>> = fresh.map(Step::Raise).collect();
    for alert in standing {
        match (causes.iter().find(|cause| is_of(alert, cause)), alert.absent_since_ms) {
            (Some(cause), absent) => {
                steps.extend(absent.map(|_| Step::Back(alert)));
                steps.extend((cause.severity > alert.severity).then_some(Step::Worse(alert, cause)));
            }
            (None, None) => steps.push(Step::Absent(alert)),
            (None, Some(since)) if since.plus_ms(settle_ms) <= now => steps.push(Step::Settle(alert)),
            (None, Some(_)) => {}
        }
    }
    steps
}

impl Scene<'_> {
    /// All causes there are (pure).
    fn causes(&self) -> Vec<Cause> {
        let mut found = self.of_tenant();
        let refused = self.refused();
        found.extend(refused.values().cloned());
        let silenced: BTreeSet<&BridgeId> = refused.keys().copied().collect();
        for one in self.status.rooms.iter().flat_map(|room| &room.mappings) {
            found.extend(self.of_mapping(one, silenced.contains(&one.mapping.bridge_id)));
        }
        found.extend(self.conflicts.iter().filter_map(|conflict| self.of_conflict(conflict)));
        found.extend(self.webhooks.iter().filter_map(|webhook| self.of_webhook(webhook)));
        found.extend(self.bridges.iter().filter_map(|bridge| self.of_bridge(bridge)));
        found.extend(self.endings.iter().filter_map(|ending| self.of_ending(ending)));
        found
    }

    fn of_tenant(&self) -> Vec<Cause> {
        let closed = self.closed.as_ref().map(|why| Cause {
            kind: AlertKind::SecretsClosed,
            about: String::new(),
            severity: Severity::Critical,
            room: None,
            sentence: format!("The secrets of the tenant cannot be opened, and it is not synchronised: {why}"),
        });
        let most = self.terms.backlog;
        let backlog = (self.status.pending > most).then(|| Cause {
            kind: AlertKind::Backlog,
            about: String::new(),
            severity: Severity::Warning,
            room: None,
            sentence: format!("More than {most} writes to remote systems wait."),
        });
        closed.into_iter().chain(backlog).collect()
    }

    /// Bridges that let nobody in: one cause for all their rooms.
    fn refused(&self) -> BTreeMap<&BridgeId, Cause> {
        let all = self.status.rooms.iter().flat_map(|room| &room.mappings);
        let refused = all.filter(|one| {
            let mapping = &one.mapping;
            mapping.state == MappingState::Active
                && mapping.failures > 0
                && mapping.last_error.contains(REFUSED_CREDENTIALS)
        });
        let cause = |one: &MappingStatus| Cause {
            kind: AlertKind::Credentials,
            about: one.mapping.bridge_id.to_string(),
            severity: Severity::Critical,
            room: None,
            sentence: format!("Bridge {} cannot sign in: {}", one.bridge, one.mapping.last_error),
        };
        refused.map(|one| (&one.mapping.bridge_id, cause(one))).collect()
    }

    /// What is the matter with a mapping. Where its bridge lets nobody in, or it is held, its ages follow from that.
    fn of_mapping(&self, one: &MappingStatus, silenced: bool) -> Vec<Cause> {
        let mapping = &one.mapping;
        let named = |kind, severity, sentence| Cause {
            kind,
            about: mapping.id.to_string(),
            severity,
            room: Some(mapping.room_id.clone()),
            sentence,
        };
        let name = format!("{} on {}", mapping.remote_name, one.bridge);
        if mapping.state == MappingState::Held {
            let sentence = format!("{name} is held until a person releases it: {}", mapping.reason);
            return vec![named(AlertKind::Held, Severity::Warning, sentence)];
        }
        if mapping.state != MappingState::Active || silenced || self.closed.is_some() {
            return Vec::new();
        }
        let terms = self.terms;
        let mut found = Vec::new();
        let mut aged = |kind, since: Option<Timestamp>, most_ms: i64, what: &str| {
            let Some(since) = since else { return };
            let age_ms = self.now.ms() - since.ms();
            if age_ms > most_ms {
                let severity =
                    if age_ms > most_ms.saturating_mul(MUCH) { Severity::Critical } else { Severity::Warning };
                found.push(named(kind, severity, format!("{name}: {what} since {since}.")));
            }
        };
        let (unreconciled, pending) = (terms.unreconciled_minutes * MINUTE_MS, terms.pending_minutes * MINUTE_MS);
        aged(AlertKind::Unreconciled, mapping.dirty_since_ms, unreconciled, "what changed there is not here");
        aged(AlertKind::Pending, one.oldest_pending, pending, "what changed here is not there");
        let read = mapping.completed_ms.unwrap_or(mapping.created_ms);
        aged(AlertKind::CompleteRead, Some(read), terms.complete_read_hours * HOUR_MS, "not read completely");
        let silent = self.silent_since(one);
        aged(AlertKind::Subscription, silent, terms.subscription_minutes * MINUTE_MS, "no notifications");
        let given_up = self.given_up.iter().filter(|operation| operation.mapping_id == mapping.id).count();
        if given_up > terms.dead_letters {
            let sentence = format!("{name}: more than {} writes were given up within a day.", terms.dead_letters);
            found.push(named(AlertKind::DeadLetters, Severity::Warning, sentence));
        }
        found
    }

    /// Since when a mapping has subscriptions of which none works.
    fn silent_since(&self, one: &MappingStatus) -> Option<Timestamp> {
        let own = || self.subscriptions.iter().filter(|of| of.mapping_id == one.mapping.id);
        if own().any(|subscription| subscription.is_healthy(self.now)) {
            return None;
        }
        own().map(|of| of.notified_ms.unwrap_or(of.created_ms).max(of.created_ms)).max()
    }

    fn of_conflict(&self, conflict: &Conflict) -> Option<Cause> {
        let deadline = conflict.deadline_ms?;
        let near = deadline.ms() - self.now.ms() <= self.terms.conflict_hours * HOUR_MS;
        near.then(|| Cause {
            kind: AlertKind::ConflictDeadline,
            about: conflict.id.to_string(),
            severity: Severity::Warning,
            room: Some(conflict.room_id.clone()),
            sentence: format!("Conflict {} ({}) is decided by rule at {deadline}.", conflict.id, conflict.kind),
        })
    }

    /// A client secret that ends soon, where the bridge says when.
    fn of_bridge(&self, bridge: &BridgeRow) -> Option<Cause> {
        let settings: Value = serde_json::from_str(&bridge.settings).ok()?;
        let day: jiff::civil::Date = settings.get("client_secret_expires")?.as_str()?.parse().ok()?;
        let ends = Timestamp::from_jiff(day.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp());
        let left_ms = ends.ms() - self.now.ms();
        let severity = match left_ms {
            left if left <= self.terms.expiry_critical_days * DAY_MS => Severity::Critical,
            left if left <= self.terms.expiry_days * DAY_MS => Severity::Warning,
            _ => return None,
        };
        let name = &bridge.name;
        let sentence = format!(
            "The client secret of bridge {name} ends on {day}: make another one there, and give the bridge both the secret \
             and its client_secret_expires."
        );
        Some(Cause { kind: AlertKind::SecretExpiry, about: bridge.id.to_string(), severity, room: None, sentence })
    }

    /// An app password or API key that ends soon and was not replaced. For one that was never meant to last long, the last
    /// third of its time is soon. One that has ended is missed only if it was in use until then.
    fn of_ending(&self, one: &Ending) -> Option<Cause> {
        let (ends, left_ms) = (one.expires_ms, one.expires_ms.ms() - self.now.ms());
        let lead = |days: i64| (days * DAY_MS).min((ends.ms() - one.created_ms.ms()) / 3);
        let was_used = one.last_used_ms.is_some_and(|used| ends.ms() - used.ms() <= DAY_MS);
        let (severity, what) = match left_ms {
            left if left <= 0 && was_used => (Severity::Critical, "has ended at"),
            left if left <= 0 => return None,
            left if left <= lead(self.terms.expiry_critical_days) => (Severity::Critical, "ends at"),
            left if left <= lead(self.terms.expiry_days) => (Severity::Warning, "ends at"),
            _ => return None,
        };
        let (kind, label, login, id) = (one.kind.replace('_', " "), &one.label, &one.login, &one.id);
        let sentence = format!(
            "The {kind} {label:?} of {login} {what} {ends}: rotate it (anteroom user rotate {login} {id}) and bring the new \
             one to where it is used, or withdraw it."
        );
        Some(Cause { kind: AlertKind::SecretExpiry, about: id.clone(), severity, room: None, sentence })
    }

    fn of_webhook(&self, webhook: &Webhook) -> Option<Cause> {
        let most_ms = self.terms.webhook_minutes * MINUTE_MS;
        let failing = webhook.failing_since_ms.filter(|since| self.now.ms() - since.ms() > most_ms);
        let sentence = match (webhook.state, failing) {
            (WebhookState::Disabled, _) => {
                format!("The webhook {} is disabled: {}", webhook.label, webhook.reason)
            }
            (WebhookState::Active, Some(since)) => {
                format!("The webhook {} takes nothing since {since}: {}", webhook.label, webhook.last_error)
            }
            (WebhookState::Active | WebhookState::Paused, _) => return None,
        };
        let (kind, severity) = (AlertKind::Webhook, Severity::Warning);
        Some(Cause { kind, about: webhook.id.to_string(), severity, room: None, sentence })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cause(about: &str, severity: Severity) -> Cause {
        let sentence = "It is so.".to_owned();
        Cause { kind: AlertKind::Held, about: about.to_owned(), severity, room: None, sentence }
    }

    fn standing(about: &str, absent: Option<i64>) -> Alert {
        let made = new(&TenantId::from("t"), &cause(about, Severity::Warning), Timestamp(0));
        Alert { absent_since_ms: absent.map(Timestamp), ..made }
    }

    #[test]
    fn a_cause_is_one_alert_that_ends_when_it_stays_gone() {
        let now = Timestamp(10_000);
        let here = [cause("a", Severity::Warning)];
        assert_eq!(decide(&[], &here, now, 5_000), [Step::Raise(&here[0])]);
        let a = [standing("a", None)];
        assert_eq!(decide(&a, &here, now, 5_000), []);
        assert_eq!(decide(&a, &[], now, 5_000), [Step::Absent(&a[0])]);
        let gone = [standing("a", Some(5_001))];
        assert_eq!(decide(&gone, &[], now, 5_000), []);
        assert_eq!(decide(&gone, &here, now, 5_000), [Step::Back(&gone[0])], "what comes and goes is one alert");
        let long = [standing("a", Some(5_000))];
        assert_eq!(decide(&long, &[], now, 5_000), [Step::Settle(&long[0])]);
    }

    #[test]
    fn refused_credentials_are_known_by_their_sentence() {
        let said = crate::bridge::BridgeError::Auth("no token".to_owned()).to_string();
        assert!(said.starts_with(REFUSED_CREDENTIALS), "{said}");
    }

    #[test]
    fn an_alert_grows_worse_and_never_better() {
        let worse = [cause("a", Severity::Critical)];
        let a = [standing("a", None)];
        assert_eq!(decide(&a, &worse, Timestamp(1), 1), [Step::Worse(&a[0], &worse[0])]);
        let critical = [Alert { severity: Severity::Critical, ..standing("a", None) }];
        let milder = [cause("a", Severity::Warning)];
        assert_eq!(decide(&critical, &milder, Timestamp(1), 1), []);
    }
}
