//! How the night went, and whether it went as it should.

use super::{
    play::{Scene, Seen},
    protection::Protection,
    story::{Phase, Story},
    tally::Row,
};
use crate::view::{
    Summary,
    figures::{count, share, time},
};

/// Good answers over requests, in percent, at which a caller is back.
const BACK_PERCENT: u32 = 95;
/// Longest way back after the blip, in seconds.
const BACK_WITHIN: u32 = 10;

/// Seconds from the end of the blip until a caller was back for good: the first second that is good, and after which
/// all the rest taken together is good. `None` if there was none.
pub(super) fn back_after(rows: &[Row], story: &Story) -> Option<u32> {
    let after = after(rows, story);
    let is_good = |rows: &[Row]| {
        let Row { offered, good, .. } = Row::sum(rows);
        offered > 0 && u64::from(good) * 100 >= u64::from(offered) * u64::from(BACK_PERCENT)
    };
    let first = (0..after.len()).find(|&first| is_good(&after[first..=first]) && is_good(&after[first..]))?;
    u32::try_from(first).ok()
}

/// Says how the night went.
///
/// It went as it should when the gateway's callers had at least 95 % of their requests answered again within ten
/// seconds of the blip's end, and the naive callers had not: that is what the story is about.
#[must_use]
pub fn verdict(scene: &Scene, protection: &Protection) -> Summary {
    let reasons = reasons(scene);
    let mut lines = if scene.elapsed < scene.story.end() { Vec::new() } else { table(scene, protection) };
    if scene.missed > 0 {
        let missed = count(scene.missed);
        lines.push(format!(
            "{missed} requests were left out: this machine was too busy to send them in time."
        ));
    }
    if reasons.is_empty() {
        lines.push("OK: banyan came back by itself, the naive caller never did.".to_owned());
    } else {
        lines.push("NOT OK:".to_owned());
        lines.extend(reasons.iter().map(|reason| format!("  - {reason}")));
    }
    Summary { ok: reasons.is_empty(), reasons, text: lines.join("\n") }
}

/// What is had after the blip, with whom.
fn table(scene: &Scene, protection: &Protection) -> Vec<String> {
    let Scene { story, naive, banyan, .. } = scene;
    vec![
        "After the blip, with a database as well as before:".to_owned(),
        format!(
            "{:<16}{:>9}{:>10}{:>9}{:>10}{:>12}   back",
            "", "good", "refused", "failed", "P99", "peak in db"
        ),
        row("naive caller", naive, story),
        row("behind banyan", banyan, story),
        format!(
            "banyan {protection}; refused by limit {}, by breaker {}.",
            count(protection.by_limit),
            count(protection.by_breaker)
        ),
    ]
}

/// The seconds after the blip, as far as they are over.
fn after<'a>(rows: &'a [Row], story: &Story) -> &'a [Row] {
    let seconds = story.seconds(Phase::After);
    let [from, to] = [seconds.0, seconds.1].map(|second| (second as usize).min(rows.len()));
    &rows[from..to]
}

fn row(name: &str, seen: &Seen, story: &Story) -> String {
    let Row { offered, good, refused, failed, .. } = Row::sum(after(&seen.rows, story));
    let part = |part: u32| share(part.into(), offered.into());
    let p99 = seen.p99_after.map_or_else(|| "-".to_owned(), time);
    let back = match back_after(&seen.rows, story) {
        Some(0) => "at once".to_owned(),
        Some(seconds) => format!("after {seconds} s"),
        None => "never".to_owned(),
    };
    let [good, refused, failed] = [good, refused, failed].map(part);
    format!("{name:<16}{good:>9}{refused:>10}{failed:>9}{p99:>10}{:>12}   {back}", count(seen.peak.into()))
}

fn reasons(scene: &Scene) -> Vec<String> {
    let Scene { story, elapsed, naive, banyan, .. } = scene;
    if *elapsed < story.end() {
        return vec![format!(
            "the story was ended after {:.0} s of {} s: nothing can be said",
            elapsed.as_secs_f64(),
            story.end().as_secs()
        )];
    }
    let back = |seen: &Seen| back_after(&seen.rows, story).filter(|&seconds| seconds <= BACK_WITHIN);
    let mut reasons = Vec::new();
    if back(banyan).is_none() {
        let after = after(&banyan.rows, story);
        let Row { offered, good, .. } = Row::sum(&after[after.len().saturating_sub(5)..]);
        reasons.push(format!(
            "banyan was not back at {BACK_PERCENT}% within {BACK_WITHIN} s of the blip's end; its last 5 s: {}",
            share(good.into(), offered.into())
        ));
    }
    if let Some(seconds) = back(naive) {
        reasons.push(format!("the naive caller was back after {seconds} s, so nothing was shown"));
    }
    reasons
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::Duration;

    use super::*;
    use crate::incident::story::Size;

    const STORY: Story = Story::new(Size::Quarter);

    /// Callers of whom so many in a hundred are answered in each second, and the others refused.
    pub(crate) fn seen(percent: impl Fn(u32) -> u32, seconds: u32) -> Seen {
        let row = |second| {
            let offered = STORY.rate(STORY.phase(Duration::from_secs(u64::from(second))));
            let good = offered * percent(second) / 100;
            let p99 = Some(Duration::from_millis(61));
            Row { offered, good, refused: offered - good, failed: 0, p99 }
        };
        let p99_after = Some(Duration::from_millis(61));
        Seen { rows: (0..seconds).map(row).collect(), in_flight: 12, peak: 14, p99_after }
    }

    /// The naive caller of the night: 7 % from the blip on, all else given up.
    pub(crate) fn naive(seconds: u32) -> Seen {
        let mut seen = seen(|second| if second < 25 { 100 } else { 7 }, seconds);
        for row in &mut seen.rows {
            row.failed = std::mem::take(&mut row.refused);
            row.p99 = Some(Duration::from_millis(if row.failed == 0 { 45 } else { 4_012 }));
        }
        Seen { in_flight: 83, peak: 83, p99_after: Some(Duration::from_millis(4_012)), ..seen }
    }

    /// Banyan of the night: what can be had in the blip, and everything two seconds later.
    pub(crate) fn banyan(seconds: u32) -> Seen {
        seen(|second| if (25..37).contains(&second) { 33 } else { 99 }, seconds)
    }

    pub(crate) fn scene(elapsed: u32) -> Scene {
        let (naive, banyan) = (naive(elapsed), banyan(elapsed));
        Scene { story: STORY, elapsed: Duration::from_secs(elapsed.into()), naive, banyan, missed: 0 }
    }

    pub(crate) fn protection() -> Protection {
        let breaker = Some("closed".to_owned());
        Protection { limit: Some(12), breaker, by_limit: 1_234, by_breaker: 0 }
    }

    #[test]
    fn the_night_as_it_should_go_says_so() {
        let summary = verdict(&scene(90), &protection());
        assert!(summary.ok && summary.reasons.is_empty());
        insta::assert_snapshot!(summary.text);
    }

    #[test]
    fn who_comes_back_must_stay_back() {
        let back = |percent: fn(u32) -> u32| back_after(&seen(percent, 90).rows, &STORY);
        assert_eq!(back(|_| 100), Some(0));
        assert_eq!(back(|second| if second < 42 { 10 } else { 96 }), Some(7));
        assert_eq!(back(|second| if second == 40 { 100 } else { 10 }), None);
        assert_eq!(back(|_| 94), None);
        assert_eq!(back_after(&[], &STORY), None);
    }

    #[test]
    fn what_comes_after_the_end_is_not_judged() {
        let mut rows = banyan(90).rows;
        rows.push(Row { failed: 300, ..Row::default() });
        assert_eq!(back_after(&rows, &STORY), Some(2));
    }

    #[test]
    fn who_never_was_away_longer_than_the_blip_is_back_at_once() {
        let banyan = seen(|second| if (25..35).contains(&second) { 33 } else { 99 }, 90);
        let found = verdict(&Scene { banyan, ..scene(90) }, &protection());
        assert!(found.ok && found.text.contains("at once"), "{}", found.text);
    }

    #[test]
    fn requests_that_were_left_out_are_said() {
        let found = verdict(&Scene { missed: 1_041, ..scene(90) }, &protection());
        assert!(found.ok && found.text.contains("\n1,041 requests were left out"), "{}", found.text);
    }

    #[test]
    fn each_other_ending_is_a_reason() {
        let slow = Scene { banyan: seen(|second| if second < 46 { 33 } else { 99 }, 90), ..scene(90) };
        let never = Scene { banyan: naive(90), ..scene(90) };
        let well = Scene { naive: banyan(90), ..scene(90) };
        let early = scene(30);
        let endings = [
            (slow, "banyan was not back at 95% within 10 s of the blip's end; its last 5 s: 98.9%"),
            (never, "banyan was not back at 95% within 10 s of the blip's end; its last 5 s: 6.8%"),
            (well, "the naive caller was back after 2 s, so nothing was shown"),
            (early, "the story was ended after 30 s of 90 s: nothing can be said"),
        ];
        for (scene, reason) in endings {
            let found = verdict(&scene, &protection());
            // Of a story without an end there is nothing else to say.
            assert_eq!(found.text.contains("After the blip"), scene.elapsed == STORY.end());
            assert_eq!((found.ok, found.reasons), (false, vec![reason.to_owned()]));
            assert!(found.text.ends_with(&format!("NOT OK:\n  - {reason}")), "{}", found.text);
        }
    }
}
