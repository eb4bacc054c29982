//! Every metric: its name, its labels, its buckets. A metric that is not in [`ALL`] does not exist.

/// What a metric is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Only rises.
    Counter,
    /// Rises and falls.
    Gauge,
    /// Counts values by size; the numbers are the upper bounds of the buckets.
    Histogram(&'static [f64]),
}

/// A metric with all its label values.
#[derive(Debug)]
pub struct Family {
    /// Its name in the Prometheus text.
    pub name: &'static str,
    /// What it says.
    pub help: &'static str,
    /// What it is.
    pub kind: Kind,
    /// The names of its labels.
    pub labels: &'static [&'static str],
}

const fn counter(name: &'static str, help: &'static str, labels: &'static [&'static str]) -> Family {
    Family { name, help, kind: Kind::Counter, labels }
}

const fn gauge(name: &'static str, help: &'static str, labels: &'static [&'static str]) -> Family {
    Family { name, help, kind: Kind::Gauge, labels }
}

const fn histogram(
    name: &'static str,
    help: &'static str,
    labels: &'static [&'static str],
    buckets: &'static [f64],
) -> Family {
    Family { name, help, kind: Kind::Histogram(buckets), labels }
}

const REQUEST_SECONDS: &[f64] = &[0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
const SYNC_SECONDS: &[f64] = &[0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0];

/// Requests answered.
pub static HTTP_REQUESTS: Family =
    counter("anteroom_http_requests_total", "Requests answered.", &["method", "route", "status"]);
/// Time from a request's head to its answer's head.
pub static HTTP_SECONDS: Family =
    histogram("anteroom_http_request_duration_seconds", "Time to answer.", &["route"], REQUEST_SECONDS);
/// Failed log-ins.
pub static AUTH_FAILURES: Family = counter("anteroom_authentication_failures_total", "Failed log-ins.", &["door"]);
/// Pulls of a mapping.
pub static SYNC_PULLS: Family = counter("anteroom_sync_pulls_total", "Pulls of a mapping.", &["bridge", "outcome"]);
/// Writes to a remote system.
pub static SYNC_PUSHES: Family =
    counter("anteroom_sync_pushes_total", "Writes to a remote system.", &["bridge", "outcome"]);
/// Conflicts that wait for a person.
pub static CONFLICTS_OPEN: Family = gauge("anteroom_conflicts_open", "Conflicts that wait for a person.", &["tenant"]);
/// Outgoing writes that wait.
pub static OPERATIONS_PENDING: Family = gauge("anteroom_operations_pending", "Outgoing writes that wait.", &["tenant"]);
/// Age of the oldest change that is not on all sides yet: the one number to alert on.
pub static OLDEST_UNRECONCILED: Family = gauge(
    "anteroom_oldest_unreconciled_change_age_seconds",
    "Age of the oldest change that is not on all sides yet.",
    &["tenant"],
);
/// Mappings by state.
pub static MAPPINGS: Family = gauge("anteroom_mappings", "Mappings by state.", &["tenant", "state"]);
/// Living subscriptions for notifications.
pub static SUBSCRIPTIONS: Family = gauge("anteroom_subscriptions", "Subscriptions by state.", &["tenant", "state"]);
/// Length of a sync of one room.
pub static TENANT_SYNC_SECONDS: Family =
    histogram("tenant_sync_duration_seconds", "Length of a sync of one room.", &["tenant", "bridge"], SYNC_SECONDS);
/// Mappings of a tenant that are due and wait for a worker.
pub static TENANT_SYNC_QUEUE: Family =
    gauge("tenant_sync_queue_length", "Mappings that are due and wait for a worker.", &["tenant"]);
/// Notifications received.
pub static WEBHOOKS: Family =
    counter("anteroom_webhook_notifications_total", "Notifications received.", &["source", "outcome"]);
/// Feeds fetched.
pub static FEEDS: Family = counter("anteroom_feed_requests_total", "Feeds fetched.", &["client", "outcome"]);
/// Push messages to clients.
pub static PUSH_MESSAGES: Family =
    counter("anteroom_push_messages_total", "Push messages to clients by what became of them.", &["outcome"]);
/// Registrations for push messages.
pub static PUSH_REGISTRATIONS: Family =
    gauge("anteroom_push_registrations", "Registrations of clients for push messages.", &["tenant"]);
/// Deliveries to webhooks.
pub static DELIVERIES: Family =
    counter("anteroom_deliveries_total", "Deliveries to webhooks by what became of them.", &["outcome"]);
/// Deliveries that wait.
pub static DELIVERIES_PENDING: Family =
    gauge("anteroom_deliveries_pending", "Deliveries to webhooks that wait.", &["tenant"]);
/// Alerts whose cause lasts.
pub static ALERTS: Family = gauge("anteroom_alerts", "Alerts whose cause lasts.", &["tenant", "kind", "severity"]);
/// Sealed values by the key they are sealed with.
pub static SEALED_VALUES: Family =
    gauge("anteroom_sealed_values", "Stored secrets by the key they are sealed with.", &["key"]);
/// Stored secrets that a rotation has still to seal anew.
pub static SEALED_LEFT: Family =
    gauge("anteroom_sealed_values_left", "Stored secrets that a rotation has still to seal anew.", &[]);
/// Tenants whose secrets cannot be opened.
pub static TENANTS_CLOSED: Family =
    gauge("anteroom_tenants_closed", "Tenants whose secrets cannot be opened and which are not synchronised.", &[]);
/// When the newest backup was made.
pub static BACKUP_TIME: Family =
    gauge("anteroom_backup_timestamp_seconds", "When the newest backup was made, in seconds since the epoch.", &[]);
/// Backups of the server by what became of them.
pub static BACKUPS: Family =
    counter("anteroom_backups_total", "Backups that the server began, by what became of them.", &["outcome"]);
/// Whether the database tells what other replicas do.
pub static DATABASE_LISTENING: Family = gauge(
    "anteroom_database_listening",
    "1 while PostgreSQL tells what other replicas do, 0 while it is asked instead.",
    &[],
);
/// Version of the program; always 1.
pub static BUILD: Family = gauge("anteroom_build_info", "Version of the program; always 1.", &["version"]);

/// All metrics, in the order they are shown.
pub static ALL: &[&Family] = &[
    &BUILD,
    &HTTP_REQUESTS,
    &HTTP_SECONDS,
    &AUTH_FAILURES,
    &SYNC_PULLS,
    &SYNC_PUSHES,
    &CONFLICTS_OPEN,
    &OPERATIONS_PENDING,
    &OLDEST_UNRECONCILED,
    &MAPPINGS,
    &SUBSCRIPTIONS,
    &TENANT_SYNC_SECONDS,
    &TENANT_SYNC_QUEUE,
    &WEBHOOKS,
    &FEEDS,
    &PUSH_MESSAGES,
    &PUSH_REGISTRATIONS,
    &DELIVERIES,
    &DELIVERIES_PENDING,
    &ALERTS,
    &SEALED_VALUES,
    &SEALED_LEFT,
    &TENANTS_CLOSED,
    &BACKUP_TIME,
    &BACKUPS,
    &DATABASE_LISTENING,
];
