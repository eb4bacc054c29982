//! What a room asks of its bookings.

use super::{Acting, ManageError, rooms};
use crate::config::Limits;
use crate::model::DayException;
use crate::model::Hours;
use crate::model::RoomRules;
use crate::model::WeeklyHours;
use crate::store::Tx;
use crate::store::rooms as stored_rooms;
use crate::store::rules as stored;
use crate::store::rules::RulesRow;
use std::collections::BTreeSet;

/// Most minutes of a buffer, a day.
const MOST_BUFFER: u32 = 1440;

/// Most minutes of any other bound, a year.
const MOST_MINUTES: u32 = 366 * 1440;

/// Most days of the horizon, ten years.
const MOST_DAYS: u32 = 3660;

/// The rules of a room with when they were set; `None` where nobody ever set any.
pub async fn find(tx: &mut Tx, acting: &Acting<'_>, slug: &str) -> Result<Option<RulesRow>, ManageError> {
    let room = rooms::find(tx, acting, slug).await?;
    Ok(stored::get(tx, acting.tenant, &room.id).await?)
}

/// Sets the rules of a room, all of them. Bookings that stand already are not judged by new rules.
pub async fn set(
    tx: &mut Tx,
    acting: &Acting<'_>,
    limits: &Limits,
    slug: &str,
    rules: &RoomRules,
) -> Result<RulesRow, ManageError> {
    let rules = checked(rules, limits.room_hours)?;
    let room = rooms::find(tx, acting, slug).await?;
    // Whoever books at this moment is judged by the old rules or by the new ones, not by both.
    stored_rooms::lock(tx, acting.tenant, &room.id).await?;
    let row = RulesRow { room_id: room.id, rules, changed_ms: acting.now, changed_by: acting.actor.to_owned() };
    stored::put(tx, acting.tenant, &row).await?;
    acting.record(tx, "room.rules", Some(&row.room_id), &format!("The rules of {slug} were set.")).await?;
    Ok(row)
}

/// The rules as they are stored: hours and exceptions in order, everything inside its bounds.
fn checked(rules: &RoomRules, most: usize) -> Result<RoomRules, ManageError> {
    let mut rules = rules.clone();
    if rules.opening_hours.len() > most || rules.exceptions.len() > most {
        let field = if rules.opening_hours.len() > most { "opening_hours" } else { "exceptions" };
        return Err(ManageError::invalid(field, format!("has more than {most} entries")));
    }
    for weekly in &mut rules.opening_hours {
        check_week(weekly)?;
    }
    let mut days = BTreeSet::new();
    for exception in &mut rules.exceptions {
        check_day(exception)?;
        if !days.insert(exception.date) {
            let why = format!("{} stands twice; write all hours of a day into one entry", exception.date);
            return Err(ManageError::invalid("exceptions", why));
        }
    }
    rules.exceptions.sort_unstable_by_key(|exception| exception.date);
    check_bounds(&rules)?;
    Ok(rules)
}

fn check_week(weekly: &mut WeeklyHours) -> Result<(), ManageError> {
    weekly.days.sort_unstable();
    weekly.days.dedup();
    if weekly.days.is_empty() {
        return Err(ManageError::invalid("opening_hours", "an entry names no day; leave it out, or give days"));
    }
    check_hours("opening_hours", weekly.hours())
}

fn check_day(exception: &mut DayException) -> Result<(), ManageError> {
    if exception.hours.len() > 24 {
        return Err(ManageError::invalid("exceptions", format!("{} has more than 24 hours", exception.date)));
    }
    for hours in &exception.hours {
        check_hours("exceptions", *hours)?;
    }
    exception.note = match exception.note.trim() {
        "" => String::new(),
        note => rooms::line("exceptions", note, 200)?,
    };
    Ok(())
}

fn check_hours(field: &'static str, hours: Hours) -> Result<(), ManageError> {
    if hours.from == hours.to {
        let why = format!("{hours} lasts no time; a whole day is 00:00-24:00");
        return Err(ManageError::invalid(field, why));
    }
    if hours.from == crate::model::TimeOfDay::END {
        return Err(ManageError::invalid(field, format!("{hours} begins at 24:00; write 00:00 of the next day")));
    }
    Ok(())
}

fn check_bounds(rules: &RoomRules) -> Result<(), ManageError> {
    let bounds = [
        ("buffer_before_minutes", Some(rules.buffer_before_minutes), 0, MOST_BUFFER),
        ("buffer_after_minutes", Some(rules.buffer_after_minutes), 0, MOST_BUFFER),
        ("horizon_days", rules.horizon_days, 1, MOST_DAYS),
        ("lead_minutes", rules.lead_minutes, 1, MOST_MINUTES),
        ("shortest_minutes", rules.shortest_minutes, 1, MOST_MINUTES),
        ("longest_minutes", rules.longest_minutes, 1, MOST_MINUTES),
    ];
    for (field, value, least, most) in bounds {
        if let Some(value) = value.filter(|value| !(least..=most).contains(value)) {
            return Err(ManageError::invalid(field, format!("{value} is not from {least} to {most}")));
        }
    }
    if let (Some(shortest), Some(longest)) = (rules.shortest_minutes, rules.longest_minutes)
        && shortest > longest
    {
        let why = format!("{shortest} is more than longest_minutes ({longest})");
        return Err(ManageError::invalid("shortest_minutes", why));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str) -> Result<RoomRules, String> {
        checked(&serde_json::from_str(json).unwrap(), 3).map_err(|error| error.to_string())
    }

    #[test]
    fn rules_are_put_in_order() {
        let rules = check(
            r#"{"opening_hours":[{"days":["friday","monday","friday"],"from":"08:00","to":"16:00"}],
                "exceptions":[{"date":"2026-12-25"},{"date":"2026-12-24","note":" Eve "}],"horizon_days":90}"#,
        )
        .unwrap();
        assert_eq!(rules.opening_hours[0].days.len(), 2);
        assert_eq!(rules.exceptions[0].note, "Eve");
        assert_eq!(check("{}").unwrap(), RoomRules::default());
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_its_field() {
        for (json, says) in [
            (r#"{"opening_hours":[{"days":[],"from":"08:00","to":"16:00"}]}"#, "opening_hours: an entry names no day"),
            (
                r#"{"opening_hours":[{"days":["monday"],"from":"08:00","to":"08:00"}]}"#,
                "opening_hours: 08:00-08:00 lasts no time; a whole day is 00:00-24:00",
            ),
            (
                r#"{"exceptions":[{"date":"2026-12-24","hours":[{"from":"24:00","to":"01:00"}]}]}"#,
                "exceptions: 24:00-01:00 begins at 24:00",
            ),
            (r#"{"exceptions":[{"date":"2026-12-24"},{"date":"2026-12-24"}]}"#, "exceptions: 2026-12-24 stands twice"),
            (
                r#"{"exceptions":[{"date":"2026-01-01"},{"date":"2026-01-02"},{"date":"2026-01-03"},{"date":"2026-01-04"}]}"#,
                "exceptions: has more than 3 entries",
            ),
            (r#"{"buffer_after_minutes":1441}"#, "buffer_after_minutes: 1441 is not from 0 to 1440"),
            (r#"{"horizon_days":0}"#, "horizon_days: 0 is not from 1"),
            (
                r#"{"shortest_minutes":60,"longest_minutes":30}"#,
                "shortest_minutes: 60 is more than longest_minutes (30)",
            ),
        ] {
            let error = check(json).unwrap_err();
            assert!(error.starts_with(says), "{json}: {error}");
        }
    }
}
