//! Figures as text.

use std::{collections::BTreeMap, time::Duration};

use crate::world::{Counted, Figures};

/// What came of the requests, one line for each service.
pub(crate) fn services(rows: &[(&str, &Figures)]) -> String {
    let mut text = line(
        "variant",
        &["right user", "complete", "missing marked", "failed", "wrong", "p50", "p99"].map(str::to_owned),
    );
    for (name, figures) in rows {
        let of = format!("{} of {}", figures.right_user(), figures.all());
        text += &line(
            name,
            &[
                of,
                figures.complete.to_string(),
                figures.marked.to_string(),
                figures.failed.to_string(),
                figures.wrong.to_string(),
                time(figures.percentile(50)),
                time(figures.percentile(99)),
            ],
        );
    }
    text
}

/// What was done under each policy.
pub(crate) fn policies(counts: &BTreeMap<String, Counted>) -> String {
    let headings = ["retries", "hedges", "refused", "fallbacks", "breaker changes"].map(str::to_owned);
    let mut text = line("dependency", &headings);
    for (name, counted) in counts {
        let Counted { retries, hedges, refused, fallbacks, breaker_changes } = *counted;
        text += &line(
            name,
            &[retries, hedges, refused, fallbacks, breaker_changes].map(|count| count.to_string()),
        );
    }
    text
}

fn line(name: &str, cells: &[String]) -> String {
    let cells: String = cells.iter().map(|cell| format!("  {cell:>14}")).collect();
    format!("{name:<18}{cells}\n")
}

fn time(time: Option<Duration>) -> String {
    time.map_or_else(|| "-".to_owned(), |time| format!("{} ms", time.as_millis()))
}
