//! What is wrong with a config: everything at once, for people and for programs.

mod json;
mod problems;
mod redact;
mod render;
mod warnings;

use std::fmt;

pub(crate) use problems::{Complaint, Problems, Read, Reported};
pub(crate) use render::{quoted, shown};
pub use warnings::Warnings;

use crate::source::Span;

/// Everything that is wrong with one config file. Its `Display` is meant for a terminal. Credentials in URLs are left out
/// of all that it shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Report {
    file: String,
    text: String,
    problems: Vec<Problem>,
    /// Problems beyond those kept.
    left_out: usize,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where; `None` for the file as a whole, such as one that cannot be read.
    pub span: Option<Span>,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// Another place that has to do with it.
    pub related: Option<Related>,
}

/// Another place that has to do with a problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Related {
    /// Where.
    pub span: Span,
    /// What is there, such as 'first defined here'.
    pub message: String,
}

impl Report {
    /// A report on a file as a whole, such as one that cannot be read.
    pub(crate) fn of_file(file: &str, message: String, hint: Option<String>) -> Self {
        let problem = Problem { span: None, message, hint, related: None };
        Self { file: file.to_owned(), text: String::new(), problems: vec![problem], left_out: 0 }
    }

    /// The problems in the order of the file.
    pub(crate) fn new(file: &str, text: &str, problems: Problems) -> Self {
        let (mut problems, left_out) = problems.into_parts();
        problems.sort_by_key(|problem| problem.span);
        Self { file: file.to_owned(), text: text.to_owned(), problems, left_out }
    }

    /// The file's name as it was given.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }

    /// What is wrong, in the order of the file; at least one, at most 100.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// How many problems there are, those beyond the kept ones included.
    #[must_use]
    pub fn count(&self) -> usize {
        self.problems.len() + self.left_out
    }
}

impl std::error::Error for Report {}

impl fmt::Debug for Report {
    /// Without the text of the file, which may hold passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Report");
        shown.field("file", &self.file).field("problems", &self.problems).field("left_out", &self.left_out);
        shown.finish_non_exhaustive()
    }
}
