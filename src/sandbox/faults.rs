//! The fault switchboard: what goes wrong, how often, and the seeded dice that decide.

use super::wire::Request;
use serde::{Deserialize, Serialize};

/// Faults of the three simulated systems.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// Microsoft Graph and its token endpoint.
    pub graph: SystemFaults,
    /// The booking system of profile `generic`.
    pub generic: SystemFaults,
    /// The booking system of profile `portico`.
    pub portico: SystemFaults,
}

/// Faults of one system. Rates are probabilities from 0 to 1, rolled for each request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SystemFaults {
    /// Shortest and longest time a request waits before it is handled, in milliseconds.
    pub latency_ms: [u64; 2],
    /// How often a request is answered 429 with Retry-After, without effect.
    pub throttle_rate: f64,
    /// The Retry-After of such an answer, in seconds.
    pub retry_after_s: u64,
    /// How often a request is answered 500, 502 or 503, without effect.
    pub error_rate: f64,
    /// How often a request takes effect and the connection is then closed without an answer.
    pub lost_answer_rate: f64,
    /// How often a request takes effect and is then answered 504.
    pub lost_answer_504_rate: f64,
    /// How often the connection is closed before the request takes effect.
    pub reset_rate: f64,
    /// How often an answer is an HTML page with status 200, without effect.
    pub html_rate: f64,
    /// How often the body of an answer ends early, after the effect.
    pub truncate_rate: f64,
    /// How often a delta cursor is refused with 410.
    pub cursor_gone_rate: f64,
    /// How many of the next delta cursors are refused with 410.
    pub cursor_gone_next: u32,
    /// How often a notification is lost.
    pub notification_loss_rate: f64,
    /// Fewest and most deliveries of one notification.
    pub notification_copies: [u32; 2],
    /// Most concurrent requests for one mailbox; more are answered 429 (Graph only).
    pub mailbox_concurrency: u32,
    /// Most requests for one mailbox in ten minutes; more are answered 429 (Graph only).
    pub mailbox_per_10_min: u32,
    /// Lifetime of an access token in seconds (Graph only).
    pub token_s: i64,
    /// Faults that strike once, each the next request that fits it.
    pub once: Vec<Once>,
}

impl Default for SystemFaults {
    fn default() -> Self {
        Self {
            latency_ms: [0, 0],
            throttle_rate: 0.0,
            retry_after_s: 1,
            error_rate: 0.0,
            lost_answer_rate: 0.0,
            lost_answer_504_rate: 0.0,
            reset_rate: 0.0,
            html_rate: 0.0,
            truncate_rate: 0.0,
            cursor_gone_rate: 0.0,
            cursor_gone_next: 0,
            notification_loss_rate: 0.0,
            notification_copies: [1, 3],
            mailbox_concurrency: 4,
            mailbox_per_10_min: 10_000,
            token_s: 3_599,
            once: Vec::new(),
        }
    }
}

/// A fault for one coming request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Once {
    /// Only a request with this method; any when absent.
    #[serde(default)]
    pub method: Option<String>,
    /// Only a request whose path contains this text; any when absent.
    #[serde(default)]
    pub path: Option<String>,
    /// What happens.
    pub fault: Fault,
}

/// What happens to one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// 429 with Retry-After, no effect.
    Throttle,
    /// 500, 502 or 503, no effect.
    Error,
    /// Effect, then the connection is closed without an answer.
    LostAnswer,
    /// Effect, then 504.
    #[serde(rename = "lost_answer_504")]
    LostAnswer504,
    /// The connection is closed, no effect.
    Reset,
    /// An HTML page with status 200, no effect.
    Html,
    /// Effect, then an answer whose body ends early.
    Truncate,
}

/// The seeded source of chance (splitmix64): equal seeds give equal runs.
#[derive(Clone, Debug)]
pub(super) struct Dice(u64);

impl Dice {
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number from `low` to `high`, both included.
    pub const fn between(&mut self, low: u64, high: u64) -> u64 {
        if high <= low {
            return low;
        }
        low + self.next() % (high - low + 1)
    }

    /// True with probability `rate`, to a millionth.
    pub fn hits(&mut self, rate: f64) -> bool {
        #[expect(clippy::cast_precision_loss, reason = "below a million, exact in a double")]
        let roll = (self.next() % 1_000_000) as f64;
        roll < rate * 1_000_000.0
    }
}

impl Faults {
    /// Refuses what no switch can be set to.
    pub(super) fn check(&self) -> Result<(), String> {
        for (name, system) in [("graph", &self.graph), ("generic", &self.generic), ("portico", &self.portico)] {
            system.check().map_err(|text| format!("{name}.{text}"))?;
        }
        Ok(())
    }
}

impl SystemFaults {
    fn check(&self) -> Result<(), String> {
        let rates = [
            ("throttle_rate", self.throttle_rate),
            ("error_rate", self.error_rate),
            ("lost_answer_rate", self.lost_answer_rate),
            ("lost_answer_504_rate", self.lost_answer_504_rate),
            ("reset_rate", self.reset_rate),
            ("html_rate", self.html_rate),
            ("truncate_rate", self.truncate_rate),
            ("cursor_gone_rate", self.cursor_gone_rate),
            ("notification_loss_rate", self.notification_loss_rate),
        ];
        if let Some((name, rate)) = rates.into_iter().find(|(_, rate)| !(0.0..=1.0).contains(rate)) {
            return Err(format!("{name}: {rate} is no probability; give 0 to 1"));
        }
        if self.latency_ms[0] > self.latency_ms[1] || self.notification_copies[0] > self.notification_copies[1] {
            return Err("latency_ms, notification_copies: give the smaller number first".to_owned());
        }
        Ok(())
    }

    /// What happens to this request.
    pub(super) fn strike(&mut self, request: &Request, dice: &mut Dice) -> Option<Fault> {
        if let Some(at) = self.once.iter().position(|once| once.fits(request)) {
            return Some(self.once.remove(at).fault);
        }
        let rates = [
            (self.throttle_rate, Fault::Throttle),
            (self.error_rate, Fault::Error),
            (self.lost_answer_rate, Fault::LostAnswer),
            (self.lost_answer_504_rate, Fault::LostAnswer504),
            (self.reset_rate, Fault::Reset),
            (self.html_rate, Fault::Html),
            (self.truncate_rate, Fault::Truncate),
        ];
        rates.into_iter().find(|(rate, _)| dice.hits(*rate)).map(|(_, fault)| fault)
    }

    /// Whether a delta cursor is refused now.
    pub(super) fn cursor_gone(&mut self, dice: &mut Dice) -> bool {
        if self.cursor_gone_next > 0 {
            self.cursor_gone_next -= 1;
            return true;
        }
        dice.hits(self.cursor_gone_rate)
    }

    /// How many times a notification is delivered; 0 when it is lost.
    pub(super) fn copies(&self, dice: &mut Dice) -> u64 {
        if dice.hits(self.notification_loss_rate) {
            return 0;
        }
        dice.between(u64::from(self.notification_copies[0]), u64::from(self.notification_copies[1]))
    }
}

impl Once {
    fn fits(&self, request: &Request) -> bool {
        self.method.as_deref().is_none_or(|method| method.eq_ignore_ascii_case(&request.method))
            && self.path.as_deref().is_none_or(|path| request.path.contains(path))
    }
}
