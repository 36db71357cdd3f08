//! docs/endings.md is the table of endings. `BANYAN_BLESS=1` writes it.

use std::{fmt::Write as _, path::Path};

use banyan_gateway::outcome::{Ending, ROWS, Row, problem_type};

const INFALLIBLE: &str = "writing to a string";

const INTRODUCTION: &str = "\
<!-- Made from crates/gateway/src/outcome.rs. Change it there, then run: BANYAN_BLESS=1 cargo nextest run -p banyan-gateway -->

# Endings

Every exchange ends in exactly one of these ways. The code is the `flag` of the access line and the `reason` label of
`banyan_request_endings_total`; `banyan explain CODE` prints the same text as this page.

An error that Banyan answers itself is an `application/problem+json` document (RFC 9457) with `type`, `title`, `status`,
`detail`, `instance` (the trace id) and `code`, and a `Proxy-Status` field (RFC 9209). When the head of an answer was sent
already, its status cannot change any more: the client's connection (in HTTP/2, its stream) is cut, and the ending stands
in the access line only. A status of 499 is never sent: the client was gone.

- **Closes**: the client's connection is closed after the problem, since its framing cannot be trusted any more.
- **Fallback**: counts as a failure of the replacement, so that legacy is asked where the unit and the route allow it. An
  answer with a 5xx status, whose own ending is `OK`, counts as well.

";

#[test]
fn the_endings_page_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/endings.md");
    let expected = page();
    if std::env::var_os("BANYAN_BLESS").is_some() {
        std::fs::write(&path, &expected).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == expected, "docs/endings.md is out of date: run this test with BANYAN_BLESS=1");
}

fn page() -> String {
    let mut text = INTRODUCTION.to_owned();
    text.push_str("| Code | Status | Title | Closes | Fallback |\n|---|---|---|---|---|\n");
    for Row { ending, code, status, title, .. } in ROWS {
        let closes = if ending.poisons_connection() { "yes" } else { "" };
        let fallback = if ending.is_upstream_failure() { "yes" } else { "" };
        writeln!(text, "| [{code}](#{}) | {status} | {title} | {closes} | {fallback} |", code.to_lowercase())
            .expect(INFALLIBLE);
    }
    for row in ROWS {
        section(&mut text, row);
    }
    text
}

fn section(text: &mut String, row: &Row) {
    let Row { ending, code, title, explanation, .. } = row;
    writeln!(text, "\n## {code}\n\n**{title}.** {explanation}").expect(INFALLIBLE);
    if *ending == Ending::Ok {
        return;
    }
    write!(text, "\n`{}`", problem_type(row)).expect(INFALLIBLE);
    if let Some(error) = row.proxy_error {
        write!(text, ", `Proxy-Status: banyan; error={error}`").expect(INFALLIBLE);
    }
    text.push('\n');
}
