//! What is allowed and probably not meant.

use std::fmt;

use super::{Problem, Problems, Report};

/// What a config says that is allowed and probably not meant. A config with warnings is a good one. `Display` is meant for a
/// terminal; without warnings it writes nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Warnings(Report);

impl Warnings {
    /// The warnings that were noted while a text was read, in the order of the file.
    pub(crate) fn taken(file: &str, text: &str, problems: &Problems) -> Self {
        let mut problems = problems.take_warnings();
        problems.sort_by_key(|problem| problem.span);
        // The text is for showing lines of it, so that without any it is not kept.
        let text = if problems.is_empty() { "" } else { text };
        Self(Report { file: file.to_owned(), text: text.to_owned(), problems, left_out: 0 })
    }

    /// No warnings.
    pub(crate) const fn none() -> Self {
        Self(Report { file: String::new(), text: String::new(), problems: Vec::new(), left_out: 0 })
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.problems.is_empty()
    }

    /// What is probably not meant, in the order of the file; at most 100.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.0.problems
    }
}

impl fmt::Display for Warnings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.list(f, "warning: ")?;
        match self.0.problems.len() {
            0 => Ok(()),
            1 => f.write_str("1 warning"),
            count => write!(f, "{count} warnings"),
        }
    }
}

impl fmt::Debug for Warnings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.0.problems).finish()
    }
}
