//! The report for programs.

use serde_json::{Value, json};

use super::{Problem, Report};

impl Report {
    /// `{file, count, errors: [{line, column, message, help, related: {line, column, message}}]}`; `line`, `column`,
    /// `help` and `related` are null where there are none.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "file": self.file,
            "count": self.count(),
            "errors": self.problems.iter().map(problem).collect::<Vec<_>>(),
        })
    }
}

fn problem(problem: &Problem) -> Value {
    let related = problem.related.as_ref().map(|related| {
        json!({ "line": related.span.line, "column": related.span.column, "message": related.message })
    });
    json!({
        "line": problem.span.map(|span| span.line),
        "column": problem.span.map(|span| span.column),
        "message": problem.message,
        "help": problem.hint,
        "related": related,
    })
}
