//! Whether the values of a configuration fit together: every problem at once.

use super::Config;
use super::Problem;
use super::bootstrap::UserEntry;
use super::database_url;
use crate::model::Features;
use crate::model::ZoneId;
use std::collections::BTreeSet;
use std::net::SocketAddr;

/// All problems of a configuration; empty when it can be used.
pub(super) fn problems(config: &Config) -> Vec<Problem> {
    let mut found = Found::default();
    server(config, &mut found);
    storage(config, &mut found);
    limits(config, &mut found);
    sync(config, &mut found);
    feed(config, &mut found);
    deliveries(config, &mut found);
    alerts(config, &mut found);
    push(config, &mut found);
    backup(config, &mut found);
    profile(config, &mut found);
    observe(config, &mut found);
    tenants_and_bridges(config, &mut found);
    rooms(config, &mut found);
    mappings(config, &mut found);
    users(config, &mut found);
    found.0
}

#[derive(Default)]
struct Found(Vec<Problem>);

impl Found {
    /// Notes a problem unless `fine`.
    fn demand(&mut self, fine: bool, key: &str, what: impl Into<String>) {
        if !fine {
            self.0.push(Problem::new(key, what));
        }
    }
}

fn server(config: &Config, found: &mut Found) {
    let server = &config.server;
    found.demand(
        server.listen.parse::<SocketAddr>().is_ok(),
        "server.listen",
        format!("{:?} is not an address with a port; write one as \"127.0.0.1:8080\" or \"[::]:8080\"", server.listen),
    );
    if let Some(inner) = &config.observe.metrics_listen {
        found.demand(
            inner.parse::<SocketAddr>().is_ok() && *inner != server.listen,
            "observe.metrics_listen",
            format!("{inner:?} is not another address with a port; write one as \"0.0.0.0:9090\""),
        );
    }
    found.demand(server.drain_seconds <= 600, "server.drain_seconds", "is above 600");
    found.demand(server.workers <= 512, "server.workers", "is above 512; 0 means one for each core");
    if let Some(url) = &server.public_url {
        web_address("server.public_url", url, found);
    }
    let Some(url) = &config.webhooks.base_url else { return };
    web_address("webhooks.base_url", url, found);
    let local =
        url.starts_with("http://127.") || url.starts_with("http://localhost") || url.starts_with("http://[::1]");
    found.demand(
        url.starts_with("https://") || local,
        "webhooks.base_url",
        "must begin with https:// (plain http only to this machine): remote systems send notifications to no other",
    );
}

fn web_address(key: &str, text: &str, found: &mut Found) {
    let parsed = url::Url::parse(text);
    let fine = parsed.is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
    });
    found.demand(fine, key, format!("{text:?} is not a web address; write one as \"https://rooms.example.org\""));
}

fn storage(config: &Config, found: &mut Found) {
    if let Some(url) = &config.database.url {
        let known = ["sqlite:", "postgres://", "postgresql://"].iter().any(|scheme| url.reveal().starts_with(scheme));
        found.demand(known, "database.url", "must begin with sqlite: or postgres://");
        for problem in database_url::problems(url.reveal()) {
            found.demand(false, "database.url", problem);
        }
    }
    found.demand(
        config.keys.master_key.is_none() || config.keys.master_key_file.is_none(),
        "keys.master_key",
        "is set and keys.master_key_file too; keep one of them",
    );
    let keys = &config.keys;
    if keys.pkcs11_module.is_some() {
        let alone = keys.master_key.is_none() && keys.master_key_file.is_none();
        found.demand(alone, "keys.pkcs11_module", "is set and another master key too; keep one of them");
        let pin = keys.pkcs11_pin.is_some() || keys.pkcs11_pin_file.is_some();
        found.demand(pin, "keys.pkcs11_pin", "is missing; set it or pkcs11_pin_file");
    }
    found.demand((0..=86_400).contains(&config.auth.cache_seconds), "auth.cache_seconds", "must be 0 to 86400");
    found.demand((1..=720).contains(&config.auth.session_hours), "auth.session_hours", "must be 1 to 720 (30 days)");
    let idle = (5..=43_200).contains(&config.auth.session_idle_minutes);
    found.demand(idle, "auth.session_idle_minutes", "must be 5 to 43200 (30 days)");
    let short = config.auth.api_key.as_ref().is_some_and(|key| key.reveal().len() < 16);
    found.demand(!short, "auth.api_key", "has fewer than 16 characters; make one with `openssl rand -base64 32`");
}

fn limits(config: &Config, found: &mut Found) {
    let limits = &config.limits;
    for (key, value) in [
        ("object_bytes", limits.object_bytes),
        ("xml_bytes", limits.xml_bytes),
        ("xml_depth", limits.xml_depth),
        ("xml_elements", limits.xml_elements),
        ("xml_attributes", limits.xml_attributes),
        ("ical_lines", limits.ical_lines),
        ("ical_components", limits.ical_components),
        ("attendees", limits.attendees),
        ("recurrence_dates", limits.recurrence_dates),
        ("rule_values", limits.rule_values),
        ("expansion_candidates", limits.expansion_candidates),
        ("report_instances", limits.report_instances),
        ("report_bytes", limits.report_bytes),
        ("report_members", limits.report_members),
        ("multiget_hrefs", limits.multiget_hrefs),
        ("json_bytes", limits.json_bytes),
        ("hook_bytes", limits.hook_bytes),
        ("remote_bytes", limits.remote_bytes),
        ("pull_pages", limits.pull_pages),
    ] {
        found.demand(value > 0, &format!("limits.{key}"), "is 0, which would refuse everything; there is no unlimited");
    }
    found.demand(
        1 <= limits.min_year && limits.min_year < limits.max_year && limits.max_year <= 9999,
        "limits.min_year",
        format!("{} to limits.max_year {} is no range of years within 1 to 9999", limits.min_year, limits.max_year),
    );
    found.demand(
        (1..=3_660).contains(&limits.instance_horizon_days),
        "limits.instance_horizon_days",
        "must be 1 to 3660",
    );
    found.demand((1..=8_760).contains(&limits.conflict_hours), "limits.conflict_hours", "must be 1 to 8760 (one year)");
    found.demand((1..=3_660).contains(&limits.conflict_keep_days), "limits.conflict_keep_days", "must be 1 to 3660");
    found.demand(
        limits.report_bytes >= limits.object_bytes,
        "limits.report_bytes",
        format!(
            "{} is less than limits.object_bytes {}: one object would not fit into an answer",
            limits.report_bytes, limits.object_bytes
        ),
    );
}

fn sync(config: &Config, found: &mut Found) {
    let sync = &config.sync;
    found.demand((1..=256).contains(&sync.workers), "sync.workers", "must be 1 to 256");
    found.demand((10..=60_000).contains(&sync.look_ms), "sync.look_ms", "must be 10 to 60000");
    found.demand((1..=1024).contains(&sync.tenant_calls), "sync.tenant_calls", "must be 1 to 1024");
    found.demand((10..=86_400).contains(&sync.poll_seconds), "sync.poll_seconds", "must be 10 to 86400");
    found.demand(
        (sync.poll_seconds..=86_400).contains(&sync.poll_notified_seconds),
        "sync.poll_notified_seconds",
        format!("must be at least sync.poll_seconds ({}) and at most 86400", sync.poll_seconds),
    );
    window("sync", sync.past_days, sync.future_days, found);
    found.demand(
        sync.future_days <= config.limits.instance_horizon_days,
        "sync.future_days",
        format!(
            "{} is beyond limits.instance_horizon_days ({}); raise the latter too",
            sync.future_days, config.limits.instance_horizon_days
        ),
    );
    found.demand((1..=168).contains(&sync.compare_hours), "sync.compare_hours", "must be 1 to 168");
    found.demand(
        1 <= sync.backoff_first_seconds && sync.backoff_first_seconds <= sync.backoff_most_seconds,
        "sync.backoff_first_seconds",
        format!("must be 1 to sync.backoff_most_seconds ({})", sync.backoff_most_seconds),
    );
    found.demand((15..=3_600).contains(&sync.lease_seconds), "sync.lease_seconds", "must be 15 to 3600");
    found.demand(sync.brake_percent <= 100, "sync.brake_percent", "must be 0 to 100");
}

fn deliveries(config: &Config, found: &mut Found) {
    let of = &config.deliveries;
    found.demand((1..=60).contains(&of.timeout_seconds), "deliveries.timeout_seconds", "must be 1 to 60");
    found.demand((1..=720).contains(&of.retry_hours), "deliveries.retry_hours", "must be 1 to 720");
    found.demand((1..=8_760).contains(&of.give_up_hours), "deliveries.give_up_hours", "must be 1 to 8760 (one year)");
    found.demand((1..=366).contains(&of.keep_days), "deliveries.keep_days", "must be 1 to 366");
    if let Some(url) = &of.proxy {
        web_address("deliveries.proxy", url, found);
    }
}

fn alerts(config: &Config, found: &mut Found) {
    let of = &config.alerts;
    found.demand((5..=3_600).contains(&of.every_seconds), "alerts.every_seconds", "must be 5 to 3600");
    for (key, value) in [
        ("unreconciled_minutes", of.unreconciled_minutes),
        ("pending_minutes", of.pending_minutes),
        ("complete_read_hours", of.complete_read_hours),
        ("subscription_minutes", of.subscription_minutes),
        ("webhook_minutes", of.webhook_minutes),
        ("keep_days", of.keep_days),
    ] {
        found.demand((1..=10_080).contains(&value), &format!("alerts.{key}"), "must be 1 to 10080");
    }
    found.demand((0..=1_440).contains(&of.settle_minutes), "alerts.settle_minutes", "must be 0 to 1440 (one day)");
    found.demand((0..=8_760).contains(&of.conflict_hours), "alerts.conflict_hours", "must be 0 to 8760 (one year)");
    found.demand((0..=3_660).contains(&of.expiry_days), "alerts.expiry_days", "must be 0 to 3660");
    found.demand(
        (0..=of.expiry_days).contains(&of.expiry_critical_days),
        "alerts.expiry_critical_days",
        format!("must be 0 to alerts.expiry_days ({})", of.expiry_days),
    );
    found.demand(of.backlog >= 0, "alerts.backlog", "must not be negative");
}

fn push(config: &Config, found: &mut Found) {
    let push = &config.push;
    found.demand((0..=60_000).contains(&push.pause_ms), "push.pause_ms", "must be 0 to 60000");
    // A server allows at least three days (draft-bitfire-webdav-push-00, 3.4).
    found.demand((3..=366).contains(&push.days), "push.days", "must be 3 to 366");
    let reachable = |url: &String| url.starts_with("https://") || url.starts_with("mailto:");
    found.demand(push.contact.as_ref().is_none_or(reachable), "push.contact", "must begin with https:// or mailto:");
    found.demand(
        (0..=100_000).contains(&config.limits.push_registrations),
        "limits.push_registrations",
        "must be 0 to 100000",
    );
    if let Some(url) = &push.proxy {
        web_address("push.proxy", url, found);
    }
}

fn backup(config: &Config, found: &mut Found) {
    let backup = &config.backup;
    found.demand((1..=8_760).contains(&backup.every_hours), "backup.every_hours", "must be 1 to 8760 (one year)");
    let kept = [
        ("backup.keep_daily", backup.keep_daily),
        ("backup.keep_weekly", backup.keep_weekly),
        ("backup.keep_monthly", backup.keep_monthly),
    ];
    for (key, most) in kept {
        found.demand(most <= 1_000, key, "must be 0 to 1000");
    }
    let recipients = backup.recipients();
    found.demand(
        backup.to.is_none() || !recipients.is_empty(),
        "backup.recipients",
        "is missing: name who can read the backups, as in \"age1...\"; age-keygen makes a key",
    );
    let known = recipients.iter().all(|one| one.starts_with("age1"));
    found.demand(known, "backup.recipients", "has something that is no public key of age (age1...)");
    let pair = backup.s3_secret_key.is_some() || backup.s3_secret_key_file.is_some();
    found.demand(
        backup.s3_access_key.is_some() == pair,
        "backup.s3_access_key",
        "and s3_secret_key belong together; set both or neither",
    );
    if let Some(url) = &backup.s3_endpoint {
        web_address("backup.s3_endpoint", url, found);
    }
}

fn feed(config: &Config, found: &mut Found) {
    let feed = &config.feed;
    found.demand((5..=10_080).contains(&feed.refresh_minutes), "feed.refresh_minutes", "must be 5 to 10080 (one week)");
    window("feed", feed.past_days, feed.future_days, found);
}

/// A lone word that is no level would be taken for the name of a target, and everything else be silent.
fn observe(config: &Config, found: &mut Found) {
    let is_level = |word: &str| {
        let levels = ["off", "error", "warn", "info", "debug", "trace"];
        levels.iter().any(|level| level.eq_ignore_ascii_case(word))
    };
    for part in config.observe.filter.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let fine =
            is_level(part) || part.contains("::") || part.split_once('=').is_some_and(|(_, level)| is_level(level));
        let what = format!("{part:?} is no level; write error, warn, info, debug or trace, or target=level");
        found.demand(fine, "observe.filter", what);
    }
}

fn window(section: &str, past_days: i64, future_days: i64, found: &mut Found) {
    found.demand((0..=3_660).contains(&past_days), &format!("{section}.past_days"), "must be 0 to 3660");
    found.demand((1..=3_660).contains(&future_days), &format!("{section}.future_days"), "must be 1 to 3660");
}

fn tenants_and_bridges(config: &Config, found: &mut Found) {
    let mut keys = BTreeSet::new();
    for (at, tenant) in config.tenant.iter().enumerate() {
        let key = format!("tenant[{at}].key");
        slug(&key, &tenant.key, found);
        found.demand(keys.insert(&tenant.key), &key, format!("{:?} is declared twice", tenant.key));
        zone(&format!("tenant[{at}].zone"), &tenant.zone, found);
    }
    let mut names = BTreeSet::new();
    for (at, bridge) in config.bridge.iter().enumerate() {
        let key = format!("bridge[{at}].name");
        tenant_exists(config, &format!("bridge[{at}].tenant"), &bridge.tenant, found);
        slug(&key, &bridge.name, found);
        let new = names.insert((&bridge.tenant, &bridge.name));
        found.demand(new, &key, format!("{:?} is declared twice", bridge.name));
    }
}

fn profile(config: &Config, found: &mut Found) {
    let profile = &config.profile;
    found.demand(
        profile.certificate_file.is_some() == profile.key_file.is_some(),
        "profile.certificate_file",
        "and profile.key_file go together: set both or none",
    );
}

fn rooms(config: &Config, found: &mut Found) {
    let mut slugs = BTreeSet::new();
    for (at, room) in config.room.iter().enumerate() {
        let key = format!("room[{at}].slug");
        tenant_exists(config, &format!("room[{at}].tenant"), &room.tenant, found);
        slug(&key, &room.slug, found);
        found.demand(slugs.insert((&room.tenant, &room.slug)), &key, format!("{:?} is declared twice", room.slug));
        if let Some(name) = &room.zone {
            zone(&format!("room[{at}].zone"), name, found);
        }
        found.demand(
            room.color.is_empty() || is_color(&room.color),
            &format!("room[{at}].color"),
            format!("{:?} is not a colour; write one as \"#2a9d8f\"", room.color),
        );
        found.demand(
            Features::of(&room.features).is_some(),
            &format!("room[{at}].features"),
            format!("are at most {} words of {} characters without commas", Features::MOST, Features::LONGEST),
        );
        let fits = room.capacity.is_none_or(|people| people > 0);
        found.demand(fits, &format!("room[{at}].capacity"), "must be above 0; leave it out if it is not known");
    }
}

fn mappings(config: &Config, found: &mut Found) {
    let mut remote = BTreeSet::new();
    for (at, mapping) in config.mapping.iter().enumerate() {
        let path = format!("mapping[{at}]");
        tenant_exists(config, &format!("{path}.tenant"), &mapping.tenant, found);
        found.demand(
            config.room.iter().any(|r| r.tenant == mapping.tenant && r.slug == mapping.room),
            &format!("{path}.room"),
            format!("no [[room]] of tenant {:?} has the slug {:?}", mapping.tenant, mapping.room),
        );
        found.demand(
            config.bridge.iter().any(|b| b.tenant == mapping.tenant && b.name == mapping.bridge),
            &format!("{path}.bridge"),
            format!("no [[bridge]] of tenant {:?} has the name {:?}", mapping.tenant, mapping.bridge),
        );
        found.demand(!mapping.remote_id.trim().is_empty(), &format!("{path}.remote_id"), "is missing");
        found.demand(
            remote.insert((&mapping.tenant, &mapping.bridge, &mapping.remote_id)),
            &format!("{path}.remote_id"),
            format!("{:?} on bridge {:?} is mapped twice", mapping.remote_id, mapping.bridge),
        );
    }
}

fn users(config: &Config, found: &mut Found) {
    let mut names = BTreeSet::new();
    for (at, user) in config.user.iter().enumerate() {
        let key = format!("user[{at}].name");
        tenant_exists(config, &format!("user[{at}].tenant"), &user.tenant, found);
        slug(&key, &user.name, found);
        found.demand(names.insert((&user.tenant, &user.name)), &key, format!("{:?} is declared twice", user.name));
        password(&format!("user[{at}].password"), user, found);
        for (list, slugs) in
            [("admin", &user.admin), ("write", &user.write), ("read", &user.read), ("free_busy", &user.free_busy)]
        {
            for slug in slugs.iter().filter(|s| s.as_str() != "*") {
                found.demand(
                    config.room.iter().any(|r| r.tenant == user.tenant && &r.slug == slug),
                    &format!("user[{at}].{list}"),
                    format!("no [[room]] of tenant {:?} has the slug {slug:?}", user.tenant),
                );
            }
        }
    }
}

fn password(key: &str, user: &UserEntry, found: &mut Found) {
    match &user.password {
        None => found.demand(user.password_file.is_some(), key, "is missing; set it or password_file"),
        Some(secret) => {
            found.demand(secret.reveal().chars().count() >= 8, key, "has fewer than eight characters");
        }
    }
}

fn tenant_exists(config: &Config, key: &str, name: &str, found: &mut Found) {
    let exists = config.tenants().iter().any(|tenant| tenant.key == name);
    found.demand(exists, key, format!("no [[tenant]] has the key {name:?}"));
}

fn zone(key: &str, name: &str, found: &mut Found) {
    let known = ZoneId::parse(name).is_some();
    found.demand(known, key, format!("{name:?} is not a time zone of the IANA database, as \"Europe/Oslo\" is"));
}

/// Names that stand in URLs.
fn slug(key: &str, text: &str, found: &mut Found) {
    if text.is_empty() {
        return found.demand(false, key, "is missing");
    }
    let fine = text.len() <= 64
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_.".contains(&b))
        && text.starts_with(|c: char| c.is_ascii_alphanumeric());
    found.demand(fine, key, format!("{text:?} must have lower case letters, digits, - . and _ only, at most 64"));
}

fn is_color(text: &str) -> bool {
    text.strip_prefix('#').is_some_and(|hex| hex.len() == 6 && hex.bytes().all(|b| b.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use crate::config::Environment;
    use crate::config::load;

    fn refusals(text: &str) -> Vec<String> {
        let error = load(text, &Environment::default(), &|_| Ok(())).unwrap_err();
        error.problems.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn each_contradiction_is_found_and_names_its_key() {
        for (text, key) in [
            ("[server]\nlisten='8080'", "server.listen"),
            ("[observe]\nmetrics_listen='9090'", "observe.metrics_listen"),
            ("[observe]\nmetrics_listen='127.0.0.1:8080'", "observe.metrics_listen"),
            ("[server]\npublic_url='rooms.example.org'", "server.public_url"),
            ("[server]\npublic_url='https://a:b@rooms.example.org'", "server.public_url"),
            ("[webhooks]\nbase_url='http://rooms.example.org'", "webhooks.base_url"),
            ("[database]\nurl='mysql://x'", "database.url"),
            ("[auth]\napi_key='short'", "auth.api_key"),
            ("[keys]\nmaster_key='a'\nmaster_key_file='b'", "keys.master_key"),
            ("[keys]\nmaster_key='a'\npkcs11_module='b'\npkcs11_pin='1'", "keys.pkcs11_module"),
            ("[keys]\npkcs11_module='b'", "keys.pkcs11_pin"),
            ("[limits]\nxml_depth=0", "limits.xml_depth"),
            ("[limits]\nmin_year=2300", "limits.min_year"),
            ("[limits]\nreport_bytes=10", "limits.report_bytes"),
            ("[sync]\npoll_seconds=1", "sync.poll_seconds"),
            ("[sync]\npoll_notified_seconds=30", "sync.poll_notified_seconds"),
            ("[sync]\nfuture_days=800", "sync.future_days"),
            ("[sync]\ncompare_hours=0", "sync.compare_hours"),
            ("[sync]\nbackoff_first_seconds=0", "sync.backoff_first_seconds"),
            ("[observe]\nfilter='loud'", "observe.filter"),
            ("[feed]\nrefresh_minutes=1", "feed.refresh_minutes"),
            ("[feed]\npast_days=-1", "feed.past_days"),
            ("[[tenant]]\nkey='Town Hall'", "tenant[0].key"),
            ("[[tenant]]\nkey='a'\nzone='Mars/Base'", "tenant[0].zone"),
            ("[[bridge]]\nkind='graph'", "bridge[0].name"),
            ("[[room]]\nslug='a'\n[[room]]\nslug='a'", "room[1].slug"),
            ("[[room]]\nslug='a'\ntenant='b'", "room[0].tenant"),
            ("[[room]]\nslug='a'\ncolor='red'", "room[0].color"),
            ("[[room]]\nslug='a'\ncapacity=0", "room[0].capacity"),
            ("[[user]]\nname='a'", "user[0].password"),
            ("[[user]]\nname='a'\npassword='short'", "user[0].password"),
            ("[[user]]\nname='a'\npassword='long enough'\nread=['x']", "user[0].read"),
        ] {
            let found = refusals(text);
            assert_eq!(found.len(), 1, "{text}: {found:?}");
            assert!(found[0].starts_with(&format!("{key} (line ")), "{text}: {found:?}");
        }
    }

    #[test]
    fn all_problems_come_at_once() {
        let found = refusals("[[mapping]]\nroom='a'\nbridge='b'\n[server]\nlisten=''\n[sync]\nworkers=0\n");
        let keys: Vec<&str> = found.iter().filter_map(|f| f.split(" (line ").next()).collect();
        assert_eq!(
            keys,
            ["server.listen", "sync.workers", "mapping[0].room", "mapping[0].bridge", "mapping[0].remote_id"]
        );
    }

    #[test]
    fn webhooks_to_this_machine_may_be_plain() {
        assert!(load("[webhooks]\nbase_url='http://127.0.0.1:8080'", &Environment::default(), &|_| Ok(())).is_ok());
    }
}
