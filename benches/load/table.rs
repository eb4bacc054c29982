//! The result as Markdown.

use super::laws::{BOUND, Law};
use super::scale::Scale;
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
