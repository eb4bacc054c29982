//! A small registry of counters, gauges and histograms, written as Prometheus text (exposition format 0.0.4).

use super::names::ALL;
use super::names::BUILD;
use super::names::Family;
use super::names::Kind;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::RwLock;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

/// Media type of [`Metrics::render`].
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";
/// Most label combinations of one metric; further ones are counted together under `other`.
const SERIES_MOST: usize = 2_000;

/// All numbers of the process. Counting takes a shared lock and an atomic addition.
#[derive(Debug)]
pub struct Metrics {
    families: RwLock<BTreeMap<&'static str, Labelled>>,
}

/// The series of one metric by their label values.
type Labelled = BTreeMap<Vec<String>, Arc<Series>>;

/// One metric with one set of label values.
#[derive(Debug)]
enum Series {
    Count(AtomicU64),
    /// The bits of an `f64`.
    Level(AtomicU64),
    Spread {
        bounds: &'static [f64],
        /// One for each bound and one for what is above all; not cumulative.
        counts: Vec<AtomicU64>,
        /// The sum in millionths, so that it can be added to atomically.
        sum_micros: AtomicU64,
    },
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// A registry that knows the program's version and nothing else.
    pub fn new() -> Self {
        let metrics = Self { families: RwLock::default() };
        metrics.set(&BUILD, &[env!("CARGO_PKG_VERSION")], 1.0);
        metrics
    }

    /// Raises a counter.
    pub fn add(&self, family: &'static Family, labels: &[&str], by: u64) {
        if let Series::Count(count) = &*self.series(family, labels) {
            count.fetch_add(by, Ordering::Relaxed);
        }
    }

    /// Sets a gauge.
    pub fn set(&self, family: &'static Family, labels: &[&str], to: f64) {
        if let Series::Level(bits) = &*self.series(family, labels) {
            bits.store(to.to_bits(), Ordering::Relaxed);
        }
    }

    /// Counts a value into a histogram, in the metric's unit.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "as clamps, and values are durations")]
    pub fn observe(&self, family: &'static Family, labels: &[&str], value: f64) {
        if let Series::Spread { bounds, counts, sum_micros } = &*self.series(family, labels) {
            let at = bounds.iter().position(|bound| value <= *bound).unwrap_or(bounds.len());
            if let Some(count) = counts.get(at) {
                count.fetch_add(1, Ordering::Relaxed);
            }
            sum_micros.fetch_add((value * 1e6) as u64, Ordering::Relaxed);
        }
    }

    /// Removes all series of a gauge, before it is set anew from a query.
    pub fn clear(&self, family: &'static Family) {
        self.families.write().unwrap_or_else(PoisonError::into_inner).remove(family.name);
    }

    /// The value of a counter or gauge, or the count of a histogram; `None` if it was never touched.
    #[expect(clippy::cast_precision_loss, reason = "counts stay below 2^52")]
    pub fn value(&self, family: &'static Family, labels: &[&str]) -> Option<f64> {
        let families = self.families.read().unwrap_or_else(PoisonError::into_inner);
        let series = families.get(family.name)?.get(&owned(labels))?;
        Some(match &**series {
            Series::Count(count) => count.load(Ordering::Relaxed) as f64,
            Series::Level(bits) => f64::from_bits(bits.load(Ordering::Relaxed)),
            Series::Spread { counts, .. } => counts.iter().map(|c| c.load(Ordering::Relaxed)).sum::<u64>() as f64,
        })
    }

    /// Everything as Prometheus text.
    pub fn render(&self) -> String {
        let families = self.families.read().unwrap_or_else(PoisonError::into_inner);
        let mut out = String::new();
        for family in ALL {
            let kind = match family.kind {
                Kind::Counter => "counter",
                Kind::Gauge => "gauge",
                Kind::Histogram(_) => "histogram",
            };
            let _ = writeln!(out, "# HELP {} {}\n# TYPE {} {kind}", family.name, family.help, family.name);
            for (labels, series) in families.get(family.name).into_iter().flatten() {
                series.render(&mut out, family, labels);
            }
        }
        out
    }

    fn series(&self, family: &'static Family, labels: &[&str]) -> Arc<Series> {
        debug_assert_eq!(labels.len(), family.labels.len(), "{} has the labels {:?}", family.name, family.labels);
        let name = owned(labels);
        {
            let families = self.families.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(series) = families.get(family.name).and_then(|all| all.get(&name)) {
                return Arc::clone(series);
            }
        }
        let mut families = self.families.write().unwrap_or_else(PoisonError::into_inner);
        let all = families.entry(family.name).or_default();
        let name = if all.len() < SERIES_MOST || all.contains_key(&name) { name } else { others(labels) };
        Arc::clone(all.entry(name).or_insert_with(|| Arc::new(Series::new(family.kind))))
    }
}

impl Series {
    fn new(kind: Kind) -> Self {
        match kind {
            Kind::Counter => Self::Count(AtomicU64::new(0)),
            Kind::Gauge => Self::Level(AtomicU64::new(0)),
            Kind::Histogram(bounds) => Self::Spread {
                bounds,
                counts: std::iter::repeat_with(AtomicU64::default).take(bounds.len() + 1).collect(),
                sum_micros: AtomicU64::new(0),
            },
        }
    }

    fn render(&self, out: &mut String, family: &Family, labels: &[String]) {
        let name = family.name;
        let plain = label_text(family, labels, None);
        let _ = match self {
            Self::Count(count) => writeln!(out, "{name}{plain} {}", count.load(Ordering::Relaxed)),
            Self::Level(bits) => writeln!(out, "{name}{plain} {}", f64::from_bits(bits.load(Ordering::Relaxed))),
            Self::Spread { bounds, counts, sum_micros } => {
                let mut total = 0;
                for (at, count) in counts.iter().enumerate() {
                    total += count.load(Ordering::Relaxed);
                    let bound = bounds.get(at).map_or_else(|| "+Inf".to_owned(), f64::to_string);
                    let _ = writeln!(out, "{name}_bucket{} {total}", label_text(family, labels, Some(&bound)));
                }
                let micros = sum_micros.load(Ordering::Relaxed);
                let _ = writeln!(out, "{name}_sum{plain} {}.{:06}", micros / 1_000_000, micros % 1_000_000);
                writeln!(out, "{name}_count{plain} {total}")
            }
        };
    }
}

fn owned(labels: &[&str]) -> Vec<String> {
    labels.iter().map(|label| (*label).to_owned()).collect()
}

fn others(labels: &[&str]) -> Vec<String> {
    labels.iter().map(|_| "other".to_owned()).collect()
}

/// `{a="x",le="0.5"}`, or nothing without labels.
fn label_text(family: &Family, labels: &[String], bound: Option<&str>) -> String {
    let named = family.labels.iter().zip(labels).map(|(name, value)| format!("{name}=\"{}\"", escape(value)));
    let all: Vec<String> = named.chain(bound.map(|b| format!("le=\"{b}\""))).collect();
    if all.is_empty() { String::new() } else { format!("{{{}}}", all.join(",")) }
}

fn escape(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::names::{FEEDS, HTTP_SECONDS, OPERATIONS_PENDING};
    use std::collections::BTreeSet;

    #[test]
    fn counters_add_up_and_gauges_show_the_last_value() {
        let metrics = Metrics::new();
        metrics.add(&FEEDS, &["apple", "304"], 2);
        metrics.add(&FEEDS, &["apple", "304"], 3);
        metrics.set(&OPERATIONS_PENDING, &["t"], 7.0);
        metrics.set(&OPERATIONS_PENDING, &["t"], 2.5);
        let text = metrics.render();
        assert!(text.contains("\nanteroom_feed_requests_total{client=\"apple\",outcome=\"304\"} 5\n"), "{text}");
        assert!(text.contains("\nanteroom_operations_pending{tenant=\"t\"} 2.5\n"), "{text}");
        assert!(text.contains(&format!("anteroom_build_info{{version=\"{}\"}} 1\n", env!("CARGO_PKG_VERSION"))));
    }

    #[test]
    fn histograms_are_cumulative_and_end_with_infinity_sum_and_count() {
        let metrics = Metrics::new();
        for seconds in [0.0005, 0.002, 0.002, 99.0] {
            metrics.observe(&HTTP_SECONDS, &["dav"], seconds);
        }
        let text = metrics.render();
        for line in [
            "anteroom_http_request_duration_seconds_bucket{route=\"dav\",le=\"0.001\"} 1",
            "anteroom_http_request_duration_seconds_bucket{route=\"dav\",le=\"0.005\"} 3",
            "anteroom_http_request_duration_seconds_bucket{route=\"dav\",le=\"10\"} 3",
            "anteroom_http_request_duration_seconds_bucket{route=\"dav\",le=\"+Inf\"} 4",
            "anteroom_http_request_duration_seconds_sum{route=\"dav\"} 99.004500",
            "anteroom_http_request_duration_seconds_count{route=\"dav\"} 4",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} in\n{text}");
        }
    }

    #[test]
    fn label_values_are_escaped() {
        let metrics = Metrics::new();
        metrics.observe(&HTTP_SECONDS, &["a\"b\\c\nd"], 1.0);
        assert!(metrics.render().contains("_count{route=\"a\\\"b\\\\c\\nd\"} 1"));
    }

    #[test]
    fn a_flood_of_label_values_ends_in_one_series() {
        let metrics = Metrics::new();
        for i in 0..SERIES_MOST + 50 {
            metrics.add(&FEEDS, &[&i.to_string(), "200"], 1);
        }
        assert_eq!(metrics.value(&FEEDS, &["other", "other"]), Some(50.0));
    }

    #[test]
    fn a_cleared_gauge_forgets_its_series() {
        let metrics = Metrics::new();
        metrics.set(&OPERATIONS_PENDING, &["gone"], 7.0);
        metrics.clear(&OPERATIONS_PENDING);
        assert_eq!(metrics.value(&OPERATIONS_PENDING, &["gone"]), None);
    }

    #[test]
    fn every_name_is_there_once_and_well_formed() {
        let names: BTreeSet<&str> = ALL.iter().map(|f| f.name).collect();
        assert_eq!(names.len(), ALL.len());
        for family in ALL {
            assert!(family.name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{}", family.name);
            let total = family.name.ends_with("_total");
            assert_eq!(total, family.kind == Kind::Counter, "{}: counters end in _total", family.name);
        }
    }
}
