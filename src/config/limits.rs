//! `[limits]`: every bound the server enforces, in one place. What is advertised over CalDAV is read from here.

use super::section::section;

section! {
    /// Bounds on what clients and remote systems may send and ask for.
    Limits {
        /// Largest calendar object in bytes (`CALDAV:max-resource-size`).
        object_bytes: usize = 1 << 20,
        /// Largest XML request body in bytes.
        xml_bytes: usize = 1 << 20,
        /// Deepest nesting of XML elements.
        xml_depth: usize = 32,
        /// Most XML elements in one body.
        xml_elements: usize = 50_000,
        /// Most attributes of one XML element.
        xml_attributes: usize = 64,
        /// Most content lines of one calendar object.
        ical_lines: usize = 20_000,
        /// Most components of one calendar object, overrides included.
        ical_components: usize = 1_000,
        /// Most attendees of one instance (`CALDAV:max-attendees-per-instance`).
        attendees: usize = 500,
        /// Most overrides, RDATEs and EXDATEs of one series, each. `CALDAV:max-instances` is the smaller one of this and
        /// `report_instances`.
        recurrence_dates: usize = 20_000,
        /// Most values in one BY part of a rule.
        rule_values: usize = 400,
        /// Most candidate dates an expansion may look at.
        expansion_candidates: usize = 200_000,
        /// Most instances one series may have inside the horizon, and one report may expand.
        report_instances: usize = 20_000,
        /// Most bytes of calendar data one expanding report may produce.
        report_bytes: usize = 32 << 20,
        /// Most members one report answers before it truncates with 507.
        report_members: usize = 10_000,
        /// Most hrefs in one calendar-multiget.
        multiget_hrefs: usize = 5_000,
        /// Most properties one principal may set on one resource (RFC 4918, 4.3).
        dead_properties: usize = 200,
        /// Largest such property in bytes.
        dead_property_bytes: usize = 65_536,
        /// Most registrations for push messages of one principal; each room and device takes one.
        push_registrations: i64 = 1_000,
        /// Earliest year accepted in DTSTART (`CALDAV:min-date-time`).
        min_year: i16 = 1970,
        /// Latest year accepted in DTSTART, DTEND and RDATE (`CALDAV:max-date-time`); a series may go on beyond it, as one
        /// without end does.
        max_year: i16 = 2200,
        /// How many days into the future instances are kept as rows.
        instance_horizon_days: i64 = 730,
        /// Most opening hours, and most exceptions, of one room.
        room_hours: usize = 400,
        /// Largest JSON request body of the REST interface in bytes.
        json_bytes: usize = 1 << 20,
        /// Largest webhook body in bytes.
        hook_bytes: usize = 1 << 20,
        /// Largest answer accepted from a remote system in bytes.
        remote_bytes: usize = 32 << 20,
        /// Whether remote systems may lie in private networks, as a town's own booking system does. `false` where those who
        /// administer tenants must not reach the network of the server.
        remote_private_networks: bool = true,
        /// Most pages one pull reads before it gives up and starts again from its old cursor.
        pull_pages: usize = 500,
        /// Hours a conflict waits for a person before its proposed decision is carried out.
        conflict_hours: i64 = 24,
        /// Days for which a decided conflict is kept, with both versions.
        conflict_keep_days: i64 = 90,
    }
}

impl Limits {
    /// What `CALDAV:max-instances` says (RFC 4791, 5.2.8).
    pub fn max_instances(&self) -> usize {
        self.report_instances.min(self.recurrence_dates)
    }
}
