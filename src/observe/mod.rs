//! What the server tells about itself: numbers for Prometheus, log lines, request ids; and what it never tells.

pub mod metrics;
pub mod names;
pub mod redact;
pub mod request;
pub mod request_id;
pub mod tracing;

pub use metrics::Metrics;
pub use request_id::RequestId;
