//! `anteroom room rules`, `close`, `closures` and `open`: when a room can be had, and how.

use super::Common;
use super::desk::Desk;
use super::error::CliError;
use super::print;
use super::word;
use crate::api::view::{ClosureView, RulesView};
use crate::manage::closures::{self, NewClosure};
use crate::manage::rules;
use crate::model::{DayException, Hours, Misfits, RoomRules, Uid, Weekday, WeeklyHours};
use clap::Args;
use std::io::Write;

/// What a room asks of its bookings. Without options, shows it.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  anteroom room rules council-hall --open \"mon-fri 08:00-16:00\" --open \"sat 10:00-14:00\"\n  \
    anteroom room rules council-hall --except \"2026-12-24 08:00-12:00 Christmas Eve\" --except \"2026-12-25 closed\"\n  \
    anteroom room rules council-hall --buffer-after 15 --horizon-days 365 --approval true\n\n\
    0 takes a bound back, --always-open the opening hours, --no-exceptions the exceptions."
)]
pub(crate) struct Rules {
    /// Slug of the room
    room: String,
    /// Opening hours, e.g. "mon-fri 08:00-16:00"; may come several times and replaces all
    #[arg(long = "open", value_name = "HOURS", value_parser = weekly)]
    open: Vec<WeeklyHours>,
    /// No opening hours any more
    #[arg(long, conflicts_with = "open")]
    always_open: bool,
    /// A day with other hours, e.g. "2026-12-24 08:00-12:00 Christmas Eve" or "2026-12-25 closed"; may come several times
    #[arg(long = "except", value_name = "DAY", value_parser = exception)]
    except: Vec<DayException>,
    /// No exceptions any more; with --except, only those
    #[arg(long)]
    no_exceptions: bool,
    /// Minutes that stay free before every booking
    #[arg(long, value_name = "MINUTES")]
    buffer_before: Option<u32>,
    /// Minutes that stay free after every booking
    #[arg(long, value_name = "MINUTES")]
    buffer_after: Option<u32>,
    /// How many days ahead a booking may begin
    #[arg(long, value_name = "DAYS")]
    horizon_days: Option<u32>,
    /// How many minutes before its beginning a booking must be made
    #[arg(long, value_name = "MINUTES")]
    lead: Option<u32>,
    /// Shortest booking
    #[arg(long, value_name = "MINUTES")]
    shortest: Option<u32>,
    /// Longest booking
    #[arg(long, value_name = "MINUTES")]
    longest: Option<u32>,
    /// Whether bookings wait for a confirmation: true or false
    #[arg(long)]
    approval: Option<bool>,
    /// keep, tentative or decline: what becomes of bookings of connected systems that the room would have refused
    #[arg(long, value_parser = word::parse::<Misfits>)]
    misfits: Option<Misfits>,
}

/// A closure to make.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  anteroom room close council-hall 2026-07-01 2026-07-14 --reason \"New floor\"")]
pub(crate) struct Close {
    /// Slug of the room
    room: String,
    /// First day (2026-07-01), or time in the room's zone (2026-07-01T12:00)
    from: String,
    /// Last day, or time
    to: String,
    /// Why, for everybody who looks at the room
    #[arg(long)]
    reason: Option<String>,
}

impl Rules {
    pub(super) async fn run(self, desk: &Desk, common: &Common, out: &mut impl Write) -> Result<(), CliError> {
        let room = self.room.clone();
        let mut tx = desk.write().await?;
        let stored = rules::find(&mut tx, &desk.acting(), &room).await?;
        let before = stored.as_ref().map(|row| row.rules.clone()).unwrap_or_default();
        let after = self.applied(before.clone());
        let row = if after == before {
            stored
        } else {
            Some(rules::set(&mut tx, &desk.acting(), &desk.config.limits, &room, &after).await?)
        };
        tx.commit().await?;
        let view = RulesView::of(&room, row);
        let sentences = sentences(&view.rules);
        print::one(common, out, &view, &sentences)
    }

    fn applied(self, mut rules: RoomRules) -> RoomRules {
        if self.always_open || !self.open.is_empty() {
            rules.opening_hours = self.open;
        }
        if self.no_exceptions {
            rules.exceptions.clear();
        }
        for day in self.except {
            rules.exceptions.retain(|known| known.date != day.date);
            rules.exceptions.push(day);
        }
        let bound = |new: Option<u32>, old: Option<u32>| new.map_or(old, |value| (value > 0).then_some(value));
        rules.buffer_before_minutes = self.buffer_before.unwrap_or(rules.buffer_before_minutes);
        rules.buffer_after_minutes = self.buffer_after.unwrap_or(rules.buffer_after_minutes);
        rules.horizon_days = bound(self.horizon_days, rules.horizon_days);
        rules.lead_minutes = bound(self.lead, rules.lead_minutes);
        rules.shortest_minutes = bound(self.shortest, rules.shortest_minutes);
        rules.longest_minutes = bound(self.longest, rules.longest_minutes);
        rules.approval = self.approval.unwrap_or(rules.approval);
        rules.misfits = self.misfits.or(rules.misfits);
        rules
    }
}

impl Close {
    pub(super) async fn run(self, desk: &Desk, common: &Common, out: &mut impl Write) -> Result<(), CliError> {
        let new = NewClosure { from: self.from, to: self.to, reason: self.reason };
        let mut tx = desk.write().await?;
        let (room, closure) = closures::create(&mut tx, &desk.acting(), &desk.config.limits, &self.room, &new).await?;
        tx.commit().await?;
        let view = ClosureView::of(&room, closure);
        let mut sentences = vec![format!(
            "Room {} is closed from {} to {}: {} ({}).",
            room.slug, view.start, view.end, view.reason, view.uid
        )];
        if !view.bookings.is_empty() {
            sentences.push(format!("{} bookings fall into it; each has an open conflict.", view.bookings.len()));
        }
        print::one(common, out, &view, &sentences)
    }
}

/// `anteroom room closures`.
pub(super) async fn list(desk: &Desk, common: &Common, room: &str, out: &mut impl Write) -> Result<(), CliError> {
    let mut tx = desk.read().await?;
    let (room, found) = closures::list(&mut tx, &desk.acting(), &desk.config.limits, room).await?;
    let views: Vec<ClosureView> = found.into_iter().map(|closure| ClosureView::of(&room, closure)).collect();
    let columns: &[print::Column<ClosureView>] = &[
        ("Id", |closure| closure.uid.clone()),
        ("From", |closure| closure.start.clone()),
        ("To", |closure| closure.end.clone()),
        ("Why", |closure| closure.reason.clone()),
        ("Bookings inside", |closure| closure.bookings.len().to_string()),
    ];
    print::list(common, out, &views, columns)
}

/// `anteroom room open`.
pub(super) async fn open(
    desk: &Desk,
    common: &Common,
    (room, closure): (&str, &str),
    out: &mut impl Write,
) -> Result<(), CliError> {
    let mut tx = desk.write().await?;
    closures::remove(&mut tx, &desk.acting(), &desk.config.limits, room, &Uid(closure.to_owned())).await?;
    tx.commit().await?;
    let sentence = format!("The closure {closure} of {room} is ended.");
    print::one(common, out, &serde_json::json!({ "done": sentence }), std::slice::from_ref(&sentence))
}

fn sentences(rules: &RoomRules) -> Vec<String> {
    let mut lines = Vec::new();
    for weekly in &rules.opening_hours {
        let days: Vec<String> = weekly.days.iter().map(print::word).collect();
        lines.push(format!("Open {} on {}", weekly.hours(), days.join(", ")));
    }
    for day in &rules.exceptions {
        let hours: Vec<String> = day.hours.iter().map(Hours::to_string).collect();
        let hours = if hours.is_empty() { "closed".to_owned() } else { format!("open {}", hours.join(", ")) };
        lines.push(format!("On {} {hours} {}", day.date, day.note).trim_end().to_owned());
    }
    let bounds = [
        ("Minutes free before every booking", rules.buffer_before_minutes),
        ("Minutes free after every booking", rules.buffer_after_minutes),
        ("Days ahead", rules.horizon_days.unwrap_or(0)),
        ("Minutes to book before", rules.lead_minutes.unwrap_or(0)),
        ("Shortest booking in minutes", rules.shortest_minutes.unwrap_or(0)),
        ("Longest booking in minutes", rules.longest_minutes.unwrap_or(0)),
    ];
    lines.extend(bounds.into_iter().filter(|(_, value)| *value > 0).map(|(what, value)| format!("{what}: {value}")));
    if rules.approval {
        lines.push("Bookings wait for a confirmation".to_owned());
    }
    if let Some(misfits) = rules.misfits {
        lines.push(format!("Bookings of connected systems that do not fit: {}", print::word(&misfits)));
    }
    if lines.is_empty() {
        lines.push("Always open; nothing is asked of bookings".to_owned());
    }
    lines
}

/// `mon-fri 08:00-16:00`, `sat,sun 10:00-02:00`
fn weekly(text: &str) -> Result<WeeklyHours, String> {
    let (days, hours) = text.trim().split_once(' ').ok_or("write days and hours, such as \"mon-fri 08:00-16:00\"")?;
    let mut named = Vec::new();
    for part in days.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (mut at, last) = (day(first)?, day(last)?);
        named.push(at);
        while at != last {
            at = Weekday::ALL[(at as usize + 1) % 7];
            named.push(at);
        }
    }
    let Hours { from, to } = span(hours)?;
    Ok(WeeklyHours { days: named, from, to })
}

fn day(text: &str) -> Result<Weekday, String> {
    let text = text.trim().to_ascii_lowercase();
    let known = |day: &&Weekday| text.len() >= 2 && print::word(*day).starts_with(&text);
    Weekday::ALL.iter().find(known).copied().ok_or_else(|| format!("{text:?} is no day of the week"))
}

fn span(text: &str) -> Result<Hours, String> {
    let (from, to) = text.trim().split_once('-').ok_or_else(|| format!("{text:?} are no hours; write 08:00-16:00"))?;
    let time = |text: &str| text.parse().map_err(|error: crate::model::NoTimeOfDay| error.to_string());
    Ok(Hours { from: time(from)?, to: time(to)? })
}

/// `2026-12-24 08:00-12:00,13:00-14:00 Christmas Eve`, `2026-12-25 closed`
fn exception(text: &str) -> Result<DayException, String> {
    let mut parts = text.trim().splitn(3, ' ');
    let date = parts.next().unwrap_or_default();
    let date = date.parse().map_err(|_| format!("{date:?} is no day; write 2026-12-24"))?;
    let hours = match parts.next().ok_or("say which hours hold, or closed")? {
        "closed" => Vec::new(),
        some => some.split(',').map(span).collect::<Result<_, _>>()?,
    };
    Ok(DayException { date, hours, note: parts.next().unwrap_or_default().to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_read_as_people_write_them() {
        let week = weekly("fri-sun,tue 18:00-02:00").unwrap();
        assert_eq!(week.days, [Weekday::Friday, Weekday::Saturday, Weekday::Sunday, Weekday::Tuesday]);
        assert_eq!(week.hours().to_string(), "18:00-02:00");
        let eve = exception("2026-12-24 08:00-12:00,13:00-14:00 Christmas Eve").unwrap();
        assert_eq!((eve.hours.len(), eve.note.as_str()), (2, "Christmas Eve"));
        assert_eq!(exception("2026-12-25 closed").unwrap().hours, []);
        for bad in ["08:00-16:00", "mo-xy 08:00-16:00", "mon 8-16", "mon 08:00"] {
            assert!(weekly(bad).is_err(), "{bad}");
        }
        for bad in ["", "2026-12-24", "24.12.2026 closed", "2026-12-24 shut"] {
            assert!(exception(bad).is_err(), "{bad}");
        }
    }
}
