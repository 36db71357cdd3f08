//! Where problems are collected while a config is read.

use std::cell::RefCell;

use super::{Problem, Related, redact};
use crate::source::Span;

/// A file with more problems than this is not a config with mistakes but no config; the rest is only counted.
const MAX_KEPT: usize = 100;

/// Proof that a problem was reported: only [`Problems`] makes one, so nothing can be left out of a plan in silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reported(());

/// A value, or the knowledge that its absence was reported.
pub(crate) type Read<T> = Result<T, Reported>;

/// What is wrong with a value, without its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Complaint {
    /// What is wrong; follows 'KEY is VALUE: '.
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) hint: Option<String>,
}

impl Complaint {
    /// Says what is wrong.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None }
    }

    /// Adds what to do.
    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

/// A growing list of problems. Shared by reference, because every part of a config adds to the one report.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    kept: RefCell<Vec<Problem>>,
    left_out: RefCell<usize>,
    warnings: RefCell<Vec<Problem>>,
}

impl Problems {
    /// Reports a problem.
    pub(crate) fn add(&self, span: Span, message: impl Into<String>, hint: Option<String>) -> Reported {
        self.push(Problem { span: Some(span), message: message.into(), hint, related: None })
    }

    /// Reports a problem that has to do with another place.
    pub(crate) fn add_related(
        &self,
        span: Span,
        message: impl Into<String>,
        hint: Option<String>,
        related: (Span, &str),
    ) -> Reported {
        let related = Some(Related { span: related.0, message: related.1.to_owned() });
        self.push(Problem { span: Some(span), message: message.into(), hint, related })
    }

    /// Notes what is allowed and probably not meant.
    pub(crate) fn warn(&self, span: Span, message: impl Into<String>, hint: Option<String>) {
        let mut warnings = self.warnings.borrow_mut();
        if warnings.len() < MAX_KEPT {
            let (message, hint) = (redact::message(&message.into()), hint.as_deref().map(redact::message));
            warnings.push(Problem { span: Some(span), message, hint, related: None });
        }
    }

    /// The warnings, which are taken away.
    pub(super) fn take_warnings(&self) -> Vec<Problem> {
        self.warnings.take()
    }

    /// Whether nothing was reported.
    pub(crate) fn is_empty(&self) -> bool {
        self.kept.borrow().is_empty()
    }

    /// Whether a further problem would only be counted, so that nothing costly needs to be found out about it.
    pub(crate) fn is_full(&self) -> bool {
        self.kept.borrow().len() >= MAX_KEPT
    }

    fn push(&self, problem: Problem) -> Reported {
        if self.is_full() {
            *self.left_out.borrow_mut() += 1;
        } else {
            let message = redact::message(&problem.message);
            let hint = problem.hint.as_deref().map(redact::message);
            self.kept.borrow_mut().push(Problem { message, hint, ..problem });
        }
        Reported(())
    }

    /// The problems kept and the number of those that were not.
    pub(super) fn into_parts(self) -> (Vec<Problem>, usize) {
        (self.kept.into_inner(), self.left_out.into_inner())
    }
}
