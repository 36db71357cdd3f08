//! Good answers over time, drawn with eighths of blocks.

use super::{
    story::{Phase, Story},
    tally::Row,
};

/// Columns of a chart, whatever the story's length.
const COLUMNS: usize = 60;
/// Rows of a chart.
const HEIGHT: u32 = 3;
const EIGHTHS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Good answers a second over the whole story, the top row first. Full height is the surge; the seconds to come are
/// empty.
pub(super) fn bars(rows: &[Row], story: &Story) -> [String; HEIGHT as usize] {
    let heights: Vec<u32> = (0..COLUMNS).map_while(|column| height(rows, story, column)).collect();
    std::array::from_fn(|row| {
        let below = 8 * (HEIGHT - 1).saturating_sub(u32::try_from(row).unwrap_or(0));
        let eighth = |height: &u32| EIGHTHS[height.saturating_sub(below).min(8) as usize];
        heights.iter().map(eighth).collect::<String>().trim_end().to_owned()
    })
}

/// What the phases are called, where they begin.
pub(super) fn phases(story: &Story) -> String {
    let mut line = String::new();
    for (phase, name) in Phase::ALL.into_iter().zip(["calm", "surge", "slow", "after"]) {
        let begins = column(story, story.seconds(phase).0);
        line = format!("{line:<begins$}{name}");
    }
    line
}

/// The height of a column in eighths; `None` as long as none of its seconds is over.
fn height(rows: &[Row], story: &Story, column: usize) -> Option<u32> {
    let seconds = usize::try_from(story.end().as_secs()).ok()?;
    let from = column * seconds / COLUMNS;
    let to = ((column + 1) * seconds / COLUMNS).max(from + 1);
    let shown = rows.get(from..to.min(rows.len())).filter(|shown| !shown.is_empty())?;
    let good = Row::sum(shown).good / u32::try_from(shown.len()).ok()?;
    // Rounded up: something is never drawn as nothing.
    Some((good * HEIGHT * 8).div_ceil(story.rate(Phase::Surge).max(1)).min(HEIGHT * 8))
}

fn column(story: &Story, second: u32) -> usize {
    second as usize * COLUMNS / usize::try_from(story.end().as_secs()).unwrap_or(COLUMNS).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::incident::story::Size;

    fn rows(good: &[u32]) -> Vec<Row> {
        good.iter().map(|&good| Row { offered: 292, good, ..Row::default() }).collect()
    }

    #[test]
    fn full_nothing_and_very_little_are_told_apart() {
        let story = Story::quick(Size::Quarter);
        let good: Vec<u32> = (0..30).map(|second| [292, 0, 1, 146, 500][second % 5]).collect();
        let bars = bars(&rows(&good), &story);
        assert!(bars[0].starts_with("██      ██"), "{bars:#?}");
        assert!(bars[1].starts_with("██    ▄▄██"), "{bars:#?}");
        assert!(bars[2].starts_with("██  ▁▁████"), "{bars:#?}");
    }

    #[test]
    fn a_chart_is_as_wide_as_the_story_is_long() {
        for story in [Story::new(Size::Whole), Story::quick(Size::Quarter)] {
            let seconds = usize::try_from(story.end().as_secs()).unwrap();
            for over in [0, 1, seconds / 3, seconds, seconds + 5] {
                let good = vec![story.rate(Phase::Surge); over];
                let [top, .., bottom] = bars(&rows(&good), &story);
                let columns = (over * COLUMNS).div_ceil(seconds).min(COLUMNS);
                assert_eq!((top.chars().count(), bottom.chars().count()), (columns, columns));
            }
        }
    }

    #[test]
    fn phases_stand_where_they_begin() {
        assert_eq!(phases(&Story::new(Size::Whole)), "calm      surge slow   after");
        assert_eq!(phases(&Story::quick(Size::Whole)), "calm        surge   slow    after");
    }
}
