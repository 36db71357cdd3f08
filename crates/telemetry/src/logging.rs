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

/// Sends events at `level` (a tracing filter) and above to standard error; standard output is the access log's.
///
/// # Errors
/// When the level is not valid, or logging is set up already.
pub fn init(format: Format, level: &str) -> Result<(), LoggingError> {
    let filter = EnvFilter::try_new(level).map_err(|_| LoggingError::BadLevel(level.to_owned()))?;
    let layer = tracing_subscriber::fmt::layer().with_writer(io::stderr);
    let layer = match format {
        Format::Json => layer.json().flatten_event(true).boxed(),
        Format::Pretty => layer.with_target(false).boxed(),
    };
    tracing_subscriber::registry().with(layer.with_filter(filter)).try_init().map_err(|_| LoggingError::Twice)
}
