//! The HTML of the dashboard: pure functions from a status to text. Whatever comes from outside is escaped.

use super::age::{ago, long};
use super::status::{Health, Status, health, waiting};
use crate::manage::federation::Entered;
use crate::model::Authority;
use crate::model::DetailLevel;
use crate::model::Direction;
use crate::model::MappingState;
use crate::model::RoomKind;
use crate::store::conflicts::Conflict;
use crate::store::feeds::Feed;
use crate::store::principals::Principal;
use crate::store::rooms::Room;
use crate::store::tenants::Tenant;
use crate::sync::{MappingStatus, RoomStatus};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

const STYLE: &str = include_str!("style.css");

/// What a content security policy calls the style of these pages.
pub(super) fn style_hash() -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(STYLE.as_bytes())))
}

/// The dashboard of one tenant; `others` are the tenants to switch to.
pub(super) fn page(status: &Status, others: &[Tenant], public_url: &str, way_out: &str) -> String {
    let title = format!("{}: rooms", status.tenant.name);
    let body = format!(
        "<header><h1>{}</h1><div class=\"soft\">{} UTC{}{way_out}</div></header><main>{}{}{}{}</main>{}",
        escape(&status.tenant.name),
        status.now.to_string().replace(['T', 'Z'], " ").trim_end(),
        switch(others, &status.tenant),
        cards(status),
        conflicts(status),
        rooms(status, public_url),
        feeds(status),
        footer(public_url),
    );
    document(&title, "<meta http-equiv=\"refresh\" content=\"60\">", &body)
}

/// A page with one sentence, and perhaps a way on.
pub(super) fn notice(words: &str, on: Option<(&str, &str)>) -> String {
    let on = on.map(|(href, words)| format!("<p class=\"on\">{}</p>", button(href, words))).unwrap_or_default();
    document("Anteroom", "", &format!("<main><p class=\"notice\">{}</p>{on}</main>", escape(words)))
}

/// A provider to sign in by.
pub(super) struct Choice {
    /// Whose it is.
    pub(super) tenant: String,
    /// What people read.
    pub(super) label: String,
    /// Where it begins.
    pub(super) href: String,
}

/// The page that asks who is there.
pub(super) fn entrance(choices: &[Choice], by_password: &str) -> String {
    let several = choices.iter().any(|one| one.tenant != choices[0].tenant);
    let item = |one: &Choice| {
        let whose = if several { format!("{}: {}", one.tenant, one.label) } else { one.label.clone() };
        format!("<li>{}</li>", button(&one.href, &format!("Sign in with {whose}")))
    };
    let items = choices.iter().map(item).collect::<Vec<_>>().concat();
    let body = format!(
        "<main><section class=\"notice\"><h1>Sign in</h1><ul class=\"choices\">{items}</ul><p class=\"soft\"><a \
         href=\"{}\">Sign in with a login and an app password</a></p></section></main>",
        escape(by_password)
    );
    document("Sign in", "", &body)
}

/// The page for somebody who is signed in and may not see what they ask for.
pub(super) fn stranger(principal: &Principal, entered: Option<&Entered>) -> String {
    let role = serde_json::to_value(principal.role).unwrap_or_default();
    let words = format!(
        "You are signed in as {} with the role {}. This page needs the role tenant_viewer or a stronger one in the tenant \
         it shows; an administrator there can give it. Rooms that were granted to you are in your calendar program.",
        principal.login,
        role.as_str().unwrap_or_default()
    );
    let body = format!("<main><p class=\"notice\">{}</p>{}</main>", escape(&words), way_out(entered));
    document("Anteroom", "", &body)
}

/// The button that signs a browser out, for who is signed in by a session.
pub(super) fn way_out(entered: Option<&Entered>) -> String {
    let Some(entered) = entered else { return String::new() };
    format!(
        "<form method=\"post\" action=\"/sign-out\"><input type=\"hidden\" name=\"form_token\" value=\"{}\">{} \
         <button>Sign out</button></form>",
        escape(&entered.form_token),
        escape(&entered.principal.login)
    )
}

fn button(href: &str, words: &str) -> String {
    format!("<a class=\"button\" href=\"{}\">{}</a>", escape(href), escape(words))
}

/// Text that may stand between tags and in quoted attributes.
pub(super) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            plain => safe.push(plain),
        }
    }
    safe
}

fn document(title: &str, head: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width,initial-scale=1\">{head}<title>{}</title><style>{STYLE}</style></head>\
         <body>{body}</body></html>",
        escape(title)
    )
}

fn switch(others: &[Tenant], shown: &Tenant) -> String {
    let links = others
        .iter()
        .filter(|tenant| tenant.id != shown.id)
        .map(|tenant| format!(" <a href=\"/dashboard/{}\">{}</a>", escape(&tenant.tenant_key), escape(&tenant.name)));
    let links: String = links.collect();
    if links.is_empty() { links } else { format!(" · other tenants:{links}") }
}

fn cards(status: &Status) -> String {
    let oldest = status.work.oldest_waiting;
    let waits = oldest.map_or_else(
        || "nothing waits".to_owned(),
        |since| match long(since, status.now).as_str() {
            "" => "under 1 min".to_owned(),
            age => age.to_owned(),
        },
    );
    let working = status.mappings().filter(|one| one.mapping.state == MappingState::Active).count();
    let all = status.mappings().count();
    let stopped = if working == all { Health::Good } else { Health::Bad };
    let open = if status.work.open_conflicts == 0 { Health::Good } else { Health::Slow };
    let sending = if status.work.pending == 0 { Health::Good } else { waiting(oldest, status.now) };
    let cards = [
        card("Rooms", &status.work.rooms.len().to_string(), Health::Good),
        card("Mappings at work", &format!("{working} of {all}"), stopped),
        card("Oldest unreconciled change", &waits, waiting(oldest, status.now)),
        card("Writes to be sent", &status.work.pending.to_string(), sending),
        card("Open conflicts", &status.work.open_conflicts.to_string(), open),
    ];
    format!("<section class=\"cards\" aria-label=\"Summary\">{}</section>", cards.concat())
}

fn card(label: &str, value: &str, health: Health) -> String {
    format!(
        "<div class=\"card {}\"><span>{}</span><strong>{}</strong></div>",
        class(health),
        escape(label),
        escape(value)
    )
}

fn conflicts(status: &Status) -> String {
    if status.conflicts.is_empty() {
        return String::new();
    }
    let items: String = status.conflicts.iter().map(|conflict| conflict_item(status, conflict)).collect();
    format!("<section><h2>Open conflicts</h2><ul class=\"conflicts\">{items}</ul></section>")
}

fn conflict_item(status: &Status, conflict: &Conflict) -> String {
    format!(
        "<li><p>{}</p><p>{}</p><p class=\"soft\">{} · {} · {} · <code>{}</code></p></li>",
        escape(&conflict.sentence),
        escape(&outlook(conflict)),
        escape(status.slug(conflict.room_id.as_str())),
        escape(&conflict.kind.replace('_', " ")),
        ago(Some(conflict.created_ms), status.now),
        escape(conflict.id.as_str()),
    )
}

/// What happens unless a person decides.
fn outlook(conflict: &Conflict) -> String {
    match conflict.deadline_ms {
        Some(deadline) => {
            let deadline = deadline.to_string().replace(['T', 'Z'], " ");
            format!("Unless somebody decides: {} at {} UTC", conflict.proposal.replace('_', " "), deadline.trim_end())
        }
        None => "Waits until somebody decides".to_owned(),
    }
}

fn rooms(status: &Status, public_url: &str) -> String {
    if status.work.rooms.is_empty() {
        return "<section><h2>Rooms</h2><p class=\"notice\">There is no room yet. Make one with \
                <code>anteroom room add \"Council hall\"</code>.</p></section>"
            .to_owned();
    }
    let items: String = status.work.rooms.iter().map(|one| room_item(status, one, public_url)).collect();
    format!("<section><h2>Rooms</h2><div class=\"rooms\">{items}</div></section>")
}

fn room_item(status: &Status, RoomStatus { room, mappings }: &RoomStatus, public_url: &str) -> String {
    let kind = match room.kind {
        RoomKind::Room => "room",
        RoomKind::Equipment => "equipment",
    };
    let place = if room.building.is_empty() { String::new() } else { format!(" · {}", escape(&room.building)) };
    let seats = room.capacity.map(|seats| format!(" · {seats} seats")).unwrap_or_default();
    let mappings: String = match mappings.as_slice() {
        [] => "<p class=\"soft\">Not mapped: bookings live here only.</p>".to_owned(),
        some => some.iter().map(|mapping| mapping_item(status, mapping)).collect(),
    };
    format!(
        "<article><h3>{}</h3><p class=\"soft\">{} · {kind}{place}{seats} · last booking change {}</p>{}{mappings}\
         <p class=\"soft\">CalDAV <code>{}/dav/{tenant}/rooms/{slug}/</code> · \
         <a href=\"/v1/tenants/{tenant}/rooms/{slug}/events\">next 30 days</a></p></article>",
        escape(&room.name),
        escape(&room.slug),
        if room.seq == 0 { "never".to_owned() } else { ago(Some(room.modified_ms), status.now) },
        rules(status, room),
        escape(public_url.trim_end_matches('/')),
        tenant = escape(&status.tenant.tenant_key),
        slug = escape(&room.slug),
    )
}

/// What the room asks of bookings, and how many wait for a confirmation.
fn rules(status: &Status, room: &Room) -> String {
    let mut said = Vec::new();
    if let Some(rules) = status.rules.get(room.id.as_str()) {
        said.extend(rules.opening_hours.iter().map(|weekly| {
            let days: Vec<&str> = weekly.days.iter().map(|day| day.as_ical()).collect();
            format!("open {} {}", weekly.hours(), days.join(" "))
        }));
        if rules.gap_minutes() > 0 {
            said.push(format!("{} minutes between bookings", rules.gap_minutes()));
        }
        if rules.approval {
            said.push("bookings are confirmed by a person".to_owned());
        }
    }
    if let Some(waiting) = status.unconfirmed.get(room.id.as_str()) {
        said.push(format!("<b>{waiting} waiting for a confirmation</b>"));
    }
    if said.is_empty() { String::new() } else { format!("<p class=\"soft\">{}</p>", said.join(" · ")) }
}

fn mapping_item(status: &Status, one: &MappingStatus) -> String {
    let mapping = &one.mapping;
    let waits = one.oldest_waiting.map(|since| format!(", change waits for {}", or_moment(long(since, status.now))));
    let trouble = match (mapping.reason.as_str(), mapping.last_error.as_str()) {
        ("", "") => String::new(),
        ("", error) => format!("<p class=\"trouble\">{}</p>", escape(error)),
        (reason, _) => format!("<p class=\"trouble\">{}</p>", escape(reason)),
    };
    format!(
        "<div class=\"mapping {}\"><p><b>{}</b> {} {}</p><p class=\"soft\">{}, {} · last sync {}{}</p>{trouble}</div>",
        class(health(one, status.now)),
        state(one.word()),
        escape(&one.bridge),
        escape(&mapping.remote_name),
        direction(mapping.direction),
        authority(mapping.authority),
        ago(mapping.pulled_ms, status.now),
        waits.unwrap_or_default(),
    )
}

fn feeds(status: &Status) -> String {
    if status.feeds.is_empty() {
        return String::new();
    }
    let rows: String = status.feeds.iter().map(|feed| feed_row(status, feed)).collect();
    let tenant = escape(&status.tenant.tenant_key);
    format!(
        "<section><h2>Feeds</h2><p class=\"soft\">An address is shown once, when it is made; \
         <code>anteroom feed rotate ID</code> gives a new one. <a href=\"/v1/tenants/{tenant}/feeds\">All feeds with \
         their ids</a></p><div class=\"scroll\"><table><thead><tr><th>Feed</th><th>Room</th><th>Shows</th>\
         <th>Last fetched</th><th>By</th></tr></thead><tbody>{rows}</tbody></table></div></section>"
    )
}

fn feed_row(status: &Status, feed: &Feed) -> String {
    let shows = match feed.detail {
        DetailLevel::Full => "details",
        DetailLevel::Busy => "busy only",
    };
    let ended = feed.expires_ms.is_some_and(|at| at <= status.now);
    format!(
        "<tr><td>{}{}</td><td>{}</td><td>{shows}</td><td>{}</td><td>{}</td></tr>",
        escape(&feed.label),
        if ended { " <em>(expired)</em>" } else { "" },
        escape(status.slug(feed.room_id.as_str())),
        ago(feed.last_used_ms, status.now),
        escape(&feed.last_client),
    )
}

fn footer(public_url: &str) -> String {
    let url = escape(public_url.trim_end_matches('/'));
    format!(
        "<footer><p>Calendar programs: <code>{url}/dav/</code></p><p><a href=\"/v1/docs\">REST interface</a> · \
         <a href=\"/v1/openapi.json\">OpenAPI</a> · <a href=\"/health\">Health</a> · <a href=\"/ready\">Ready</a> · \
         <a href=\"/metrics\">Metrics</a></p></footer>"
    )
}

fn or_moment(age: String) -> String {
    if age.is_empty() { "a moment".to_owned() } else { age }
}

const fn class(health: Health) -> &'static str {
    match health {
        Health::Good => "good",
        Health::Slow => "slow",
        Health::Bad => "bad",
    }
}

/// What people read for the reconciler's word.
fn state(word: &'static str) -> &'static str {
    match word {
        "ok" => "in step",
        "awaiting_approval" => "waits for approval",
        other => other,
    }
}

const fn direction(direction: Direction) -> &'static str {
    match direction {
        Direction::TwoWay => "both ways",
        Direction::Import => "comes in only",
        Direction::Export => "goes out only",
    }
}

const fn authority(authority: Authority) -> &'static str {
    match authority {
        Authority::Remote => "the remote side decides",
        Authority::Hub => "the hub decides",
        Authority::PerOrigin => "the side of birth decides",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::*;
    use crate::store::mappings::Mapping;
    use crate::sync::TenantStatus;

    const NOW: Timestamp = Timestamp(1_772_438_400_000);
    const NASTY: &str = "<script>alert('x')</script>\"&";

    fn room(name: &str) -> Room {
        Room {
            id: "r1".into(),
            tenant_id: "t1".into(),
            slug: "hall".to_owned(),
            name: name.to_owned(),
            kind: RoomKind::Room,
            zone: ZoneId::utc(),
            email: String::new(),
            description: String::new(),
            building: name.to_owned(),
            capacity: Some(12),
            features: crate::model::Features::default(),
            color: "#000000".to_owned(),
            allow_overlaps: false,
            seq: 3,
            modified_ms: NOW.plus_ms(-600_000),
            longest_ms: 0,
            created_ms: NOW,
        }
    }

    fn mapping(state: MappingState, words: &str) -> MappingStatus {
        let mapping = Mapping {
            id: "m1".into(),
            tenant_id: "t1".into(),
            room_id: "r1".into(),
            bridge_id: "b1".into(),
            remote_id: words.to_owned(),
            remote_name: words.to_owned(),
            direction: Direction::TwoWay,
            authority: Authority::PerOrigin,
            detail: DetailLevel::Full,
            projection: ClassProjection::HighestWins,
            fold_allocations: false,
            state,
            reason: words.to_owned(),
            cursor: String::new(),
            window_start_ms: NOW,
            window_end_ms: NOW,
            due_ms: NOW,
            dirty_since_ms: Some(NOW.plus_ms(-7_200_000)),
            pulled_ms: Some(NOW.plus_ms(-180_000)),
            completed_ms: None,
            failures: 0,
            last_error: String::new(),
            created_ms: NOW,
        };
        let oldest_waiting = mapping.dirty_since_ms;
        MappingStatus { mapping, bridge: words.to_owned(), pending: 0, oldest_pending: None, oldest_waiting }
    }

    fn status(rooms: Vec<RoomStatus>, words: &str) -> Status {
        Status {
            tenant: Tenant { id: "t1".into(), ..Tenant::new("city", words, ZoneId::utc(), NOW) },
            now: NOW,
            work: TenantStatus {
                oldest_waiting: rooms.iter().flat_map(|room| &room.mappings).filter_map(|one| one.oldest_waiting).min(),
                rooms,
                pending: 4,
                open_conflicts: 1,
            },
            conflicts: vec![Conflict {
                id: "c1".into(),
                tenant_id: "t1".into(),
                room_id: "r1".into(),
                mapping_id: String::new(),
                uid: Uid(words.to_owned()),
                kind: "slot_collision".to_owned(),
                sentence: words.to_owned(),
                ours: String::new(),
                theirs: String::new(),
                state: "open".to_owned(),
                created_ms: NOW,
                decided_ms: None,
                decision: String::new(),
                proposal: "keep_both_tentative".to_owned(),
                deadline_ms: Some(NOW.plus_ms(3_600_000)),
                decided_by: String::new(),
                standing: String::new(),
            }],
            rules: std::collections::HashMap::new(),
            unconfirmed: std::collections::HashMap::new(),
            feeds: vec![Feed {
                id: "f1".into(),
                tenant_id: "t1".into(),
                room_id: "r1".into(),
                label: words.to_owned(),
                token_hash: "hash-of-the-token".to_owned(),
                detail: DetailLevel::Busy,
                past_days: 1,
                future_days: 1,
                version: 1,
                created_ms: NOW,
                expires_ms: Some(NOW),
                revoked_ms: None,
                last_used_ms: Some(NOW.plus_ms(-60_000)),
                last_client: words.to_owned(),
            }],
        }
    }

    #[test]
    fn text_of_outsiders_is_never_markup() {
        let status =
            status(vec![RoomStatus { room: room(NASTY), mappings: vec![mapping(MappingState::Held, NASTY)] }], NASTY);
        let page = page(&status, std::slice::from_ref(&status.tenant), NASTY, "");
        assert!(!page.contains("<script") && !page.contains("alert('x')"), "{page}");
        assert_eq!(page.matches("&lt;script&gt;").count(), 12);
        assert!(!page.contains("hash-of-the-token"));
    }

    #[test]
    fn the_page_says_what_is_wrong_since_when_and_what_waits() {
        let status = status(
            vec![RoomStatus {
                room: room("Council hall"),
                mappings: vec![mapping(MappingState::Active, "Room mailbox")],
            }],
            "City",
        );
        let page = page(&status, &[], "https://rooms.city.example", "");
        for fact in [
            "<h3>Council hall</h3>",
            "last booking change 10 min ago",
            "<b>waiting</b> Room mailbox Room mailbox",
            "https://rooms.city.example/dav/city/rooms/hall/",
            "<a href=\"/v1/tenants/city/rooms/hall/events\">",
            "<a href=\"/v1/tenants/city/feeds\">",
            "last sync 3 min ago, change waits for 2 h",
            "<span>Oldest unreconciled change</span><strong>2 h</strong>",
            "<span>Writes to be sent</span><strong>4</strong>",
            "<span>Mappings at work</span><strong>1 of 1</strong>",
            "slot collision",
            "Unless somebody decides: keep both tentative at 2026-03-02 09:00:00 UTC",
            "<em>(expired)</em>",
            "1 min ago",
            "https://rooms.city.example/dav/",
            "/v1/docs",
        ] {
            assert!(page.contains(fact), "{fact} is missing in {page}");
        }
    }

    #[test]
    fn an_empty_house_says_what_to_do_first() {
        let mut status = status(vec![], "City");
        status.conflicts.clear();
        status.feeds.clear();
        let page = page(&status, &[], "http://localhost", "");
        assert!(
            page.contains("anteroom room add \"Council hall\"")
                && !page.contains("<h2>Feeds")
                && !page.contains("<h2>Open conflicts")
        );
    }

    #[test]
    fn names_of_providers_and_of_those_who_sign_in_are_never_markup() {
        let choice =
            |tenant: &str| Choice { tenant: tenant.to_owned(), label: NASTY.to_owned(), href: "/x\"".to_owned() };
        let one = entrance(&[choice("City")], "/dashboard?by=password");
        assert!(!one.contains("<script") && one.contains("href=\"/x&quot;\"") && !one.contains("City"), "{one}");
        let two = entrance(&[choice("City"), choice("Village")], "/dashboard?by=password");
        assert!(two.contains("Sign in with City: &lt;script&gt;"), "{two}");
        assert!(!notice(NASTY, Some(("/", NASTY))).contains("<script"));
    }

    #[test]
    fn escaping_covers_text_and_attributes() {
        assert_eq!(escape("a<b>&\"'c"), "a&lt;b&gt;&amp;&quot;&#39;c");
        assert_eq!(escape("Møterom 会議"), "Møterom 会議");
    }
}
