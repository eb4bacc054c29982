//! One question to many members: names are looked up once, and what all members answer alike is written once. Listing a
//! room then costs what its members say, and not what was asked.

use super::Scene;
use super::Subject;
use super::Value;
use super::What;
use super::object;
use super::object::ObjectView;
use crate::dav::caller::VisibleRoom;
use crate::dav::path::Resource;
use crate::davxml::MultiStatus;
use crate::davxml::PropFind;
use crate::davxml::PropStats;
use crate::davxml::XmlWriter;
use crate::model::Etag;
use crate::model::ObjectName;

/// What is asked of each object of a room, as far as it is the same for all of them.
pub struct Plan {
    found: Vec<Step>,
    /// What no object has, ready to be appended to each response.
    others: String,
}

/// One property that objects have.
enum Step {
    /// Every object of the room answers the same element.
    Same(String),
    /// Each object answers for itself, between these tags.
    Own { property: object::Property, open: String, close: String },
}

impl Step {
    fn own(property: object::Property) -> Self {
        let (mut open, mut close) = (XmlWriter::fragment(), XmlWriter::fragment());
        open.open(&property.name());
        close.close(&property.name());
        Self::Own { property, open: open.finish(), close: close.finish() }
    }
}

impl Plan {
    /// The plan for the objects of a room. `None` where each has to be asked by itself: for all properties, for their
    /// names, or for something that is refused in words about the object.
    pub fn new(scene: &Scene<'_>, room: &VisibleRoom, asked: &PropFind, minimal: bool) -> Option<Self> {
        let PropFind::Prop(names) = asked else { return None };
        // Stands for every object: what its name or validator is does not come up.
        let name = ObjectName::parse("sample.ics")?;
        let (tenant, slug) = (scene.caller.tenant.tenant_key.clone(), room.room.slug.clone());
        let resource = Resource::Object { tenant, room: slug, name: name.clone() };
        let etag = Etag::from(String::new());
        let sample = ObjectView { name, etag, size_bytes: None, created: None, modified: None, data: None };
        let subject = Subject::new(resource, What::Object(room, &sample), &[]);
        let (mut found, mut others) = (Vec::with_capacity(names.len()), PropStats::default());
        for name in names {
            match object::Property::from_name(name) {
                Some(property) => found.push(Step::own(property)),
                None => match subject.value(scene, name) {
                    Value::Is(element) => found.push(Step::Same(element)),
                    Value::Absent if minimal => {}
                    Value::Absent => {
                        others.add_name(404, name);
                    }
                    Value::Hidden { .. } => return None,
                },
            }
        }
        (!found.is_empty()).then(|| Self { found, others: others.render() })
    }

    /// Tells of one object. `false`, and nothing told, where it does not know one of its own properties: a listing
    /// from the change log knows validators only.
    pub fn tell(&self, href: &str, object: &ObjectView, answer: &mut MultiStatus) -> bool {
        let knows = |step: &Step| match step {
            Step::Same(_) => true,
            Step::Own { property, .. } => property.is_known(object),
        };
        if !self.found.iter().all(knows) {
            return false;
        }
        answer.found(href, &self.others, |xml| {
            for step in &self.found {
                match step {
                    Step::Same(element) => {
                        xml.raw(element);
                    }
                    Step::Own { property, open, close } => {
                        xml.raw(open).text(&property.text(object).unwrap_or_default()).raw(close);
                    }
                }
            }
        });
        true
    }
}
