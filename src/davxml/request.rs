//! PROPFIND and PROPPATCH bodies as closed types (RFC 4918, 14.20 and 14.19), and what is wrong with a body that is none.

use super::condition::Condition;
use super::element::Element;
use super::name::DAV;
use super::name::QName;
use super::read::XmlError;
use super::read::read;
use crate::config::Limits;
use thiserror::Error;

/// Why a body is no request.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RequestError {
    /// No XML that the gateway reads; 400, or 413 for the size.
    #[error(transparent)]
    Xml(#[from] XmlError),
    /// XML that is not this request; 400.
    #[error("{0}")]
    Shape(String),
    /// A request that asks for something refused by a precondition; 403.
    #[error("{text}")]
    Condition {
        /// The precondition.
        condition: Condition,
        /// A sentence for the person in front of the client.
        text: String,
    },
}

impl RequestError {
    /// A body of the wrong shape.
    pub fn shape(text: impl Into<String>) -> Self {
        Self::Shape(text.into())
    }

    /// A failed precondition.
    pub fn condition(condition: Condition, text: impl Into<String>) -> Self {
        Self::Condition { condition, text: text.into() }
    }
}

/// Which properties are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PropFind {
    /// These, in this order; `CALDAV:calendar-data` among them only by its name.
    Prop(Vec<QName>),
    /// All dead properties and those of RFC 4918, and these as well.
    AllProp {
        /// `DAV:include`.
        include: Vec<QName>,
    },
    /// The names of all.
    PropName,
}

impl PropFind {
    /// Reads a PROPFIND body. An empty one asks for everything (RFC 4918, 9.1).
    pub fn parse(body: &[u8], limits: &Limits) -> Result<Self, RequestError> {
        if body.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self::AllProp { include: Vec::new() });
        }
        let root = read(body, limits)?;
        if !root.name.is(DAV, "propfind") {
            return Err(RequestError::shape(format!("a PROPFIND body is DAV:propfind, this is {}", root.name)));
        }
        Self::select(&root)?
            .ok_or_else(|| RequestError::shape("DAV:propfind holds one of DAV:prop, DAV:allprop and DAV:propname"))
    }

    /// Reads the selection among the children of a PROPFIND or REPORT root; `None` where there is none.
    pub fn select(parent: &Element) -> Result<Option<Self>, RequestError> {
        let mut found = None;
        for child in parent.elements().filter(|child| child.name.ns == DAV) {
            let selection = match child.name.local.as_ref() {
                "prop" => Self::Prop(names(child)),
                "allprop" => Self::AllProp { include: parent.child(DAV, "include").map(names).unwrap_or_default() },
                "propname" => Self::PropName,
                _ => continue,
            };
            if found.replace(selection).is_some() {
                return Err(RequestError::shape("DAV:prop, DAV:allprop and DAV:propname exclude each other"));
            }
        }
        Ok(found)
    }

    /// Whether a property is asked for by name.
    pub fn names(&self, name: &QName) -> bool {
        match self {
            Self::Prop(names) | Self::AllProp { include: names } => names.contains(name),
            Self::PropName => false,
        }
    }
}

/// The names of the child elements, each once: a client that asks twice gets one answer.
fn names(parent: &Element) -> Vec<QName> {
    let mut seen = std::collections::HashSet::new();
    parent.elements().map(|child| child.name.clone()).filter(|name| seen.insert(name.clone())).collect()
}

/// One step of a PROPPATCH.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PropUpdate {
    /// Give the property this value: the whole property element, `xml:lang` in scope included.
    Set(Element),
    /// Remove the property; removing one that is not there succeeds.
    Remove(QName),
}

impl PropUpdate {
    /// The property's name.
    pub const fn name(&self) -> &QName {
        match self {
            Self::Set(element) => &element.name,
            Self::Remove(name) => name,
        }
    }
}

/// A PROPPATCH: steps in document order, all or none of which are carried out (RFC 4918, 9.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PropPatch {
    /// The steps.
    pub updates: Vec<PropUpdate>,
}

impl PropPatch {
    /// Reads a PROPPATCH body.
    pub fn parse(body: &[u8], limits: &Limits) -> Result<Self, RequestError> {
        let root = read(body, limits)?;
        if !root.name.is(DAV, "propertyupdate") {
            return Err(RequestError::shape(format!("a PROPPATCH body is DAV:propertyupdate, this is {}", root.name)));
        }
        let mut updates = Vec::new();
        for step in root.elements() {
            let remove = step.name.is(DAV, "remove");
            if !remove && !step.name.is(DAV, "set") {
                continue;
            }
            for prop in step.elements().filter(|child| child.name.is(DAV, "prop")) {
                let lang = prop.lang().or(step.lang()).or(root.lang());
                updates.extend(prop.elements().map(|property| update(property, remove, lang)));
            }
        }
        if updates.is_empty() {
            return Err(RequestError::shape("DAV:propertyupdate names no property"));
        }
        Ok(Self { updates })
    }
}

fn update(property: &Element, remove: bool, lang: Option<&str>) -> PropUpdate {
    if remove {
        return PropUpdate::Remove(property.name.clone());
    }
    let mut element = property.clone();
    element.inherit_lang(lang);
    PropUpdate::Set(element)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn propfind(body: &str) -> Result<PropFind, RequestError> {
        PropFind::parse(body.as_bytes(), &Limits::default())
    }

    #[test]
    fn p1_an_empty_body_asks_for_all_properties() {
        assert_eq!(propfind(" \r\n"), Ok(PropFind::AllProp { include: Vec::new() }));
    }

    #[test]
    fn p1_the_four_forms_are_told_apart_whatever_prefix_they_use() {
        let asked = propfind(
            "<x:propfind xmlns:x='DAV:'><x:prop><x:getetag/><y xmlns='urn:z'/><x:getetag/></x:prop></x:propfind>",
        );
        assert_eq!(asked, Ok(PropFind::Prop(vec![QName::dav("getetag"), QName::new("urn:z", "y")])));
        let asked = propfind("<propfind xmlns='DAV:'><include><getetag/></include><allprop/></propfind>");
        assert_eq!(asked, Ok(PropFind::AllProp { include: vec![QName::dav("getetag")] }));
        assert_eq!(propfind("<propfind xmlns='DAV:'><propname/></propfind>"), Ok(PropFind::PropName));
        assert_eq!(propfind("<propfind xmlns='DAV:'><prop/></propfind>"), Ok(PropFind::Prop(Vec::new())));
    }

    #[test]
    fn a_body_that_asks_nothing_or_two_things_is_refused() {
        for bad in [
            "<propfind xmlns='DAV:'/>",
            "<propfind xmlns='DAV:'><propname/><allprop/></propfind>",
            "<propfind><propname/></propfind>",
            "<prop xmlns='DAV:'/>",
        ] {
            assert!(matches!(propfind(bad), Err(RequestError::Shape(_))), "{bad}");
        }
    }

    #[test]
    fn p4_proppatch_keeps_document_order_and_inherits_the_language() {
        let body = "<propertyupdate xmlns='DAV:' xmlns:z='urn:z' xml:lang='nb'><set><prop><z:a>1</z:a></prop></set>\
                    <remove><prop><z:a/><z:b>x</z:b></prop></remove>\
                    <set><prop xml:lang='en'><z:c/><z:d xml:lang='fr'/></prop></set></propertyupdate>";
        let patch = PropPatch::parse(body.as_bytes(), &Limits::default()).unwrap();
        let steps: Vec<String> = patch
            .updates
            .iter()
            .map(|update| match update {
                PropUpdate::Set(element) => format!("set {}", element.to_xml()),
                PropUpdate::Remove(name) => format!("remove {name}"),
            })
            .collect();
        assert_eq!(
            steps,
            [
                "set <z:a xmlns:z=\"urn:z\" xml:lang=\"nb\">1</z:a>",
                "remove {urn:z}a",
                "remove {urn:z}b",
                "set <z:c xmlns:z=\"urn:z\" xml:lang=\"en\"/>",
                "set <z:d xmlns:z=\"urn:z\" xml:lang=\"fr\"/>",
            ]
        );
    }
}
