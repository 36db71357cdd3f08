//! Runs as tables: one per scenario with all that is judged, and one for the README.

use std::fmt::Write;

use anyhow::Context;

use super::{
    bars::{self, ms, percent},
    chart,
    facts::{Back, Facts},
    kept::{Measured, Run, what},
    watch::Watched,
};
use crate::{machine::Machine, record::root};

/// Where tables and charts are written, from the root of the repository.
const FOLDER: &str = "bench/replay";
const OPEN: &str = "<!-- replay:table -->";
const CLOSE: &str = "<!-- /replay:table -->";

/// Writes tables and charts of the newest runs, and the README's table if it has a place for one.
///
/// # Errors
/// When a run or the README cannot be read, or a file cannot be written.
pub(crate) fn write_all() -> anyhow::Result<()> {
    let runs = Run::newest()?;
    let folder = root().join(FOLDER);
    std::fs::create_dir_all(&folder)?;
    let mut page = String::from(
        "# The incident replay: newest runs\n\nHow to read this: [docs/replay.md](../../docs/replay.md).\n",
    );
    for run in &runs {
        write!(page, "\n{}", render(run)?)?;
        std::fs::write(folder.join(format!("{}.svg", what(run.scenario.name))), chart::draw(run)?)?;
    }
    std::fs::write(folder.join("README.md"), page).with_context(|| folder.display().to_string())?;
    let path = root().join("README.md");
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let updated = between_markers(&text, &overview(&runs)?)?;
    if updated != text {
        std::fs::write(&path, updated)?;
    }
    Ok(())
}

/// Puts `table` between the markers; a text without them stays as it is.
fn between_markers(text: &str, table: &str) -> anyhow::Result<String> {
    let Some((before, rest)) = text.split_once(OPEN) else { return Ok(text.to_owned()) };
    let (_, after) = rest.split_once(CLOSE).with_context(|| format!("README: {OPEN} without {CLOSE}"))?;
    Ok(format!("{before}{OPEN}\n{table}{CLOSE}{after}"))
}

/// A scenario: heading, chart, a row per system, and what each bar says.
///
/// # Errors
/// Never: writing to memory does not fail.
pub(crate) fn render(run: &Run) -> anyhow::Result<String> {
    let (mut text, scenario) = (String::new(), &run.scenario);
    let name = what(scenario.name);
    writeln!(
        text,
        "## {:?}: {}\n\n![Good answers a minute over time]({name}.svg)\n",
        scenario.name, scenario.title
    )?;
    writeln!(
        text,
        "| System | good over ceiling | in the fault | substitutes in it | good/min at the end | p99 good | p99 refusal | Retry-After | back after | queries/try | peak | verdict |"
    )?;
    writeln!(text, "|---|{}---|", "---:|".repeat(10))?;
    let judged: Vec<_> = run.systems.iter().map(|one| (one, Facts::of(one, scenario))).collect();
    for (measured, facts) in &judged {
        let verdicts = bars::judge(scenario.name, facts);
        let missed = verdicts.iter().filter(|verdict| !verdict.passed).count();
        let verdict = match missed {
            _ if !measured.watched.void().is_empty() => "VOID".to_owned(),
            0 => "PASS".to_owned(),
            missed => format!("FAIL ({missed} of {})", verdicts.len()),
        };
        writeln!(text, "| {} ({}) | {} | {verdict} |", measured.name, measured.about, cells(facts))?;
    }
    writeln!(text)?;
    for (measured, facts) in &judged {
        writeln!(text, "{}", verdicts(run, measured, facts))?;
    }
    writeln!(text, "\n{}", provenance(run))?;
    Ok(text)
}

fn cells(facts: &Facts) -> String {
    let share = |share: Option<f64>| share.map_or("-".to_owned(), percent);
    let back = match facts.back_after {
        Back::NotAway => "-".to_owned(),
        Back::After(seconds) => format!("{seconds} s"),
        Back::Never => "never".to_owned(),
    };
    [
        percent(facts.goodput),
        share(facts.goodput_in_fault),
        share(facts.substitutes_in_fault),
        thousands(facts.good_a_minute_at_end),
        ms(facts.good_p99_ms),
        ms(facts.refusal_p99_ms),
        share(facts.retry_after),
        back,
        format!("{:.2}", facts.attempts),
        facts.peak.to_string(),
    ]
    .join(" | ")
}

fn verdicts(run: &Run, measured: &Measured, facts: &Facts) -> String {
    let say = |verdict: bars::Verdict| {
        let word = if verdict.passed { "pass" } else { "FAIL" };
        format!("{word} {} ({})", verdict.bar, verdict.measured)
    };
    let said: Vec<_> = bars::judge(run.scenario.name, facts).into_iter().map(say).collect();
    format!("- {}: {}", measured.name, said.join("; "))
}

fn provenance(run: &Run) -> String {
    let Machine { cpu, kernel, versions, .. } = &run.machine;
    let version = |name: &str| versions.get(name).map_or("?", String::as_str);
    let mut text = format!(
        "Seed {}. {cpu}, Linux {kernel}, {}; {}. Raw run: `{}`.",
        run.seed,
        version("nginx").replace("nginx version: ", ""),
        version("haproxy").split(" - ").next().unwrap_or("?"),
        run.file().display()
    );
    // Those of a turn follow each other, and were watched together.
    let mut systems = run.systems.iter().collect::<Vec<_>>();
    systems.sort_by_key(|measured| serde_json::to_string(&measured.watched).unwrap_or_default());
    for turn in systems.chunk_by(|one, other| one.watched == other.watched) {
        let names = turn.iter().map(|measured| measured.name.as_str()).collect::<Vec<_>>();
        text += &format!(" {}: {}", names.join(", "), watch(&turn[0].watched));
    }
    text
}

fn watch(watched: &Watched) -> String {
    let mut text = format!(
        "sent {:.1} ms late at p99; busiest 5 s: {:.0} % of the load's core, {:.0} % of the systems'.",
        watched.lag_p99_us as f64 / 1000.0,
        watched.load_core_busy * 100.0,
        watched.server_core_busy * 100.0,
    );
    for reason in watched.void() {
        text += &format!(" VOID: {reason}.");
    }
    text
}

/// All scenarios at a glance: good answers a minute in the last 20 seconds, and whether all bars were reached.
fn overview(runs: &[Run]) -> anyhow::Result<String> {
    if runs.is_empty() {
        return Ok("No run is kept yet: `cargo xtask replay`.\n".to_owned());
    }
    let mut names: Vec<&str> = Vec::new();
    for measured in runs.iter().flat_map(|run| &run.systems) {
        if !names.contains(&measured.name.as_str()) {
            names.push(&measured.name);
        }
    }
    let mut text = String::from("| Good answers a minute at the end |");
    for run in runs {
        write!(text, " {:?}: {} |", run.scenario.name, run.scenario.title)?;
    }
    writeln!(text, "\n|---|{}", "---:|".repeat(runs.len()))?;
    for name in names {
        write!(text, "| {name} |")?;
        for run in runs {
            let found = run.systems.iter().find(|one| one.name == name);
            write!(text, " {} |", found.map_or("-".to_owned(), |one| glance(run, one)))?;
        }
        writeln!(text)?;
    }
    writeln!(
        text,
        "\n70,000 requests a minute are asked for. In brackets: bars reached. All systems of a scenario were measured in one run; [bars, method and all figures](bench/replay/README.md)."
    )?;
    Ok(text)
}

fn glance(run: &Run, measured: &Measured) -> String {
    if !measured.watched.void().is_empty() {
        return "void".to_owned();
    }
    let facts = Facts::of(measured, &run.scenario);
    let verdicts = bars::judge(run.scenario.name, &facts);
    let passed = verdicts.iter().filter(|verdict| verdict.passed).count();
    format!("{} ({passed} of {})", thousands(facts.good_a_minute_at_end), verdicts.len())
}

/// A whole number with commas.
pub(crate) fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::replay::{facts, scenario::Name};

    /// A run in which Banyan does well and the naive client does not come back.
    pub(crate) fn run() -> Run {
        let name = Name::S2;
        let banyan =
            facts::tests::measured(name, |second| if (50..60).contains(&second) { 409 } else { 1000 });
        let naive = facts::tests::measured(name, |second| if second < 50 { 1000 } else { 83 });
        let machine = Machine {
            cpu: "a processor".to_owned(),
            cores: 2,
            memory_mib: 1,
            kernel: "6.1.0".to_owned(),
            versions: [("nginx".to_owned(), "nginx version: nginx/1.22.1".to_owned())].into(),
        };
        Run {
            scenario: name.scenario(),
            at: "2026-11-21T1200".to_owned(),
            machine,
            seed: 1,
            patience_ms: 5000,
            columns: Vec::new(),
            systems: vec![banyan, Measured { name: "naive client".to_owned(), ..naive }],
        }
    }

    #[test]
    fn each_system_has_its_row_and_its_verdict() {
        let text = render(&run()).unwrap();
        let row =
            |name: &str| text.lines().find(|line| line.starts_with(&format!("| {name}"))).unwrap().to_owned();
        assert!(row("Banyan").ends_with("| PASS |"), "{text}");
        assert!(row("naive").contains("FAIL") && row("naive").contains("| never |"), "{text}");
        assert!(text.contains("nginx/1.22.1") && text.contains("bench/replay/runs/2026-11-21T1200-s2.json"));
    }

    #[test]
    fn a_void_run_says_so() {
        let disturbed = Watched { unsent: 3, ..Watched::default() };
        let mut banyan = run();
        banyan.systems[0].watched = disturbed.clone();
        let text = render(&banyan).unwrap();
        assert!(text.contains("VOID: 3 requests") && text.contains("| VOID |"), "{text}");
        assert!(banyan.file().display().to_string().ends_with("-s2-void.json"));
        // What disturbed the turn of others says nothing about Banyan.
        let mut others = run();
        others.systems[1].watched = disturbed;
        let text = render(&others).unwrap();
        assert!(text.contains("naive client: sent 0.0 ms late") && text.contains("VOID: 3"), "{text}");
        assert!(others.file().display().to_string().ends_with("-s2.json"));
    }

    #[test]
    fn the_overview_has_a_column_per_scenario() {
        let text = overview(&[run()]).unwrap();
        assert!(text.contains("| Banyan | 60,000 (6 of 6) |"), "{text}");
        assert!(text.contains("| naive client | 4,980 ("), "{text}");
    }

    #[test]
    fn without_runs_there_is_no_table() {
        assert!(!overview(&[]).unwrap().contains('|'));
    }

    #[test]
    fn only_what_stands_between_the_markers_changes() {
        let text = format!("a\n{OPEN}\nold\n{CLOSE}\nb");
        let once = between_markers(&text, "new\n").unwrap();
        assert_eq!(once, format!("a\n{OPEN}\nnew\n{CLOSE}\nb"));
        assert_eq!(between_markers(&once, "new\n").unwrap(), once);
        assert_eq!(between_markers("plain", "new").unwrap(), "plain");
        assert!(between_markers(OPEN, "new").is_err());
    }

    #[test]
    fn numbers_have_commas() {
        assert_eq!([thousands(7.0), thousands(1234.4), thousands(1_234_567.0)], ["7", "1,234", "1,234,567"]);
    }
}
