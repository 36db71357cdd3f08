//! What is on the screen, as lines of text.

use std::time::Duration;

use super::{
    figures::{clock, count, share, time},
    terminal::Picture,
};
use crate::traffic::{Latency, Sides, Snapshot};

/// Everything the view shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Screen {
    /// When the demo ends by itself, since it began; `None`: with Ctrl-C.
    pub ends_after: Option<Duration>,
    /// What came of the traffic so far.
    pub traffic: Snapshot,
    /// The units, in the order shown.
    pub units: Vec<UnitLine>,
    /// What to open in a browser: a URL and what is there.
    pub open: Vec<Hint>,
    /// What to try next: a command and what it does.
    pub try_next: Vec<Hint>,
}

/// One unit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnitLine {
    /// Its name.
    pub name: String,
    /// Its share on the replacement as the gateway writes it, such as `5%`.
    pub percent: String,
    /// Who answered the traffic, as in [`Snapshot::units`].
    pub sides: Sides,
    /// What comparing its sides has found.
    pub shadow: Shadow,
}

/// What comparing the two sides of a unit has found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shadow {
    /// Pairs without a difference.
    pub matched: u64,
    /// Pairs with one.
    pub mismatched: u64,
    /// Copies that were not compared.
    pub dropped: u64,
    /// The path that differs most often, and how often.
    pub top_path: Option<(String, u64)>,
}

/// Something to open or to type, and what it is good for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hint {
    /// A URL or a command.
    pub text: String,
    /// What is to be seen then.
    pub meaning: String,
}

impl Hint {
    /// From both texts.
    #[must_use]
    pub fn new(text: impl Into<String>, meaning: impl Into<String>) -> Self {
        Self { text: text.into(), meaning: meaning.into() }
    }
}

impl Sides {
    const fn total(&self) -> u64 {
        self.legacy + self.replacement + self.fallback
    }
}

impl Shadow {
    pub(super) const fn compared(&self) -> u64 {
        self.matched + self.mismatched
    }
}

/// Things to try: `banyan` is how the command is called here, `flags` what it needs to reach this demo's admin API.
#[must_use]
pub fn try_next(banyan: &str, flags: &str) -> [Hint; 3] {
    let command = |step: &str| format!("{banyan} {step} {flags}").trim_end().to_owned();
    [
        Hint::new(
            command("unit set articles 50%"),
            "half of the visitors move; 'unit back articles' undoes it",
        ),
        Hint::new(command("diff articles"), "in what the two sides differ, how surely, and how to see it"),
        Hint::new(
            command("rollout start notifications"),
            "goes up by itself while it is no worse; 'rollout watch' shows it",
        ),
    ]
}

impl Picture for Screen {
    fn lines(&self) -> Vec<String> {
        lines(self)
    }

    fn line(&self) -> Option<String> {
        Some(line(self))
    }
}

fn lines(screen: &Screen) -> Vec<String> {
    let mut lines = vec![headline(screen), String::new()];
    lines.extend(latencies(&screen.traffic));
    lines.extend([format!("  {}", verdict(&screen.traffic)), String::new()]);
    lines.extend(units(&screen.units));
    if !screen.open.is_empty() {
        lines.extend([String::new(), "  open".to_owned()]);
        let width = screen.open.iter().map(|hint| hint.text.len()).max().unwrap_or(0);
        lines.extend(screen.open.iter().map(|hint| format!("    {:<width$}  {}", hint.text, hint.meaning)));
    }
    if !screen.try_next.is_empty() {
        lines.extend([String::new(), "  try next, in another terminal".to_owned()]);
        // Commands may be long, so what they do has a line of its own.
        let two = |hint: &Hint| [format!("    {}", hint.text), format!("        {}", hint.meaning)];
        lines.extend(screen.try_next.iter().flat_map(two));
    }
    lines
}

fn line(screen: &Screen) -> String {
    let Snapshot { elapsed, rate, failed, flips, second, .. } = &screen.traffic;
    let mut line = format!(
        "{} {rate}/s failed {failed} flips {flips} p50 {} p95 {} p99 {}",
        clock(*elapsed),
        time(second.p50),
        time(second.p95),
        time(second.p99)
    );
    for UnitLine { name, percent, sides, shadow } in &screen.units {
        let matched = share(shadow.matched, shadow.compared());
        line.push_str(&format!(" | {name} {percent} match {matched} fallbacks {}", sides.fallback));
    }
    line
}

/// What is wrong, or that nothing is.
fn verdict(traffic: &Snapshot) -> String {
    match (traffic.failed + traffic.flips, traffic.notes.first()) {
        (0, _) if traffic.degraded > 0 => {
            let degraded = count(traffic.degraded);
            format!("No request failed; {degraded} answers came with a part missing.")
        }
        (0, _) => "No request failed, and nobody left the replacement unasked.".to_owned(),
        (wrong, Some(first)) => format!("{} went wrong, first: {first}", count(wrong)),
        (wrong, None) => format!("{} went wrong.", count(wrong)),
    }
}

fn headline(screen: &Screen) -> String {
    let elapsed = clock(screen.traffic.elapsed);
    let end =
        screen.ends_after.map_or_else(|| "ends with Ctrl-C".to_owned(), |end| format!("of {}", clock(end)));
    format!("  banyan demo  {elapsed} {end}")
}

fn latencies(traffic: &Snapshot) -> [String; 3] {
    let row = |name: &str, requests: String, latency: Latency, failed: String| {
        let Latency { p50, p95, p99 } = latency;
        let [p50, p95, p99] = [p50, p95, p99].map(time);
        format!("  {name:<16}{requests:>10}{p50:>10}{p95:>10}{p99:>10}{failed:>10}").trim_end().to_owned()
    };
    [
        format!("  {:<16}{:>10}{:>10}{:>10}{:>10}{:>10}", "", "requests", "P50", "P95", "P99", "failed"),
        row("last second", format!("{}/s", count(traffic.rate)), traffic.second, String::new()),
        row("since the start", count(traffic.total), traffic.overall, count(traffic.failed)),
    ]
}

fn units(units: &[UnitLine]) -> Vec<String> {
    let row = |[name, percent, replaced, fallbacks, matched, path]: [&str; 6]| {
        format!("  {name:<16}{percent:>8}{replaced:>13}{fallbacks:>11}{matched:>9}  {path}")
            .trim_end()
            .to_owned()
    };
    let head = row(["unit", "share", "replacement", "fallbacks", "match", "differs most at"]);
    let line = |unit: &UnitLine| {
        let UnitLine { name, percent, sides, shadow } = unit;
        let path = shadow.top_path.as_ref().map(|(path, times)| format!("{path} ({})", count(*times)));
        row([
            name,
            percent,
            &share(sides.replacement, sides.total()),
            &count(sides.fallback),
            &share(shadow.matched, shadow.compared()),
            path.as_deref().unwrap_or("-"),
        ])
    };
    std::iter::once(head).chain(units.iter().map(line)).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A demo that is twelve seconds old and well.
    pub(crate) fn well() -> Screen {
        let sides = Sides { legacy: 890, replacement: 45, fallback: 3 };
        let millis = |[p50, p95, p99]: [u64; 3]| Latency {
            p50: Duration::from_millis(p50),
            p95: Duration::from_millis(p95),
            p99: Duration::from_millis(p99),
        };
        let unit = |name: &str, percent: &str, shadow| UnitLine {
            name: name.to_owned(),
            percent: percent.to_owned(),
            sides,
            shadow,
        };
        let traffic = Snapshot {
            elapsed: Duration::from_millis(12_345),
            rate: 150,
            total: 1_851,
            second: millis([5, 17, 20]),
            overall: millis([6, 18, 21]),
            ..Snapshot::default()
        };
        let top_path = Some(("/rating".to_owned(), 7));
        Screen {
            ends_after: Some(Duration::from_secs(30)),
            traffic,
            units: vec![
                unit("articles", "5%", Shadow { matched: 172, mismatched: 7, dropped: 1, top_path }),
                unit("comments", "0.25%", Shadow { matched: 63, ..Shadow::default() }),
                unit("notifications", "100%", Shadow::default()),
            ],
            open: vec![
                Hint::new("http://127.0.0.1:8080/articles", "the site, through the gateway"),
                Hint::new("http://127.0.0.1:9901/metrics", "what the gateway counts"),
            ],
            try_next: try_next("banyan", "--admin http://127.0.0.1:9901").to_vec(),
        }
    }

    #[test]
    fn the_screen_reads_well() {
        insta::assert_snapshot!(lines(&well()).join("\n"));
    }

    #[test]
    fn the_screen_fits_a_usual_terminal() {
        let lines = lines(&well());
        assert!(lines.len() <= 24, "{}", lines.len());
        assert!(lines.iter().all(|line| line.chars().count() <= 80), "{lines:#?}");
    }

    #[test]
    fn what_went_wrong_is_said() {
        let mut screen = well();
        screen.traffic.failed = 2;
        screen.traffic.flips = 1;
        screen.traffic.notes = vec!["GET /articles/7 answered 502".to_owned()];
        let text = lines(&screen).join("\n");
        assert!(text.contains("3 went wrong, first: GET /articles/7 answered 502"), "{text}");
        assert!(line(&screen).contains("failed 2 flips 1"));
    }

    #[test]
    fn degraded_answers_are_said() {
        let mut screen = well();
        screen.traffic.degraded = 1_204;
        let text = lines(&screen);
        assert!(text.iter().any(|line| line.contains("1,204 answers came with a part missing")), "{text:#?}");
        assert!(text.iter().all(|line| line.chars().count() <= 80), "{text:#?}");
    }

    #[test]
    fn a_pipe_gets_one_line() {
        insta::assert_snapshot!(line(&well()));
    }
}
