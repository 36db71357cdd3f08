//! What is on the screen, as lines of text.

use std::time::Duration;

use super::{
    chart,
    play::{Scene, Seen},
    protection::Protection,
    story::{Phase, SLOWNESS, Size},
    tally::Row,
    verdict::back_after,
};
use crate::view::{
    Hint, Picture,
    figures::{clock, count, time},
};

/// Seconds between two lines for a pipe.
const LINE_EVERY: u64 = 3;
/// Seconds after the blip from which who is not back is said to stay away.
const NEVER: u32 = 5;

/// Everything the view shows of the night.
#[derive(Clone, Debug, PartialEq)]
pub struct NightScreen {
    /// What was seen so far.
    pub scene: Scene,
    /// What the gateway does.
    pub protection: Protection,
    /// What to open in a browser.
    pub open: Vec<Hint>,
}

impl Picture for NightScreen {
    fn lines(&self) -> Vec<String> {
        let Scene { story, elapsed, naive, banyan, .. } = &self.scene;
        let size = match story.size() {
            Size::Whole => "",
            Size::Quarter => "   played at a quarter of its size",
        };
        let mut lines = vec![
            format!("  banyan demo incident  {} of {}{size}", clock(*elapsed), clock(story.end())),
            String::new(),
            format!("  {}", words(&self.scene)),
            String::new(),
            row(["last second", "good", "refused", "failed", "P99 of good", "in the database"]),
            figures("naive caller", naive),
            figures("behind banyan", banyan),
            String::new(),
        ];
        for (name, seen) in [("naive", naive), ("banyan", banyan)] {
            let [top, middle, bottom] = chart::bars(&seen.rows, story);
            lines.extend([
                format!("  {:<8}{top}", ""),
                format!("  {name:<8}{middle}"),
                format!("  {:<8}{bottom}", ""),
            ]);
        }
        lines.extend([
            format!("  {:<8}{}", "", chart::phases(story)),
            String::new(),
            format!("  banyan {}.", self.protection),
            "  It was told `concurrency: {}`, `breaker: {}`, `retry: {}`, and no number.".to_owned(),
        ]);
        if !self.open.is_empty() {
            lines.push(String::new());
            lines.extend(self.open.iter().map(|hint| format!("  {}  {}", hint.text, hint.meaning)));
        }
        lines.iter_mut().for_each(|line| line.truncate(line.trim_end().len()));
        lines
    }

    fn line(&self) -> Option<String> {
        let Scene { elapsed, naive, banyan, .. } = &self.scene;
        let shown = |seen: &Seen| {
            let Row { good, refused, failed, p99, .. } = last(seen);
            let p99 = p99.map_or_else(|| "-".to_owned(), time);
            format!("good {good}/s refused {refused} failed {failed} p99 {p99} in db {}", seen.in_flight)
        };
        let said = format!(
            "{} naive {} | banyan {} ({}) | {}",
            clock(*elapsed),
            shown(naive),
            shown(banyan),
            self.protection,
            words(&self.scene)
        );
        elapsed.as_secs().is_multiple_of(LINE_EVERY).then_some(said)
    }
}

/// The phase in words.
fn words(scene: &Scene) -> String {
    let story = &scene.story;
    let rate = |phase| count(story.rate(phase).into());
    match story.phase(scene.elapsed) {
        Phase::Calm => format!("Calm: {} requests a second, as on any day.", rate(Phase::Calm)),
        Phase::Surge => {
            format!("Surge +40 %: {} requests a second. The database is 95 % busy.", rate(Phase::Surge))
        }
        Phase::Blip => format!("The database is {SLOWNESS}x slower, and the surge goes on."),
        Phase::After => {
            let since =
                scene.elapsed.saturating_sub(Duration::from_secs(story.seconds(Phase::After).0.into()));
            let back = |seen: &Seen| back_after(&seen.rows, story).is_some();
            let rest = match (back(&scene.naive), back(&scene.banyan)) {
                _ if since < Duration::from_secs(NEVER.into()) => "the database is as fast as before.",
                (false, true) => "banyan is back, the naive caller never comes back.",
                (false, false) => "nobody is back yet.",
                (true, true) => "both are back.",
                (true, false) => "the naive caller is back, banyan is not.",
            };
            format!("{} s after the blip: {rest}", since.as_secs())
        }
    }
}

fn figures(name: &str, seen: &Seen) -> String {
    let Row { good, refused, failed, p99, .. } = last(seen);
    let a_second = |number: u32| format!("{}/s", count(number.into()));
    let p99 = p99.map_or_else(|| "-".to_owned(), time);
    let [good, refused, failed] = [good, refused, failed].map(a_second);
    row([name, &good, &refused, &failed, &p99, &count(seen.in_flight.into())])
}

fn last(seen: &Seen) -> Row {
    seen.rows.last().copied().unwrap_or_default()
}

fn row([name, good, refused, failed, p99, in_flight]: [&str; 6]) -> String {
    format!("  {name:<14}{good:>9}{refused:>10}{failed:>10}{p99:>13}{in_flight:>17}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::incident::verdict::tests::{protection, scene, seen};

    fn screen(elapsed: u32) -> NightScreen {
        let open = vec![Hint::new("http://127.0.0.1:9901/metrics", "what the gateway counts")];
        NightScreen { scene: scene(elapsed), protection: protection(), open }
    }

    #[test]
    fn the_night_reads_well() {
        insta::assert_snapshot!(screen(60).lines().join("\n"));
    }

    #[test]
    fn the_screen_fits_a_usual_terminal() {
        for elapsed in 0..=95 {
            let lines = screen(elapsed).lines();
            assert!(lines.len() <= 24, "{}", lines.len());
            assert!(lines.iter().all(|line| line.chars().count() <= 80), "{lines:#?}");
        }
    }

    #[test]
    fn each_phase_has_its_words() {
        let said = |elapsed| words(&scene(elapsed));
        assert!(said(3).starts_with("Calm: 208 requests"), "{}", said(3));
        assert!(said(15).starts_with("Surge +40 %: 292 requests"), "{}", said(15));
        assert!(said(25).starts_with("The database is 3x slower"), "{}", said(25));
        assert_eq!(said(36), "1 s after the blip: the database is as fast as before.");
        assert!(said(45).ends_with("banyan is back, the naive caller never comes back."), "{}", said(45));
    }

    #[test]
    fn what_is_said_at_the_end_is_what_was_seen() {
        let all = |percent: u32| seen(|_| percent, 60);
        for (naive, banyan, expected) in [
            (all(100), all(100), "both are back."),
            (all(9), all(9), "nobody is back yet."),
            (all(100), all(9), "the naive caller is back, banyan is not."),
        ] {
            let said = words(&Scene { naive, banyan, ..scene(60) });
            assert!(said.ends_with(expected), "{said}");
        }
    }

    #[test]
    fn a_pipe_gets_a_line_now_and_then() {
        assert_eq!((0..=30).filter(|&elapsed| screen(elapsed).line().is_some()).count(), 11);
        insta::assert_snapshot!(screen(60).line().unwrap());
    }
}
