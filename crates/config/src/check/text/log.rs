//! Log filters.

use crate::{read::FromText, report::Complaint, suggest};

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// A filter that `tracing` understands: levels and `module=level`, with commas between.
pub(crate) struct LogFilter(pub(crate) String);

impl FromText for LogFilter {
    fn from_text(text: &str) -> Result<Self, Complaint> {
        for directive in text.split(',') {
            let (module, level) =
                directive.trim().rsplit_once('=').map_or((None, directive.trim()), |(a, b)| (Some(a), b));
            let module_char = |c: char| c.is_ascii_alphanumeric() || "_:-".contains(c);
            if module.is_some_and(|module| module.is_empty() || !module.chars().all(module_char)) {
                return Err(Complaint::new("write LEVEL or MODULE=LEVEL, with commas between")
                    .hint("for example info,banyan_gateway=debug"));
            }
            if !LEVELS.contains(&level) {
                let complaint = Complaint::new(format!("a level is one of {}", LEVELS.join(", ")));
                return Err(match suggest::nearest(level, LEVELS) {
                    Some(meant) => complaint.hint(format!("did you mean '{meant}'?")),
                    None => complaint,
                });
            }
        }
        Ok(Self(text.to_owned()))
    }
}
