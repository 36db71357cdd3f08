//! Log events: JSON lines for machines, or a pretty form for people.

use std::io;

use tracing_subscriber::{EnvFilter, Layer as _, layer::SubscriberExt as _, util::SubscriberInitExt as _};

/// How events look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON object per line.
    Json,
    /// For people.
    Pretty,
}

/// Why logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    /// The filter text is not valid.
    #[error(
        "the log level '{0}' is not valid: write error, warn, info, debug, trace, or a filter such as banyan_gateway=debug"
    )]
    BadLevel(String),
    /// Set up twice.
    #[error("logging is set up already")]
    Twice,
}

/// What people did is logged at every level: a log that is set to errors must still say who moved a unit.
const AUDIT: &str = "audit=info";

/// Sends events at `level` (a tracing filter) and above to standard error; standard output is the access log's. The audit
/// trail is not a matter of the level, unless the filter names it.
///
/// # Errors
/// When the level is not valid, or logging is set up already.
pub fn init(format: Format, level: &str) -> Result<(), LoggingError> {
    let filter = filter(level)?;
    let layer = tracing_subscriber::fmt::layer().with_writer(io::stderr);
    let layer = match format {
        Format::Json => layer.json().flatten_event(true).boxed(),
        Format::Pretty => layer.with_target(false).boxed(),
    };
    tracing_subscriber::registry().with(layer.with_filter(filter)).try_init().map_err(|_| LoggingError::Twice)
}

fn filter(level: &str) -> Result<EnvFilter, LoggingError> {
    let bad = |_| LoggingError::BadLevel(level.to_owned());
    let filter = EnvFilter::try_new(level).map_err(bad)?;
    let names_audit = level.split(',').any(|directive| directive.trim().starts_with("audit"));
    if names_audit { Ok(filter) } else { EnvFilter::try_new(format!("{filter},{AUDIT}")).map_err(bad) }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::fmt::MakeWriter;

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl<'w> MakeWriter<'w> for Written {
        type Writer = Self;

        fn make_writer(&'w self) -> Self {
            self.clone()
        }
    }

    fn logged(level: &str) -> String {
        let written = Written::default();
        let layer = tracing_subscriber::fmt::layer().with_writer(written.clone()).with_ansi(false);
        let subscriber = tracing_subscriber::registry().with(layer.with_filter(filter(level).unwrap()));
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!("plain");
            tracing::info!(target: "audit", "unit changed");
            tracing::error!("broken");
        });
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        let seen = ["plain", "unit changed", "broken"].map(|word| text.contains(word));
        format!("{seen:?}")
    }

    #[test]
    fn the_audit_trail_is_not_a_matter_of_the_level() {
        for (level, seen) in [
            ("info", "[true, true, true]"),
            ("error", "[false, true, true]"),
            ("off", "[false, true, false]"),
            ("error,audit=off", "[false, false, true]"),
        ] {
            assert_eq!(logged(level), seen, "{level}");
        }
        assert!(matches!(filter("loud=no"), Err(LoggingError::BadLevel(_))));
    }
}
