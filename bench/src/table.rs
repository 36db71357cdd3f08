//! A run as a table, and the README's tables from the newest runs.

use std::fmt::{self, Write};

use anyhow::Context;

use crate::{
    machine::Machine,
    record::{Measured, Run, root},
    stats::Summary,
    work::{self, Column, Comparison, Work},
};

/// Writes every work's newest run between its markers in the README.
///
/// # Errors
/// When the README or a run cannot be read, or a marker has no end.
pub(crate) fn update_readme() -> anyhow::Result<()> {
    let path = root().join("README.md");
    let mut text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    for work in work::all() {
        if let Some(run) = Run::newest(work.name)? {
            text = replace_between(&text, work.name, &render(&run)?)?;
        }
    }
    std::fs::write(&path, text).with_context(|| path.display().to_string())
}

/// Puts `table` between `<!-- bench:NAME -->` and `<!-- /bench:NAME -->`; a text without the marker stays as it is.
fn replace_between(text: &str, name: &str, table: &str) -> anyhow::Result<String> {
    let (open, close) = (format!("<!-- bench:{name} -->"), format!("<!-- /bench:{name} -->"));
    let Some((before, rest)) = text.split_once(&open) else { return Ok(text.to_owned()) };
    let (_, after) = rest.split_once(&close).with_context(|| format!("README: {open} without {close}"))?;
    Ok(format!("{before}{open}\n{table}{close}{after}"))
}

/// A table in Markdown, and a line that says where its figures come from.
///
/// # Errors
/// When the run is of a work that is no longer measured.
pub(crate) fn render(run: &Run) -> anyhow::Result<String> {
    let work = work::all().into_iter().find(|work| work.name == run.work);
    let work = work.with_context(|| format!("'{}' is no work", run.work))?;
    let mut text = String::new();
    write_table(&mut text, &work, run)?;
    Ok(text)
}

fn write_table(text: &mut String, work: &Work, run: &Run) -> fmt::Result {
    let baselines: Vec<&Measured> = work
        .baselines
        .iter()
        .filter_map(|name| run.candidates.iter().find(|one| one.name == *name))
        .collect();
    write!(text, "| {} |", work.title)?;
    for Column { heading, .. } in work.columns {
        write!(text, " {heading} |")?;
    }
    for baseline in &baselines {
        match work.comparison {
            Comparison::Ratio => write!(text, " to {} |", baseline.name)?,
            Comparison::Added => write!(text, " over {} |", baseline.name)?,
            Comparison::Spared => write!(text, " spared against {} |", baseline.name)?,
        }
    }
    writeln!(text, "\n|---|{}", "---:|".repeat(work.columns.len() + baselines.len()))?;
    for candidate in &run.candidates {
        write!(text, "| {} ({}) |", candidate.name, candidate.about)?;
        for column in work.columns {
            write!(text, " {} |", cell(candidate, column))?;
        }
        for baseline in &baselines {
            write!(text, " {} |", compare(work.comparison, candidate, baseline, &work.columns[0]))?;
        }
        writeln!(text)?;
    }
    let Machine { cpu, kernel, versions, .. } = &run.machine;
    let version = |name: &str| versions.get(name).map_or("?", String::as_str);
    let with = if work.needs_servers() {
        let haproxy = version("haproxy").split(" - ").next().unwrap_or("?");
        let has_varnish = run.candidates.iter().any(|one| one.name == "Varnish");
        let varnish = if has_varnish { format!("; {}", version("varnish")) } else { String::new() };
        format!("{}; {haproxy}{varnish}", version("nginx").replace("nginx version: ", ""))
    } else {
        version("rustc").to_owned()
    };
    let seed = run.seed.map(|seed| format!(", seed {seed}")).unwrap_or_default();
    writeln!(
        text,
        "\nMedians of {} rounds (least to greatest); comparisons are medians of the rounds' own. {cpu}, Linux {kernel}, {with}{seed}. Raw run: `{}`.",
        run.candidates.iter().map(|one| one.rounds.len()).max().unwrap_or(0),
        run.file().display()
    )
}

fn cell(candidate: &Measured, column: &Column) -> String {
    let Some(Summary { median, min, max }) = Summary::of(candidate.figure(column.figure)) else {
        return "-".to_owned();
    };
    let number = |value: f64| format!("{:.*}", column.decimals, value);
    format!("{} ({} to {})", number(median), number(min), number(max))
}

/// Compares two candidates round by round: what drifts with the machine falls out.
fn compare(comparison: Comparison, candidate: &Measured, baseline: &Measured, column: &Column) -> String {
    let pairs = candidate.figure(column.figure).zip(baseline.figure(column.figure));
    let compared = pairs.map(|(value, base)| match comparison {
        Comparison::Ratio => value / base,
        Comparison::Added => value - base,
        Comparison::Spared => 100.0 * (1.0 - value / base),
    });
    let Some(Summary { median, .. }) = Summary::of(compared) else { return "-".to_owned() };
    match comparison {
        Comparison::Ratio => format!("{median:.2}"),
        Comparison::Added => format!("{median:.*}", column.decimals),
        Comparison::Spared => format!("{median:.0} %"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(name: &str, figure: &str, values: &[f64]) -> Measured {
        let rounds = values.iter().map(|value| [(figure.to_owned(), *value)].into()).collect();
        Measured { name: name.to_owned(), about: "as set up".to_owned(), rounds }
    }

    fn run() -> Run {
        let figure = work::pass_through().columns[0].figure;
        let machine = Machine {
            cpu: "a processor".to_owned(),
            cores: 2,
            memory_mib: 1,
            kernel: "6.1.0".to_owned(),
            versions: [("nginx".to_owned(), "nginx version: nginx/1.22.1".to_owned())].into(),
        };
        let candidates = vec![
            measured("Banyan", figure, &[9.0, 8.0, 20.0]),
            measured("nginx", figure, &[10.0, 10.0, 20.0]),
        ];
        Run {
            work: "pass-through".to_owned(),
            at: "2026-11-21T0712".to_owned(),
            machine,
            seconds: 1,
            seed: None,
            candidates,
        }
    }

    #[test]
    fn ratios_are_taken_within_a_round() {
        let table = render(&run()).unwrap();
        let line = table.lines().find(|line| line.starts_with("| Banyan")).unwrap();
        assert!(line.contains("| 9.0 (8.0 to 20.0) |") && line.ends_with("| 0.90 |"), "{line}");
        assert!(
            table.contains("nginx/1.22.1") && table.contains("bench/runs/2026-11-21T0712-pass-through.json")
        );
    }

    #[test]
    fn only_what_stands_between_the_markers_changes() {
        let text = "a\n<!-- bench:x -->\nold\n<!-- /bench:x -->\nb <!-- bench:y --> c";
        let once = replace_between(text, "x", "new\n").unwrap();
        assert_eq!(once, "a\n<!-- bench:x -->\nnew\n<!-- /bench:x -->\nb <!-- bench:y --> c");
        assert_eq!(replace_between(&once, "x", "new\n").unwrap(), once);
        assert_eq!(replace_between(text, "z", "new").unwrap(), text);
        assert!(replace_between(text, "y", "new").is_err());
    }
}
