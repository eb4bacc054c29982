//! The result as Markdown.

use super::engine::Speed;
use super::laws::{BOUND, Law};
use super::scale::Scale;
use super::steady::{Minute, Steady};
use super::work::Kind;
use super::{Cost, Options, Row};
use std::fmt::Write as _;
use std::io::Write as _;

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").unwrap();
    out.flush().unwrap();
}

pub fn begin(options: &Options, promises: f64) {
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    say(&format!(
        "{} bookings, {} s for each figure, {cores} cores, load {} before; the disk made {promises:.0} promises a second",
        options.events,
        options.seconds,
        load.split(' ').next().unwrap_or("unknown")
    ));
}

pub fn loaded(name: &str, cost: &Cost, resident_mib: f64) {
    say(&format!(
        "{name}: loaded at {:.0}/s, {:.0} us of processor time each, p99 {:.1} ms; {resident_mib:.0} MiB afterwards",
        cost.rate, cost.cpu_us, cost.p99_ms
    ));
}

pub fn progress(row: &Row) {
    say(&format!("{} {}: {}", row.kind.name(), row.clients, told(&row.ours)));
}

fn told(cost: &Cost) -> String {
    match &cost.wrong {
        Some(wrong) if cost.rate == 0.0 => wrong.clone(),
        wrong => {
            let mark = wrong.as_ref().map_or_else(String::new, |wrong| format!(" ({wrong})"));
            format!("{:.0} · {:.2} · {:.2} · {:.0}{mark}", cost.rate, cost.p50_ms, cost.p99_ms, cost.cpu_us)
        }
    }
}

/// How much of the limit is reached, and how much more processor time an answer takes than there.
fn of_limit(row: &Row) -> String {
    let requests = f64::from(u32::try_from(row.kind.requests()).unwrap());
    let plain = row.limit.cpu_us * requests;
    if row.ours.rate == 0.0 || plain == 0.0 {
        return "-".to_owned();
    }
    format!("{:.2} · {:.1}", row.ours.rate * requests / row.limit.rate, row.ours.cpu_us / plain)
}

fn times(ours: &Cost, other: &Cost) -> String {
    if ours.rate == 0.0 || other.rate == 0.0 {
        return "-".to_owned();
    }
    let wrong = if other.wrong.is_some() { " (wrong answer)" } else { "" };
    format!("{:.1}x · {:.1}x{wrong}", ours.rate / other.rate, other.cpu_us / ours.cpu_us)
}

pub fn print(rows: &[Row], others: &[&str], absent: &[String], resident_mib: f64) {
    let mut text =
        String::from("\n| request | clients | a second · p50 ms · p99 ms · CPU us | of the limit: rate · CPU |");
    for name in others {
        write!(text, " {name}, the same | ahead of {name}: rate · CPU |").unwrap();
    }
    text.push_str("\n|---|---|---|---|");
    text.push_str(&"---|---|".repeat(others.len()));
    for row in rows {
        write!(text, "\n| {} | {} | {} | {} |", row.kind.name(), row.clients, told(&row.ours), of_limit(row)).unwrap();
        for other in &row.others {
            write!(text, " {} | {} |", told(other), times(&row.ours, other)).unwrap();
        }
    }
    say(&text);
    if rows.iter().any(|row| matches!(row.kind, Kind::Delete | Kind::SyncDelta)) {
        say("\nProcessor time of `delete` and `sync-delta`, and their rates, hold the PUTs that prepare them.");
    }
    say(&format!("\nThe gateway held {resident_mib:.0} MiB at the end."));
    for line in absent {
        say(&format!("Not measured: {line}."));
    }
}

pub fn flatness(count: usize, first: &Cost, last: &Cost) {
    say(&format!(
        "{count} bookings put: the first at {:.0}/s with {:.0} us of processor time each, the last at {:.0}/s with {:.0} us",
        first.rate, first.cpu_us, last.rate, last.cpu_us
    ));
}

pub fn law(law: &Law) {
    say(&format!("{}: {:.0} us and {:.0} us", law.name, law.small_us, law.large_us));
}

pub fn laws(laws: &[Law]) {
    let mut text = "\n| the same answer | CPU us, small | CPU us, large | ratio | |\n|---|---|---|---|---|".to_owned();
    for law in laws {
        let verdict = match &law.wrong {
            Some(wrong) => wrong.as_str(),
            None if law.holds() => "holds",
            None => "BROKEN",
        };
        write!(text, "\n| {} | {:.0} | {:.0} | {:.2} | {verdict} |", law.name, law.small_us, law.large_us, law.ratio())
            .unwrap();
    }
    say(&text);
    say(&format!("\nNo ratio may be more than {BOUND}."));
}

pub fn scale(count: usize, few: &Scale, many: &Scale) {
    let mut text = format!("\n| | 1 tenant | {count} tenants | ratio |\n|---|---|---|---|");
    let mut row = |name: &str, few: f64, many: f64| {
        write!(text, "\n| {name} | {few:.1} | {many:.1} | {:.2} |", many / few).unwrap();
    };
    for ((name, few), (_, many)) in few.costs.iter().zip(&many.costs) {
        row(&format!("{name}: CPU us"), few.cpu_us, many.cpu_us);
        row(&format!("{name}: p99 ms"), few.p99_ms, many.p99_ms);
    }
    row("start until ready, ms", few.start_ms, many.start_ms);
    row("resident MiB", few.resident_mib, many.resident_mib);
    row("database MiB", few.database_mib, many.database_mib);
    row("filled, bookings a second", few.filled_per_second, many.filled_per_second);
    say(&text);
}

pub fn engine(speed: &Speed) {
    let Speed { contact, storm, idle } = speed;
    let per_second = f64::from(u32::try_from(contact.bookings).unwrap()) / contact.seconds;
    let mut text = "\n| the reconciler | |\n|---|---|".to_owned();
    let mut row = |name: String, figure: String| write!(text, "\n| {name} | {figure} |").unwrap();
    row(
        format!("first contact with {} bookings, from the start of the program", contact.bookings),
        format!("{:.1} s, {per_second:.0} bookings a second", contact.seconds),
    );
    row(
        "its processor time, memory afterwards".to_owned(),
        format!("{:.1} s, {:.0} MiB", contact.cpu_seconds, contact.resident_mib),
    );
    row(
        format!("notifications taken in for {} calendars", storm.rooms),
        format!(
            "{:.0} a second, p50 {:.1} ms, p99 {:.1} ms, {:.0} us of processor time each",
            storm.taken.rate, storm.taken.p50_ms, storm.taken.p99_ms, storm.taken.cpu_us
        ),
    );
    row("a reader meanwhile".to_owned(), format!("p50 {:.1} ms, p99 {:.1} ms", storm.reads.p50_ms, storm.reads.p99_ms));
    row("until all of them were looked at, after the last".to_owned(), format!("{:.1} s", storm.settled_seconds));
    row(
        format!("{} connected rooms of which nothing is heard", idle.rooms),
        format!("{:.2} % of a core", idle.core_percent),
    );
    row(
        "start with them until ready, memory".to_owned(),
        format!("{:.0} ms, {:.0} MiB", idle.start_ms, idle.resident_mib),
    );
    say(&text);
}

pub fn minute(number: usize, minute: &Minute) {
    let Minute { ctag, week, put, resident_mib, log_mib, core_percent } = minute;
    say(&format!(
        "minute {number}: {:.0} reads and {:.0} writes a second; p50 and p99 in ms: ctag {:.1} and {:.1}, week {:.1} and {:.1}, \
         put {:.1} and {:.1}; {core_percent:.0} % of a core, {resident_mib:.0} MiB, write-ahead log {log_mib:.0} MiB",
        ctag.rate + week.rate,
        put.rate,
        ctag.p50_ms,
        ctag.p99_ms,
        week.p50_ms,
        week.p99_ms,
        put.p50_ms,
        put.p99_ms
    ));
}

pub fn steady(steady: &Steady) {
    let (first, last) = (&steady.minutes[0], &steady.minutes[steady.minutes.len() - 1]);
    let mut text = format!("\n| | minute 1 | minute {} | worst |\n|---|---|---|---|", steady.minutes.len());
    let mut row = |name: &str, of: &dyn Fn(&Minute) -> f64| {
        let worst = steady.minutes.iter().map(of).fold(0.0, f64::max);
        write!(text, "\n| {name} | {:.1} | {:.1} | {worst:.1} |", of(first), of(last)).unwrap();
    };
    row("ctag, p99 ms", &|minute| minute.ctag.p99_ms);
    row("week, p99 ms", &|minute| minute.week.p99_ms);
    row("PUT, p99 ms", &|minute| minute.put.p99_ms);
    row("of a core, percent", &|minute| minute.core_percent);
    row("resident MiB", &|minute| minute.resident_mib);
    row("write-ahead log, MiB", &|minute| minute.log_mib);
    say(&text);
    let noise = &steady.noise;
    say(&format!(
        "\nWriters of other tenants, one for each: {:.0} a second with p99 {:.1} ms while one tenant writes with all its might \
         ({:.0} a second), {:.0} with p99 {:.1} ms while it rests.",
        noise.others.rate, noise.others.p99_ms, noise.noisy.rate, noise.others_alone.rate, noise.others_alone.p99_ms
    ));
}
