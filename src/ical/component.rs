//! A tree of components over content lines (RFC 5545, 3.4). What nobody edits is written back octet for octet.

use super::error::IcalError;
use super::line::ContentLine;
use super::line::read_lines;
use crate::config::Limits;

/// Deepest nesting: VCALENDAR, VEVENT, VALARM and room for unknown ones.
const MAX_DEPTH: usize = 8;

/// A component with its properties and components in the order of the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Component {
    /// Component name in upper case.
    pub name: String,
    /// What stands between BEGIN and END.
    pub items: Vec<Item>,
    begin: ContentLine,
    end: ContentLine,
}

/// One thing inside a component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// A property.
    Line(ContentLine),
    /// A component.
    Component(Component),
}

impl Component {
    /// An empty component to be filled.
    pub fn new(name: &str) -> Self {
        let begin = ContentLine::new("BEGIN", &[], name);
        let end = ContentLine::new("END", &[], name);
        Self { name: begin.value.to_ascii_uppercase(), items: Vec::new(), begin, end }
    }

    /// The one root component of a text, within the limits on octets, lines, components and nesting.
    pub fn parse(text: &str, limits: &Limits) -> Result<Self, IcalError> {
        if text.len() > limits.object_bytes {
            return Err(IcalError::MaxResourceSize { limit: limits.object_bytes });
        }
        let lines = read_lines(text, limits.ical_lines)?;
        Builder { open: Vec::new(), components: 0, limits }.build(lines)
    }

    /// The component as text.
    pub fn emit(&self) -> String {
        let mut text = String::new();
        self.emit_into(&mut text);
        text
    }

    fn emit_into(&self, text: &mut String) {
        text.push_str(self.begin.raw());
        for item in &self.items {
            match item {
                Item::Line(line) => text.push_str(line.raw()),
                Item::Component(component) => component.emit_into(text),
            }
        }
        text.push_str(self.end.raw());
    }

    /// The properties in their order.
    pub fn lines(&self) -> impl Iterator<Item = &ContentLine> {
        self.items.iter().filter_map(|item| match item {
            Item::Line(line) => Some(line),
            Item::Component(_) => None,
        })
    }

    /// The components in their order.
    pub fn components(&self) -> impl Iterator<Item = &Self> {
        self.items.iter().filter_map(|item| match item {
            Item::Line(_) => None,
            Item::Component(component) => Some(component),
        })
    }

    /// The components of one name (upper case).
    pub fn components_named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.components().filter(move |component| component.name == name)
    }

    /// The properties of one name (upper case).
    pub fn lines_named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a ContentLine> {
        self.lines().filter(move |line| line.name == name)
    }

    /// The first property of a name (upper case).
    pub fn line(&self, name: &str) -> Option<&ContentLine> {
        self.lines().find(|line| line.name == name)
    }

    /// The line of the source the component begins on; 0 for one that was made here.
    pub const fn number(&self) -> usize {
        self.begin.number
    }

    /// How the first line ends, which is how edited lines shall end.
    pub(crate) fn line_end(&self) -> &'static str {
        let raw = self.begin.raw();
        if raw.contains("\r\n") || !raw.contains(['\r', '\n']) {
            return "\r\n";
        }
        if raw.contains('\n') { "\n" } else { "\r" }
    }

    /// Puts `line` in the place of the first property of its name and removes any other, or adds it behind the last
    /// property.
    pub(crate) fn set_line(&mut self, line: ContentLine) {
        let line = line.with_line_end(self.line_end());
        let position = self.items.iter().position(|item| is_line_of(item, &line.name));
        let Some(position) = position else {
            self.add_line(line);
            return;
        };
        let name = line.name.clone();
        self.items[position] = Item::Line(line);
        let mut index = 0;
        self.items.retain(|item| {
            index += 1;
            index - 1 <= position || !is_line_of(item, &name)
        });
    }

    /// Adds a property behind the last one, before the first component.
    pub(crate) fn add_line(&mut self, line: ContentLine) {
        let line = line.with_line_end(self.line_end());
        let position = self.items.iter().position(|item| matches!(item, Item::Component(_)));
        self.items.insert(position.unwrap_or(self.items.len()), Item::Line(line));
    }

    /// Removes the properties of one name that fulfil a condition.
    pub(crate) fn remove_lines(&mut self, name: &str, condition: impl Fn(&ContentLine) -> bool) {
        self.items.retain(|item| match item {
            Item::Line(line) => line.name != name || !condition(line),
            Item::Component(_) => true,
        });
    }

    /// Adds a component behind the last one.
    pub(crate) fn add_component(&mut self, component: Self) {
        self.items.push(Item::Component(component));
    }

    /// The components, to be edited.
    pub(crate) fn components_mut(&mut self) -> impl Iterator<Item = &mut Self> {
        self.items.iter_mut().filter_map(|item| match item {
            Item::Line(_) => None,
            Item::Component(component) => Some(component),
        })
    }

    /// The same component with another line end throughout.
    pub(crate) fn with_line_end(self, line_end: &str) -> Self {
        let items = self.items.into_iter().map(|item| match item {
            Item::Line(line) => Item::Line(line.with_line_end(line_end)),
            Item::Component(component) => Item::Component(component.with_line_end(line_end)),
        });
        Self {
            name: self.name,
            items: items.collect(),
            begin: self.begin.with_line_end(line_end),
            end: self.end.with_line_end(line_end),
        }
    }

    /// The same component with other contents, between the same BEGIN and END.
    pub(crate) fn with_items(&self, items: Vec<Item>) -> Self {
        Self { name: self.name.clone(), items, begin: self.begin.clone(), end: self.end.clone() }
    }
}

fn is_line_of(item: &Item, name: &str) -> bool {
    matches!(item, Item::Line(line) if line.name == name)
}

/// Builds the tree from a flat list of lines.
struct Builder<'a> {
    open: Vec<(ContentLine, Vec<Item>)>,
    components: usize,
    limits: &'a Limits,
}

impl Builder<'_> {
    fn build(mut self, lines: Vec<ContentLine>) -> Result<Component, IcalError> {
        let mut root = None;
        for line in lines {
            if root.is_some() {
                return Err(IcalError::at_line(
                    line.number,
                    "stands behind the end of the calendar; send one calendar",
                ));
            }
            root = self.take(line)?;
        }
        match (root, self.open.pop()) {
            (Some(root), _) => Ok(root),
            (None, Some((begin, _))) => {
                let what = format!("BEGIN:{} has no END", begin.value);
                Err(IcalError::at_line(begin.number, &what))
            }
            (None, None) => Err(IcalError::SupportedCalendarData("it is empty".to_owned())),
        }
    }

    /// Takes one line; the answer is the root component when the line ends it.
    fn take(&mut self, line: ContentLine) -> Result<Option<Component>, IcalError> {
        if line.name == "BEGIN" {
            return self.begin(line).map(|()| None);
        }
        if line.name == "END" {
            return self.end(line);
        }
        let Some((_, items)) = self.open.last_mut() else {
            return Err(IcalError::SupportedCalendarData("it does not begin with BEGIN:VCALENDAR".to_owned()));
        };
        items.push(Item::Line(line));
        Ok(None)
    }

    fn begin(&mut self, line: ContentLine) -> Result<(), IcalError> {
        self.components += 1;
        if self.components > self.limits.ical_components {
            let limit = self.limits.ical_components;
            return Err(IcalError::ValidCalendarData(format!("more than {limit} components")));
        }
        if self.open.len() >= MAX_DEPTH {
            return Err(IcalError::at_line(line.number, "components are nested too deeply"));
        }
        self.open.push((line, Vec::new()));
        Ok(())
    }

    fn end(&mut self, line: ContentLine) -> Result<Option<Component>, IcalError> {
        let Some((begin, items)) = self.open.pop() else {
            return Err(IcalError::at_line(line.number, "ends a component that never began"));
        };
        let name = begin.value.trim().to_ascii_uppercase();
        if !line.value.trim().eq_ignore_ascii_case(&name) {
            let what = format!("END:{} does not end BEGIN:{name} of line {}", line.value, begin.number);
            return Err(IcalError::at_line(line.number, &what));
        }
        let component = Component { name, items, begin, end: line };
        let Some((_, items)) = self.open.last_mut() else {
            return Ok(Some(component));
        };
        items.push(Item::Component(component));
        Ok(None)
    }
}
