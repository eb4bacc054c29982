//! Properties: closed tables of live ones, each written when it is asked for, and what clients have set beside them
//! (RFC 4918, 4 and 15; RFC 4791, 5.2; RFC 3744, 4 and 5).

pub(super) mod collection;
pub(super) mod object;
pub(super) mod plan;
pub(super) mod principal;
pub(super) mod room;

use super::DavDoor;
use super::caller::Caller;
use super::caller::VisibleRoom;
use super::path::Resource;
use crate::davxml::Condition;
use crate::davxml::PropFind;
use crate::davxml::PropStats;
use crate::davxml::QName;
use crate::davxml::XmlWriter;
use crate::model::Privilege;
use crate::store::principals::Principal;
use crate::store::properties::PropertyRow;
use object::ObjectView;

/// Declares a table of properties: an enum, its names, and which of them answer `DAV:allprop`.
macro_rules! properties {
    ($(#[$doc:meta])* $table:ident { $($variant:ident = $space:ident $local:literal $($all:ident)?;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $table {
            $(#[doc = concat!("`", $local, "`")] $variant,)*
        }

        impl $table {
            /// Every property of the table.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The property's name.
            pub const fn name(self) -> $crate::davxml::QName {
                match self { $(Self::$variant => $crate::davxml::QName::$space($local),)* }
            }

            /// Whether `DAV:allprop` asks for it: the properties of RFC 4918 only.
            pub const fn in_allprop(self) -> bool {
                match self { $(Self::$variant => properties!(@all $($all)?),)* }
            }

            /// The property of that name.
            pub fn from_name(name: &$crate::davxml::QName) -> Option<Self> {
                Self::ALL.iter().copied().find(|property| property.name() == *name)
            }
        }
    };
    (@all all) => { true };
    (@all) => { false };
}
pub(super) use properties;

/// What properties are computed from, besides the resource.
pub struct Scene<'a> {
    /// The door.
    pub door: &'a DavDoor,
    /// Who asks.
    pub caller: &'a Caller,
}

/// A resource with what is known of it.
pub struct Subject<'a> {
    /// Where it is.
    pub resource: Resource,
    /// What it is.
    pub what: What<'a>,
    /// What the caller has set on it.
    pub own: Vec<&'a PropertyRow>,
}

/// What a resource is.
#[derive(Clone, Copy)]
pub enum What<'a> {
    /// A collection that holds nothing but its members, or the outbox.
    Plain,
    /// A person or service.
    Principal(&'a Principal),
    /// The principal of a room.
    RoomPrincipal(&'a VisibleRoom),
    /// A calendar.
    Room(&'a VisibleRoom),
    /// A calendar object.
    Object(&'a VisibleRoom, &'a ObjectView),
}

/// What a resource has to say to one name.
pub enum Value {
    /// The property element.
    Is(String),
    /// There is such a property, but it takes a privilege that the caller lacks (RFC 3744, 3).
    Hidden {
        /// The privilege.
        privilege: QName,
    },
    /// There is no such property.
    Absent,
}

impl Value {
    /// Tells it under its status: 200, 403 or 404.
    pub fn tell(self, href: &str, name: &QName, stats: &mut PropStats) {
        match self {
            Self::Is(element) => {
                stats.add(200, &element);
            }
            Self::Hidden { privilege } => {
                let text = format!("This takes the privilege {}.", privilege.local);
                stats.add_name(403, name);
                stats.explain(403, Some(Condition::NeedPrivileges { href: href.to_owned(), privilege }), &text);
            }
            Self::Absent => {
                stats.add_name(404, name);
            }
        }
    }
}

impl<'a> Subject<'a> {
    /// A resource; `own` are all properties the caller has set anywhere.
    pub fn new(resource: Resource, what: What<'a>, own: &'a [PropertyRow]) -> Self {
        let key = storage_key(&resource, what);
        let own = own.iter().filter(|row| Some(&row.resource) == key.as_ref()).collect();
        Self { resource, what, own }
    }

    /// What a PROPFIND is answered for this resource.
    pub fn answer(&self, scene: &Scene<'_>, asked: &PropFind) -> PropStats {
        let mut stats = PropStats::default();
        match asked {
            PropFind::Prop(names) => {
                for name in names {
                    self.tell(scene, name, &mut stats);
                }
            }
            PropFind::AllProp { include } => {
                let mut names = self.names(true);
                let more: Vec<QName> = include.iter().filter(|name| !names.contains(name)).cloned().collect();
                names.retain(|name| matches!(self.value(scene, name), Value::Is(_)));
                for name in names.iter().chain(&more) {
                    self.tell(scene, name, &mut stats);
                }
            }
            PropFind::PropName => {
                let names =
                    self.names(false).into_iter().filter(|name| matches!(self.value(scene, name), Value::Is(_)));
                for name in names {
                    stats.add_name(200, &name);
                }
            }
        }
        stats
    }

    fn tell(&self, scene: &Scene<'_>, name: &QName, stats: &mut PropStats) {
        self.value(scene, name).tell(&self.resource.href(), name, stats);
    }

    /// What the resource has to say to a name.
    pub fn value(&self, scene: &Scene<'_>, name: &QName) -> Value {
        if let Some(row) = self.own.iter().find(|row| name.is(&row.namespace, &row.name)) {
            return Value::Is(row.value.clone());
        }
        match self.hidden(name) {
            Some(privilege) => Value::Hidden { privilege },
            None => self.element(scene, name).map_or(Value::Absent, Value::Is),
        }
    }

    /// The privilege that the caller would need to see a property that is there.
    fn hidden(&self, name: &QName) -> Option<QName> {
        if *name == collection::Property::Acl.name() {
            // Grants are looked after by administrators; nobody reads them over DAV.
            return Some(QName::dav("read-acl"));
        }
        match self.what {
            What::Room(room) if room.privilege < Privilege::Read => room::Property::from_name(name)
                .filter(|property| property.tells_of_bookings())
                .map(|_| QName::dav("read")),
            _ => None,
        }
    }

    fn element(&self, scene: &Scene<'_>, name: &QName) -> Option<String> {
        let mut xml = XmlWriter::fragment();
        let known =
            match self.what {
                What::Plain => false,
                What::Principal(principal) => principal::Property::from_name(name)
                    .is_some_and(|property| property.write(scene, principal, &mut xml)),
                What::RoomPrincipal(room) => principal::RoomProperty::from_name(name)
                    .is_some_and(|property| property.write(scene, room, &mut xml)),
                What::Room(room) => {
                    room::Property::from_name(name).is_some_and(|property| property.write(scene, room, &mut xml))
                }
                What::Object(_, object) => {
                    object::Property::from_name(name).is_some_and(|property| property.write(object, &mut xml))
                }
            };
        let known = known
            || collection::Property::from_name(name).is_some_and(|property| property.write(scene, self, &mut xml));
        known.then(|| xml.finish())
    }

    /// The names of all properties this resource may have: live ones by its table and the common one, and own ones.
    fn names(&self, allprop: bool) -> Vec<QName> {
        fn of<P: Copy>(all: &[P], keep: impl Fn(P) -> bool, name: impl Fn(P) -> QName) -> Vec<QName> {
            all.iter().copied().filter(|property| keep(*property)).map(name).collect()
        }
        let mut names = match self.what {
            What::Plain => Vec::new(),
            What::Principal(_) => {
                let all = principal::Property::ALL;
                of(all, |p| !allprop || p.in_allprop(), principal::Property::name)
            }
            What::RoomPrincipal(_) => {
                let all = principal::RoomProperty::ALL;
                of(all, |p| !allprop || p.in_allprop(), principal::RoomProperty::name)
            }
            What::Room(_) => of(room::Property::ALL, |p| !allprop || p.in_allprop(), room::Property::name),
            What::Object(..) => of(object::Property::ALL, |p| !allprop || p.in_allprop(), object::Property::name),
        };
        let common = of(collection::Property::ALL, |p| !allprop || p.in_allprop(), collection::Property::name);
        let own = self.own.iter().map(|row| QName::new(&row.namespace, &row.name));
        // What a client set on its own answers allprop, except where it stands for a property that does not.
        let own: Vec<QName> = own.filter(|name| !allprop || !is_live(self.what, name)).collect();
        for name in common.into_iter().chain(own) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }
}

/// Whether the server computes this property on such a resource, set or not.
pub fn is_live(what: What<'_>, name: &QName) -> bool {
    let own = match what {
        What::Plain => false,
        What::Principal(_) => principal::Property::from_name(name).is_some(),
        What::RoomPrincipal(_) => principal::RoomProperty::from_name(name).is_some(),
        What::Room(_) => room::Property::from_name(name).is_some(),
        What::Object(..) => object::Property::from_name(name).is_some(),
    };
    own || collection::Property::from_name(name).is_some()
}

/// Under which key the caller's properties of a resource are stored; `None` where none can be set.
pub fn storage_key(resource: &Resource, what: What<'_>) -> Option<String> {
    match (resource, what) {
        (_, What::Room(room)) => Some(format!("room:{}", room.room.id)),
        (_, What::Principal(principal)) => Some(format!("principal:{}", principal.id)),
        (Resource::Home { .. }, What::Plain) => Some("home".to_owned()),
        _ => None,
    }
}
