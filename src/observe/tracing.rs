//! The log: to standard error, as text or JSON, filtered by what the configuration says.

use crate::config::LogFormat;
use crate::config::Observe;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;

/// Crates that tell too much below warning, whatever the filter says of everything else.
const QUIET: &[&str] = &["hyper=warn", "h2=warn", "rustls=warn", "sqlx=warn", "reqwest=warn", "actix_server=warn"];

/// Begins to log. To be called once, before anything else is started.
pub fn init(observe: &Observe) -> Result<(), String> {
    let filter = filter(&observe.filter)?;
    let subscriber = tracing_subscriber::registry().with(filter).with(lines(observe.log, std::io::stderr));
    tracing::subscriber::set_global_default(subscriber).map_err(|e| format!("the log was begun before: {e}"))
}

/// The filter of a configuration; the error says which part of it cannot be read.
pub fn filter(text: &str) -> Result<EnvFilter, String> {
    let mut filter = EnvFilter::builder().parse(text).map_err(|e| {
        format!("observe.filter: {text:?} is neither a level nor a list as \"info,anteroom::sync=debug\": {e}")
    })?;
    for quiet in QUIET {
        let crate_name = quiet.split('=').next().unwrap_or_default();
        if let (false, Ok(directive)) = (text.contains(crate_name), quiet.parse()) {
            filter = filter.add_directive(directive);
        }
    }
    Ok(filter)
}

fn lines<S, W>(format: LogFormat, writer: W) -> Box<dyn Layer<S> + Send + Sync>
where
    S: tracing::Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> tracing_subscriber::fmt::MakeWriter<'a> + Send + Sync + 'static,
{
    match format {
        LogFormat::Text => Box::new(tracing_subscriber::fmt::layer().with_ansi(false).with_writer(writer)),
        LogFormat::Json => Box::new(tracing_subscriber::fmt::layer().json().flatten_event(true).with_writer(writer)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::sync::Arc;
    use std::sync::Mutex;

    #[derive(Clone, Default)]
    struct Buffer(Arc<Mutex<Vec<u8>>>);

    impl Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn logged(format: LogFormat, filter_text: &str, act: impl FnOnce()) -> String {
        let buffer = Buffer::default();
        let writer = buffer.clone();
        let layer = lines(format, move || writer.clone());
        let subscriber = tracing_subscriber::registry().with(filter(filter_text).unwrap()).with(layer);
        tracing::subscriber::with_default(subscriber, act);
        let bytes = buffer.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn json_lines_carry_the_fields_flat() {
        let text = logged(LogFormat::Json, "info", || tracing::info!(room.id = "r1", "pulled 3 changes"));
        let line: serde_json::Value = serde_json::from_str(text.trim()).unwrap();
        assert_eq!(line["room.id"], "r1");
        assert_eq!(line["message"], "pulled 3 changes");
        assert_eq!(line["level"], "INFO");
    }

    #[test]
    fn the_filter_drops_what_is_below_its_level() {
        let text = logged(LogFormat::Text, "warn", || {
            tracing::info!("quiet");
            tracing::warn!("loud");
        });
        assert!(text.contains("loud") && !text.contains("quiet"), "{text}");
    }

    #[test]
    fn noisy_crates_stay_quiet_unless_named() {
        let act = || tracing::debug!(target: "sqlx::query", "SELECT");
        assert_eq!(logged(LogFormat::Text, "debug", act), "");
        assert!(logged(LogFormat::Text, "info,sqlx=debug", act).contains("SELECT"));
    }

    #[test]
    fn an_unreadable_filter_is_refused_with_its_text() {
        let error = filter("info,=").unwrap_err();
        assert!(error.contains("observe.filter: \"info,=\""), "{error}");
    }
}
