//! All that the predecessor's interface has: one row for each method and path. It is mounted, described and tested from
//! here.

use super::call::Handler;
use super::{alerts, bridges, counts, mappings, subscriptions, sync, tenants};
use crate::model::Role;

/// One method of one path.
pub(super) struct Route {
    /// The method.
    pub(super) method: &'static str,
    /// The path; `{…}` stands for one segment.
    pub(super) path: &'static str,
    /// The weakest role that may.
    pub(super) role: Role,
    /// Whether it stays as it is; otherwise there is a better place, and answers say so.
    pub(super) is_kept: bool,
    /// What does the same here.
    pub(super) instead: &'static str,
    /// What it does.
    pub(super) summary: &'static str,
    /// What answers.
    pub(super) run: Handler,
}

macro_rules! routes {
    ($($kept:ident $method:ident $path:literal $role:ident $module:ident::$handler:ident $summary:literal
        => $instead:literal;)*) => {
        &[$(Route {
            method: stringify!($method),
            path: $path,
            role: Role::$role,
            is_kept: routes!(@ $kept),
            instead: $instead,
            summary: $summary,
            run: |call| Box::pin($module::$handler(call)),
        }),*]
    };
    (@ kept) => { true };
    (@ moved) => { false };
}

/// All of them. Where two paths fit one request, the earlier one is meant.
pub(super) static ROUTES: &[Route] = routes! {
    kept GET "/bridges" TenantViewer bridges::list
        "Lists the bridges and what each can do"
        => "/v1/tenants/{tenant}/bridges";
    kept GET "/bridges/health" TenantViewer bridges::health
        "Asks every remote system whether it answers, and counts the mappings"
        => "/v1/tenants/{tenant}/status";
    kept GET "/bridges/{bridge}/calendars" TenantOperator bridges::calendars
        "Lists the calendars of a bridge"
        => "/v1/tenants/{tenant}/bridges/{bridge}/calendars";
    kept POST "/bridges/sync/{source}/{target}" TenantOperator sync::between
        "Brings what one bridge has to another one, and says what that did"
        => "/v1/tenants/{tenant}/sync";
    kept POST "/bridges/process-deletion-queue" TenantOperator sync::deletion_queue
        "Sends the deletions that wait"
        => "/v1/tenants/{tenant}/operations";
    kept POST "/bridges/sync-deletions" TenantOperator sync::deletions
        "Looks for cancelled and re-enabled bookings on all sides and carries them on"
        => "/v1/tenants/{tenant}/sync";
    kept GET "/bridges/deletion-stats" TenantViewer counts::cancel_stats
        "Counts copies that ended, by system"
        => "/v1/tenants/{tenant}/links";
    kept GET "/bridges/sync-deletionsion-stats" TenantViewer counts::cancel_stats
        "The same at a misspelt address that is written in guides"
        => "/v1/tenants/{tenant}/links";
    kept GET "/bridges/{bridge}/config" TenantAdmin bridges::config
        "Settings of a bridge; of its secrets only that there are some"
        => "/v1/tenants/{tenant}/bridges/{bridge}";
    kept PUT "/bridges/{bridge}/config" TenantAdmin bridges::set_config
        "Changes settings or secrets of a bridge"
        => "/v1/tenants/{tenant}/bridges/{bridge}";
    kept POST "/bridges/{bridge}/test" TenantOperator bridges::test
        "Signs in at the remote system of a bridge"
        => "/v1/tenants/{tenant}/bridges/{bridge}/calendars";
    kept POST "/bridges/poll-changes" TenantOperator sync::all
        "Reads all calendars and sends what waits"
        => "/v1/tenants/{tenant}/sync";
    kept GET "/bridges/{bridge}/available-resources" TenantOperator bridges::resources
        "Lists what can be mapped; query looks in names and addresses"
        => "/v1/tenants/{tenant}/bridges/{bridge}/calendars";
    kept GET "/bridges/{bridge}/available-groups" TenantOperator bridges::groups
        "Lists groups of what is mapped, one for each building"
        => "/v1/tenants/{tenant}/rooms";
    moved POST "/bridges/sync-all" SuperAdmin sync::all_tenants
        "Syncs all tenants"
        => "/v1/tenants/{tenant}/sync";
    moved POST "/bridges/sync-all/{source}/{target}" SuperAdmin sync::all_tenants
        "Syncs all tenants; mappings say which way"
        => "/v1/tenants/{tenant}/sync";
    moved POST "/bridges/sync-deletions-all" SuperAdmin sync::deletions_of_all_tenants
        "Carries cancellations of all tenants on"
        => "/v1/tenants/{tenant}/sync";
    moved GET "/bridges/health-all" SuperAdmin bridges::health_all
        "Health of all tenants"
        => "/v1/tenants/{tenant}/status";
    moved POST "/alerts/check" TenantOperator alerts::check
        "Looks for alerts now, and says what is new"
        => "/v1/tenants/{tenant}/alerts";
    moved GET "/alerts/stats" TenantViewer alerts::stats
        "Counts alerts by kind, severity and state"
        => "/v1/tenants/{tenant}/alerts";
    moved GET "/alerts" TenantViewer alerts::list
        "Lists alerts whose cause lasts"
        => "/v1/tenants/{tenant}/alerts";
    moved POST "/alerts/{id}/acknowledge" TenantOperator alerts::acknowledge
        "Says that somebody knows of an alert"
        => "/v1/tenants/{tenant}/alerts/{alert}/acknowledge";
    moved DELETE "/alerts/old" TenantAdmin alerts::forget
        "Deletes alerts that were settled long ago"
        => "/v1/tenants/{tenant}/alerts";
    moved POST "/bridge/process-pending" TenantOperator sync::all
        "Reads all calendars and sends what waits"
        => "/v1/tenants/{tenant}/sync";
    moved GET "/bridge/stats" TenantViewer counts::stats
        "Counts how all bookings stand on the calendars"
        => "/v1/tenants/{tenant}/status";
    moved GET "/bridge/pending" TenantViewer counts::pending
        "Lists writes that wait"
        => "/v1/tenants/{tenant}/operations";
    moved GET "/bridge/completed" TenantViewer counts::completed
        "Lists writes that changed something"
        => "/v1/tenants/{tenant}/operations";
    moved DELETE "/bridge/cleanup-orphaned" TenantOperator counts::cleanup
        "Deletes what waits for mappings that have ended"
        => "/v1/tenants/{tenant}/operations";
    moved GET "/bridge/automation-stats" TenantViewer counts::automation
        "Counts what was done in a day and what waits"
        => "/v1/tenants/{tenant}/sync-runs";
    moved POST "/sync/populate-mapping" TenantOperator sync::populate
        "Reads what the booking system has, so that all of it is linked"
        => "/v1/tenants/{tenant}/sync";
    moved GET "/sync/pending-items" TenantViewer counts::pending_items
        "Lists bookings that wait to be sent to the calendars"
        => "/v1/tenants/{tenant}/operations";
    moved POST "/sync/to-outlook" TenantOperator sync::to_outlook
        "Sends what waits to the calendars"
        => "/v1/tenants/{tenant}/sync";
    moved GET "/sync/outlook-events" TenantViewer counts::outlook_events
        "Lists bookings of calendars that the booking system does not have"
        => "/v1/tenants/{tenant}/links";
    moved POST "/sync/from-outlook" TenantOperator sync::from_outlook
        "Reads the calendars; what is new there is in the hub afterwards"
        => "/v1/tenants/{tenant}/sync";
    moved DELETE "/sync/cleanup-orphaned" TenantOperator counts::cleanup
        "Deletes what waits for mappings that have ended"
        => "/v1/tenants/{tenant}/operations";
    moved GET "/sync/stats" TenantViewer counts::stats
        "Counts how all bookings stand on the calendars"
        => "/v1/tenants/{tenant}/status";
    kept POST "/sync/item/{type}/{id}/{resource}" TenantOperator sync::item
        "A booking system says that a reservation was made or changed; its resource is read at once"
        => "/v1/tenants/{tenant}/mappings/{mapping}/sync";
    moved GET "/booking/pending-imports" TenantViewer counts::pending_imports
        "Lists bookings of calendars that wait to be sent to the booking system"
        => "/v1/tenants/{tenant}/operations";
    moved POST "/booking/process-imports" TenantOperator sync::process_imports
        "Sends what was made in calendars to the booking system"
        => "/v1/tenants/{tenant}/sync";
    moved GET "/booking/processed-imports" TenantViewer counts::processed_imports
        "Lists bookings of calendars that the booking system has"
        => "/v1/tenants/{tenant}/links";
    moved GET "/booking/processing-stats" TenantViewer counts::processing_stats
        "Counts how the bookings of calendars stand on the booking system"
        => "/v1/tenants/{tenant}/status";
    moved GET "/cancel/stats" TenantViewer counts::cancel_stats
        "Counts copies that ended, by system"
        => "/v1/tenants/{tenant}/links";
    moved GET "/cancel/cancelled-reservations" TenantViewer counts::cancelled
        "Lists reservations that ended"
        => "/v1/tenants/{tenant}/links";
    kept POST "/cancel/booking/{type}/{id}/{resource}" TenantOperator sync::item
        "A booking system says that a reservation was cancelled; its resource is read at once"
        => "/v1/tenants/{tenant}/mappings/{mapping}/sync";
    moved POST "/polling/initialize" TenantOperator sync::initialize_polling
        "Has all calendars read now and says how they are followed"
        => "/v1/tenants/{tenant}/sync";
    moved GET "/polling/stats" TenantViewer counts::polling
        "Says how the calendars are followed"
        => "/v1/tenants/{tenant}/mappings";
    moved POST "/webhook/create" TenantOperator subscriptions::create
        "Has a calendar subscribed to"
        => "/v1/tenants/{tenant}/subscriptions";
    moved GET "/webhook/subscriptions" TenantViewer subscriptions::list
        "Lists living subscriptions"
        => "/v1/tenants/{tenant}/subscriptions";
    moved DELETE "/webhook/delete/{id}" TenantOperator subscriptions::remove
        "Ends a subscription"
        => "/v1/tenants/{tenant}/subscriptions";
    moved POST "/webhook/renew/{id}" TenantOperator subscriptions::renew
        "Has a subscription renewed"
        => "/v1/tenants/{tenant}/subscriptions";
    moved GET "/resource-mapping" TenantViewer mappings::list
        "Lists which resources hang together with which calendars"
        => "/v1/tenants/{tenant}/mappings";
    moved GET "/outlook/available-rooms" TenantOperator bridges::rooms
        "Lists the rooms of Microsoft 365"
        => "/v1/tenants/{tenant}/bridges/{bridge}/calendars";
    moved GET "/outlook/available-groups" TenantOperator bridges::outlook_groups
        "Lists groups of what is mapped, one for each building"
        => "/v1/tenants/{tenant}/rooms";
    kept GET "/mappings/resources" TenantViewer mappings::list
        "Lists which resources hang together with which calendars"
        => "/v1/tenants/{tenant}/mappings";
    kept POST "/mappings/resources" TenantAdmin mappings::create
        "Maps a resource of the booking system to a calendar"
        => "/v1/tenants/{tenant}/mappings";
    kept GET "/mappings/resources/by-resource/{id}" TenantViewer mappings::of_resource
        "Lists the calendars of one resource"
        => "/v1/tenants/{tenant}/mappings";
    kept DELETE "/mappings/resources/by-key/{from}/{source}/{target}" TenantAdmin mappings::remove_by_key
        "Ends a mapping by what it maps; one that is not there is no error"
        => "/v1/tenants/{tenant}/mappings/{mapping}";
    kept PUT "/mappings/resources/{id}" TenantAdmin mappings::update
        "Changes direction or activity of a mapping"
        => "/v1/tenants/{tenant}/mappings/{mapping}";
    kept DELETE "/mappings/resources/{id}" TenantAdmin mappings::remove
        "Ends a mapping"
        => "/v1/tenants/{tenant}/mappings/{mapping}";
    kept POST "/mappings/resources/{id}/sync" TenantOperator mappings::sync
        "Syncs a mapping now and says what that did"
        => "/v1/tenants/{tenant}/mappings/{mapping}/sync";
    moved DELETE "/mappings/resources/{from}/{source}/{target}" TenantAdmin mappings::remove_by_key
        "The same as by-key, as earlier clients write it"
        => "/v1/tenants/{tenant}/mappings/{mapping}";
    moved GET "/bridges/resource-mappings" TenantViewer mappings::list
        "Lists which resources hang together with which calendars"
        => "/v1/tenants/{tenant}/mappings";
    moved POST "/bridges/resource-mappings" TenantAdmin mappings::create
        "Maps a resource of the booking system to a calendar"
        => "/v1/tenants/{tenant}/mappings";
    moved PUT "/bridges/resource-mappings/{id}" TenantAdmin mappings::update
        "Changes direction or activity of a mapping"
        => "/v1/tenants/{tenant}/mappings/{mapping}";
    moved DELETE "/bridges/resource-mappings/{id}" TenantAdmin mappings::remove
        "Ends a mapping"
        => "/v1/tenants/{tenant}/mappings/{mapping}";
    moved GET "/resource-mappings" TenantViewer mappings::list
        "Lists which resources hang together with which calendars"
        => "/v1/tenants/{tenant}/mappings";
    moved POST "/resource-mappings" TenantAdmin mappings::create
        "Maps a resource of the booking system to a calendar"
        => "/v1/tenants/{tenant}/mappings";
    moved PUT "/resource-mappings/{id}" TenantAdmin mappings::update
        "Changes direction or activity of a mapping"
        => "/v1/tenants/{tenant}/mappings/{mapping}";
    moved DELETE "/resource-mappings/{id}" TenantAdmin mappings::remove
        "Ends a mapping"
        => "/v1/tenants/{tenant}/mappings/{mapping}";
    kept GET "/tenants" TenantViewer tenants::list
        "Lists the caller's tenant; all of them for a super admin"
        => "/v1/tenants";
    kept POST "/tenants" SuperAdmin tenants::create
        "Makes a tenant"
        => "/v1/tenants";
    kept GET "/tenants/{tenant}" TenantViewer tenants::read
        "Reads one tenant"
        => "/v1/tenants/{tenant}";
    kept PUT "/tenants/{tenant}" TenantAdmin tenants::update
        "Describes a tenant anew; status suspends or resumes it"
        => "/v1/tenants/{tenant}";
    kept DELETE "/tenants/{tenant}" SuperAdmin tenants::remove
        "Removes a suspended tenant; confirm repeats its key"
        => "/v1/tenants/{tenant}";
    kept GET "/tenants/{tenant}/bridges" TenantViewer bridges::list
        "Lists the bridges of a tenant"
        => "/v1/tenants/{tenant}/bridges";
    kept GET "/tenants/{tenant}/bridges/health" TenantViewer bridges::health
        "Health of the bridges of a tenant"
        => "/v1/tenants/{tenant}/status";
    kept GET "/tenants/{tenant}/bridges/{bridge}/calendars" TenantOperator bridges::calendars
        "Lists the calendars of a bridge"
        => "/v1/tenants/{tenant}/bridges/{bridge}/calendars";
    kept POST "/tenants/{tenant}/bridges/sync/{source}/{target}" TenantOperator sync::between
        "Brings what one bridge has to another one"
        => "/v1/tenants/{tenant}/sync";
    kept POST "/tenants/{tenant}/bridges/sync/{operation}" TenantOperator sync::by_operation
        "The same: booking_to_outlook or outlook_to_booking"
        => "/v1/tenants/{tenant}/sync";
    kept POST "/tenants/{tenant}/bridges/sync-deletions" TenantOperator sync::deletions
        "Carries cancelled and re-enabled bookings of a tenant on"
        => "/v1/tenants/{tenant}/sync";
    kept GET "/tenants/{tenant}/mappings/resources" TenantViewer mappings::list
        "Lists the resource mappings of a tenant"
        => "/v1/tenants/{tenant}/mappings";
    kept POST "/tenants/{tenant}/mappings/resources" TenantAdmin mappings::create
        "Maps a resource of the booking system to a calendar"
        => "/v1/tenants/{tenant}/mappings";
    kept PUT "/tenants/{tenant}/mappings/resources/{id}" TenantAdmin mappings::update
        "Changes direction or activity of a mapping"
        => "/v1/tenants/{tenant}/mappings/{mapping}";
    kept GET "/tenants/{tenant}/cancel/stats" TenantViewer counts::cancel_stats
        "Counts copies that ended, by system"
        => "/v1/tenants/{tenant}/links";
    kept POST "/tenants/{tenant}/sync-all" TenantOperator sync::all
        "Reads all calendars of a tenant and sends what waits"
        => "/v1/tenants/{tenant}/sync";
    kept POST "/tenants/{tenant}/maintenance/full" TenantOperator sync::maintenance
        "The nightly round: reads everything, sends what waits, checks what must always hold"
        => "/v1/tenants/{tenant}/verify";
    kept GET "/api/dashboard/tenants" TenantViewer tenants::dashboard
        "Lists tenants with their numbers"
        => "/v1/tenants";
    kept GET "/api/dashboard/global/stats" TenantViewer tenants::global
        "Sums over all tenants that the caller may see"
        => "/v1/tenants";
    kept GET "/api/dashboard/{tenant}/health" TenantViewer tenants::health
        "Health of a tenant: its numbers and its bridges"
        => "/v1/tenants/{tenant}/status";
};
