//! The URL layout: paths to resources and back, with one canonical spelling (RFC 3986, 6.2.2; RFC 4918, 5.2 and 8.3).
//!
//! Every path is split first and percent-decoded after, so that an encoded slash can never become a separator; names
//! are opaque keys of the database, never file paths.

use crate::model::ObjectName;

/// What a path names. Slugs, keys and logins are decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resource {
    /// `/dav/`, and the places where clients that know only the host name knock: `/`, `/principals/`,
    /// `/calendar/dav/<user>/user/`. They all say who the caller is, and nothing else.
    Root {
        /// The path under which it was asked for.
        at: String,
    },
    /// `/dav/{tenant}/`
    Tenant {
        /// The tenant's key.
        tenant: String,
    },
    /// `/dav/{tenant}/principals/`
    Principals {
        /// The tenant's key.
        tenant: String,
    },
    /// `/dav/{tenant}/principals/{login}/`
    Principal {
        /// The tenant's key.
        tenant: String,
        /// The principal's login.
        login: String,
    },
    /// `/dav/{tenant}/principals/rooms/`
    RoomPrincipals {
        /// The tenant's key.
        tenant: String,
    },
    /// `/dav/{tenant}/principals/rooms/{room}/`
    RoomPrincipal {
        /// The tenant's key.
        tenant: String,
        /// The room's slug.
        room: String,
    },
    /// `/dav/{tenant}/rooms/`: the calendar home of everybody in the tenant.
    Home {
        /// The tenant's key.
        tenant: String,
    },
    /// `/dav/{tenant}/rooms/{room}/`: a calendar.
    Room {
        /// The tenant's key.
        tenant: String,
        /// The room's slug.
        room: String,
    },
    /// `/dav/{tenant}/rooms/{room}/{name}`: a calendar object.
    Object {
        /// The tenant's key.
        tenant: String,
        /// The room's slug.
        room: String,
        /// The object's name.
        name: ObjectName,
    },
    /// `/dav/{tenant}/push/{id}`: a registration for push messages.
    Registration {
        /// The tenant's key.
        tenant: String,
        /// The registration's id.
        id: String,
    },
    /// `/dav/{tenant}/outbox/{login}/`: where free-busy questions are posted.
    Outbox {
        /// The tenant's key.
        tenant: String,
        /// The principal's login.
        login: String,
    },
}

/// What sort of resource a path names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// [`Resource::Root`]
    Root,
    /// [`Resource::Tenant`]
    Tenant,
    /// [`Resource::Principals`]
    Principals,
    /// [`Resource::Principal`]
    Principal,
    /// [`Resource::RoomPrincipals`]
    RoomPrincipals,
    /// [`Resource::RoomPrincipal`]
    RoomPrincipal,
    /// [`Resource::Home`]
    Home,
    /// [`Resource::Room`]
    Room,
    /// [`Resource::Object`]
    Object,
    /// [`Resource::Registration`]
    Registration,
    /// [`Resource::Outbox`]
    Outbox,
}

/// The name under which room principals are collected; a principal cannot have this login.
pub const ROOMS: &str = "rooms";

impl Resource {
    /// Reads the path of a request, or the href of a report: absolute or with scheme and host, which are not looked at
    /// because only the gateway's own resources can be named. `None`: nothing of ours has this path.
    pub fn parse(href: &str) -> Option<Self> {
        let path = path_of(href)?;
        let trimmed = path.strip_prefix('/')?;
        let trimmed = trimmed.strip_suffix('/').unwrap_or(trimmed);
        let segments = if trimmed.is_empty() {
            Vec::new()
        } else {
            trimmed.split('/').map(decode).collect::<Option<Vec<String>>>()?
        };
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        match segments.as_slice() {
            [] | ["dav" | "principals"] | ["calendar", "dav", _, "user"] => Some(Self::Root { at: path.to_owned() }),
            ["dav", tenant, rest @ ..] => Self::inside((*tenant).to_owned(), rest, path.ends_with('/')),
            _ => None,
        }
    }

    fn inside(tenant: String, rest: &[&str], slash: bool) -> Option<Self> {
        Some(match rest {
            [] => Self::Tenant { tenant },
            ["principals"] => Self::Principals { tenant },
            ["principals", ROOMS] => Self::RoomPrincipals { tenant },
            ["principals", ROOMS, room] => Self::RoomPrincipal { tenant, room: (*room).to_owned() },
            ["principals", login] => Self::Principal { tenant, login: (*login).to_owned() },
            ["rooms"] => Self::Home { tenant },
            ["rooms", room] => Self::Room { tenant, room: (*room).to_owned() },
            ["rooms", room, name] if !slash => {
                Self::Object { tenant, room: (*room).to_owned(), name: ObjectName::parse(name)? }
            }
            ["push", id] if !slash => Self::Registration { tenant, id: (*id).to_owned() },
            ["outbox", login] => Self::Outbox { tenant, login: (*login).to_owned() },
            _ => return None,
        })
    }

    /// What sort of resource this is.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Root { .. } => Kind::Root,
            Self::Tenant { .. } => Kind::Tenant,
            Self::Principals { .. } => Kind::Principals,
            Self::Principal { .. } => Kind::Principal,
            Self::RoomPrincipals { .. } => Kind::RoomPrincipals,
            Self::RoomPrincipal { .. } => Kind::RoomPrincipal,
            Self::Home { .. } => Kind::Home,
            Self::Room { .. } => Kind::Room,
            Self::Object { .. } => Kind::Object,
            Self::Registration { .. } => Kind::Registration,
            Self::Outbox { .. } => Kind::Outbox,
        }
    }

    /// Whether this is a collection, whose path ends in a slash.
    pub const fn is_collection(&self) -> bool {
        !matches!(self, Self::Object { .. } | Self::Registration { .. })
    }

    /// The tenant's key, where the path names one.
    pub fn tenant(&self) -> Option<&str> {
        match self {
            Self::Root { .. } => None,
            Self::Tenant { tenant }
            | Self::Principals { tenant }
            | Self::Principal { tenant, .. }
            | Self::RoomPrincipals { tenant }
            | Self::RoomPrincipal { tenant, .. }
            | Self::Home { tenant }
            | Self::Room { tenant, .. }
            | Self::Object { tenant, .. }
            | Self::Registration { tenant, .. }
            | Self::Outbox { tenant, .. } => Some(tenant),
        }
    }

    /// The slug of the room, where the path leads to one, into it, or to its principal.
    pub fn room(&self) -> Option<&str> {
        match self {
            Self::RoomPrincipal { room, .. } | Self::Room { room, .. } | Self::Object { room, .. } => Some(room),
            Self::Root { .. }
            | Self::Tenant { .. }
            | Self::Principals { .. }
            | Self::Principal { .. }
            | Self::RoomPrincipals { .. }
            | Self::Home { .. }
            | Self::Registration { .. }
            | Self::Outbox { .. } => None,
        }
    }

    /// The canonical path: collections end in `/`, everything is encoded in one way.
    pub fn href(&self) -> String {
        let mut path = "/dav/".to_owned();
        let mut push = |segments: &[&str]| {
            for segment in segments {
                encode(segment, &mut path);
                path.push('/');
            }
        };
        match self {
            Self::Root { at } => return at.clone(),
            Self::Tenant { tenant } => push(&[tenant]),
            Self::Principals { tenant } => push(&[tenant, "principals"]),
            Self::Principal { tenant, login } => push(&[tenant, "principals", login]),
            Self::RoomPrincipals { tenant } => push(&[tenant, "principals", ROOMS]),
            Self::RoomPrincipal { tenant, room } => push(&[tenant, "principals", ROOMS, room]),
            Self::Home { tenant } => push(&[tenant, "rooms"]),
            Self::Room { tenant, room } => push(&[tenant, "rooms", room]),
            Self::Outbox { tenant, login } => push(&[tenant, "outbox", login]),
            Self::Object { tenant, room, name } => {
                push(&[tenant, "rooms", room]);
                encode(name.as_str(), &mut path);
            }
            Self::Registration { tenant, id } => {
                push(&[tenant, "push"]);
                encode(id, &mut path);
            }
        }
        path
    }
}

/// The canonical path of an object in the collection with this one.
pub fn member_href(collection: &str, name: &ObjectName) -> String {
    let mut path = String::with_capacity(collection.len() + name.as_str().len());
    path.push_str(collection);
    encode(name.as_str(), &mut path);
    path
}

/// The path of an href: scheme, host, query and fragment are cut off.
fn path_of(href: &str) -> Option<&str> {
    let path = match href.split_once("://") {
        Some((scheme, rest)) if scheme == "http" || scheme == "https" => &rest[rest.find('/')?..],
        _ => href,
    };
    path.split(['?', '#']).next()
}

/// Decodes one segment. `None` for what could be a trick: an encoded slash, a backslash, a dot segment, a control
/// character, an empty name, a broken escape, octets that are not UTF-8.
pub fn decode(segment: &str) -> Option<String> {
    let mut octets = Vec::with_capacity(segment.len());
    let mut rest = segment.bytes();
    while let Some(octet) = rest.next() {
        octets.push(match octet {
            b'%' => hex(rest.next()?)? << 4 | hex(rest.next()?)?,
            octet => octet,
        });
    }
    let text = String::from_utf8(octets).ok()?;
    let plain = !text.is_empty()
        && text != "."
        && text != ".."
        && !text.chars().any(|c| c == '/' || c == '\\' || c.is_control());
    plain.then_some(text)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// Appends a segment. Unreserved characters, `@` and `:` stand for themselves, as the clients that normalise hrefs
/// expect; everything else is escaped.
fn encode(segment: &str, out: &mut String) {
    use std::fmt::Write as _;
    for octet in segment.bytes() {
        if octet.is_ascii_alphanumeric() || b"-._~@:".contains(&octet) {
            out.push(char::from(octet));
        } else {
            let _ = write!(out, "%{octet:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    fn object(name: &str) -> Resource {
        let name = ObjectName::parse(name).unwrap();
        Resource::Object { tenant: "t".to_owned(), room: "hall".to_owned(), name }
    }

    #[test]
    fn every_place_of_the_layout_reads_and_prints() {
        for path in [
            "/dav/t/",
            "/dav/t/principals/",
            "/dav/t/principals/anna@example.com/",
            "/dav/t/principals/rooms/",
            "/dav/t/principals/rooms/hall/",
            "/dav/t/rooms/",
            "/dav/t/rooms/hall/",
            "/dav/t/rooms/hall/a%20b.ics",
            "/dav/t/outbox/anna@example.com/",
            "/dav/t/push/0199",
            "/dav/",
            "/",
            "/principals/",
            "/calendar/dav/anna@example.com/user/",
        ] {
            assert_eq!(Resource::parse(path).unwrap().href(), path);
        }
    }

    #[test]
    fn spellings_of_one_path_are_one_resource() {
        let canonical = object("a@b:1.ics");
        for path in [
            "/dav/t/rooms/hall/a@b:1.ics",
            "/dav/t/rooms/hall/a%40b%3A1.ics",
            "/dav/t/rooms/hall/a%40b%3a1.ics",
            "/dav/t/rooms/h%61ll/a@b:1.ics?x=/y#z",
            "https://calendar.example.com/dav/t/rooms/hall/a@b:1.ics",
        ] {
            assert_eq!(Resource::parse(path), Some(canonical.clone()), "{path}");
        }
        assert_eq!(Resource::parse("/dav/t/rooms/hall"), Resource::parse("/dav/t/rooms/hall/"));
    }

    #[test]
    fn tricks_with_paths_name_nothing() {
        for path in [
            "",
            "dav/t/",
            "/other/",
            "/dav//rooms/",
            "/dav/t/rooms/..",
            "/dav/t/rooms/../principals/",
            "/dav/t/rooms/%2e%2e/",
            "/dav/t/rooms/hall/%2e",
            "/dav/t/rooms/hall/a%2fb.ics",
            "/dav/t/rooms/hall/a%5cb.ics",
            "/dav/t/rooms/hall/a\\b.ics",
            "/dav/t/rooms/hall/a%00.ics",
            "/dav/t/rooms/hall/a%0d%0ab.ics",
            "/dav/t/rooms/hall/a%f",
            "/dav/t/rooms/hall/a%",
            "/dav/t/rooms/hall/a%zz",
            "/dav/t/rooms/hall/a%ff.ics",
            "/dav/t/rooms/hall/a.ics/",
            "/dav/t/rooms/hall/a/b.ics",
            "/dav/t/nothing/",
            "//evil/dav/t/rooms/hall/a.ics",
            "http://host",
        ] {
            assert_eq!(Resource::parse(path), None, "{path}");
        }
        let long = format!("/dav/t/rooms/hall/{}", "x".repeat(256));
        assert_eq!(Resource::parse(&long), None);
    }

    #[test]
    fn double_encoding_is_decoded_once() {
        assert_eq!(Resource::parse("/dav/t/rooms/hall/a%252e.ics"), Some(object("a%2e.ics")));
        assert_eq!(object("a%2e.ics").href(), "/dav/t/rooms/hall/a%252e.ics");
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, rng_seed: RngSeed::Fixed(4918), ..ProptestConfig::default() })]

        #[test]
        fn d7_every_object_name_has_one_canonical_path_that_reads_back(name in "[^/\\\\\\p{Cc}]{1,40}") {
            prop_assume!(name != "." && name != "..");
            prop_assume!(name.len() <= ObjectName::MAX_BYTES);
            let href = object(&name).href();
            prop_assert!(href.bytes().all(|b| b.is_ascii_graphic()));
            prop_assert_eq!(Resource::parse(&href), Some(object(&name)));
        }
    }
}
