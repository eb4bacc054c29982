//! What calendar-query and calendar-multiget tell of each member: its properties, with the part of its data that was
//! asked for (RFC 4791, 9.6), until the answer is as long as it may be.

use super::super::error::DavError;
use super::super::get::seen;
use super::super::multistatus;
use super::super::path::Resource;
use super::super::property::Scene;
use super::super::property::Subject;
use super::super::property::What;
use super::super::property::object::ObjectView;
use super::super::property::plan::Plan;
use super::desk::Desk;
use crate::davxml::Condition;
use crate::davxml::MultiStatus;
use crate::davxml::Selection;
use crate::ical::CalendarObject;
use crate::ical::ParseContext;
use crate::ical::select;
use crate::ical::select::CalendarData;
use crate::model::ZoneId;
use crate::store::objects::ObjectRow;
use actix_web::HttpResponse;

/// A multi-status of members under construction.
pub struct Members {
    desk: Desk,
    select: Selection,
    plan: Option<Plan>,
    most: usize,
    /// The zone of whole days and floating times in what is rendered.
    zone: ZoneId,
    /// How many instances may still be expanded.
    instances: usize,
    full: bool,
    answer: MultiStatus,
}

impl Members {
    /// An empty answer for at most `most` members.
    pub fn new(desk: Desk, select: Selection, most: usize) -> Self {
        let instances = desk.door.limits.report_instances;
        let zone = desk.room.room.zone.clone();
        let scene = Scene { door: &desk.door, caller: &desk.caller };
        let plan = Plan::new(&scene, &desk.room, &select.props, desk.minimal);
        Self { desk, select, plan, most, zone, instances, full: false, answer: MultiStatus::new() }
    }

    /// What the answer is for.
    pub const fn desk(&self) -> &Desk {
        &self.desk
    }

    /// Whether nothing more is told.
    pub const fn is_full(&self) -> bool {
        self.full
    }

    /// The same in another zone (RFC 4791, 9.8).
    pub fn in_zone(mut self, zone: ZoneId) -> Self {
        self.zone = zone;
        self
    }

    /// Tells of one member under `href`, which is how the client spelled it or its canonical path.
    pub fn tell(&mut self, href: &str, row: &ObjectRow) -> Result<(), DavError> {
        if !self.has_room() {
            return Ok(());
        }
        let octets = seen(&self.desk.door.limits, &self.desk.room, row)?;
        let mut view = ObjectView::of_row(row, &octets, self.desk.room.view());
        if let Some(data) = self.select.data.clone() {
            match self.render(&octets, row, &data)? {
                Some(text) => view.data = Some(text),
                None => return Ok(()),
            }
        }
        if self.plan.as_ref().is_some_and(|plan| plan.tell(href, &view, &mut self.answer)) {
            return Ok(());
        }
        let scene = Scene { door: &self.desk.door, caller: &self.desk.caller };
        let resource = Resource::parse(href).unwrap_or_else(|| self.desk.resource.clone());
        let subject = Subject::new(resource, What::Object(&self.desk.room, &view), &[]);
        let mut stats = subject.answer(&scene, &self.select.props);
        if self.desk.minimal {
            stats.without(404);
        }
        self.answer.properties(href, &stats);
        Ok(())
    }

    /// The part of an object that was asked for; `None` when expanding it would be too much, which ends the answer.
    fn render(&mut self, octets: &str, row: &ObjectRow, data: &CalendarData) -> Result<Option<String>, DavError> {
        let limits = &self.desk.door.limits;
        if *data == CalendarData::default() {
            return Ok(Some(self.desk.timezones.shown(octets, limits)?.into_owned()));
        }
        let cx = ParseContext { limits, floating: &self.zone };
        let object = CalendarObject::parse(octets.as_bytes(), &cx)
            .map_err(|error| DavError::Failed(format!("object {} cannot be read: {error}", row.id)))?;
        let Ok(text) = select::render(&object, data, &self.zone, self.instances) else {
            self.full = true;
            return Ok(None);
        };
        if data.expand.is_some() {
            self.instances = self.instances.saturating_sub(text.matches("BEGIN:VEVENT").count());
        }
        if data.selection.is_none() {
            return Ok(Some(self.desk.timezones.shown(&text, limits)?.into_owned()));
        }
        // Who selects components has said which.
        Ok(Some(text))
    }

    /// Tells that there is no such member.
    pub fn missing(&mut self, href: &str) {
        if self.has_room() {
            self.answer.status(href, 404, None, "");
        }
    }

    /// Whether another response fits. The first one that does not closes the answer with 507 (RFC 3744, 9.2).
    fn has_room(&mut self) -> bool {
        if self.full {
            return false;
        }
        self.full = self.answer.responses() >= self.most || self.answer.len() > self.desk.door.limits.report_bytes;
        !self.full
    }

    /// The answer.
    pub fn finish(mut self) -> HttpResponse {
        if self.full {
            let text = "There are more matches than one answer may have; ask for less.";
            self.answer.status(&self.desk.resource.href(), 507, Some(&Condition::NumberOfMatchesWithinLimits), text);
        }
        multistatus(self.answer.finish(), self.desk.minimal)
    }
}
