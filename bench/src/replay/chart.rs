//! Good answers a minute over time, as an SVG that reads in a light and in a dark page.
//!
//! Lines differ in colour and in dashes, and lie on top of one another where systems do equally badly.

use std::fmt::{self, Write};

use super::{
    kept::{Measured, Run},
    scenario::Scenario,
    table::thousands,
};

const WIDTH: f64 = 880.0;
const HEIGHT: f64 = 400.0;
const LEFT: f64 = 86.0;
const RIGHT: f64 = 860.0;
const TOP: f64 = 96.0;
const BOTTOM: f64 = 344.0;
/// Top of the scale, in answers a minute.
const MOST: f64 = 80_000.0;
/// Rows on either side that a point is the mean of.
const SMOOTH: usize = 2;
/// Width of a letter, about: enough to keep entries of the legend apart.
const LETTER: f64 = 7.4;

/// Colours that colour-blind readers can tell apart (after Okabe and Ito), darker on light ground.
const STYLE: &str = "
    .ground { fill: #ffffff } .text { fill: #1f2328 } .soft { fill: #57606a } .grid { stroke: #d8dee4 }
    .band { fill: #fdecea } .title { font-weight: 600; font-size: 16px }
    .line { fill: none; stroke-width: 2.25; stroke-linejoin: round }
    .ceiling { stroke: #8c959f; stroke-width: 1.5; stroke-dasharray: 2 4 }
    .s0 { stroke: #00795a; stroke-width: 3 } .s1 { stroke: #c0392b; stroke-dasharray: 9 4 }
    .s2 { stroke: #0b62a8; stroke-dasharray: 2 3 } .s3 { stroke: #b36b00; stroke-dasharray: 12 4 2 4 } .s4 { stroke: #8e4a9e }
    @media (prefers-color-scheme: dark) {
      .ground { fill: #0d1117 } .text { fill: #e6edf3 } .soft { fill: #a7b1bb } .grid { stroke: #30363d }
      .band { fill: #3a1d1f } .ceiling { stroke: #8b949e }
      .s0 { stroke: #3fcf9b } .s1 { stroke: #ff7b6b } .s2 { stroke: #6cb2ff } .s3 { stroke: #f0b04a } .s4 { stroke: #d79be6 }
    }
  ";

/// The systems that have a colour of their own, in the order of the styles.
const COLOURED: [&str; 5] =
    ["Banyan", "naive client", "nginx as it comes", "HAProxy as it comes", "HAProxy tuned by hand"];

/// Draws a run.
///
/// # Errors
/// Never: writing to memory does not fail.
pub(crate) fn draw(run: &Run) -> Result<String, fmt::Error> {
    let (mut svg, scenario) = (String::new(), &run.scenario);
    let title = format!("{:?}: {}", scenario.name, scenario.title);
    writeln!(
        svg,
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="title desc" font-family="system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif" font-size="14">
  <title id="title">{title}: good answers a minute over time</title>
  <desc id="desc">{}</desc>
  <style>{STYLE}</style>
  <rect class="ground" width="{WIDTH}" height="{HEIGHT}" rx="8"/>
  <text class="text title" x="{LEFT}" y="28">{title}</text>"#,
        describe(run)
    )?;
    events(&mut svg, scenario)?;
    axes(&mut svg, scenario)?;
    legend(&mut svg, run)?;
    line(&mut svg, "ceiling", &ceiling(run))?;
    // The first system is drawn last, on top of the others.
    for measured in run.systems.iter().rev() {
        line(&mut svg, &class(&measured.name), &good(scenario, measured))?;
    }
    writeln!(svg, "</svg>")?;
    Ok(svg)
}

/// The picture in words.
fn describe(run: &Run) -> String {
    let ends = run.systems.iter().map(|measured| {
        let last = good(&run.scenario, measured).last().map_or(0.0, |(_, good)| *good);
        format!("{} ends at {}", measured.name, thousands(last))
    });
    format!("Good answers a minute: {}.", ends.collect::<Vec<_>>().join(", "))
}

fn class(name: &str) -> String {
    let known = COLOURED.iter().position(|known| *known == name);
    format!("s{}", known.unwrap_or(0))
}

fn x(scenario: &Scenario, second: f64) -> f64 {
    LEFT + (RIGHT - LEFT) * second / f64::from(scenario.end().max(1))
}

fn y(a_minute: f64) -> f64 {
    BOTTOM - (BOTTOM - TOP) * (a_minute / MOST).min(1.0)
}

/// A band for the fault, and marks for what else happens.
fn events(svg: &mut String, scenario: &Scenario) -> fmt::Result {
    for phase in scenario.phases.iter().filter(|phase| phase.fault.is_some()) {
        let (from, to) = (x(scenario, f64::from(phase.from)), x(scenario, f64::from(phase.to)));
        let height = BOTTOM - TOP;
        writeln!(
            svg,
            r#"  <rect class="band" x="{from:.1}" y="{TOP}" width="{:.1}" height="{height}"/>"#,
            to - from
        )?;
        mark(svg, (from + to) / 2.0, "middle", "fault")?;
    }
    for rate in scenario.rates.iter().skip(1) {
        mark(svg, x(scenario, f64::from(rate.from)) + 4.0, "start", "surge")?;
    }
    if let Some(second) = scenario.switch_at {
        let at = x(scenario, f64::from(second));
        writeln!(svg, r#"  <path class="line ceiling" d="M{at:.1} {TOP}V{BOTTOM}"/>"#)?;
        mark(svg, at + 4.0, "start", "switched in")?;
    }
    Ok(())
}

fn mark(svg: &mut String, x: f64, anchor: &str, word: &str) -> fmt::Result {
    let y = TOP + 14.0;
    writeln!(
        svg,
        r#"  <text class="soft" x="{x:.1}" y="{y}" font-size="12" text-anchor="{anchor}">{word}</text>"#
    )
}

fn axes(svg: &mut String, scenario: &Scenario) -> fmt::Result {
    for step in 0..=4 {
        let value = f64::from(step) * MOST / 4.0;
        let (at, text) = (y(value), thousands(value));
        writeln!(svg, r#"  <path class="grid" d="M{LEFT} {at:.1}H{RIGHT}"/>"#)?;
        let (x, at) = (LEFT - 8.0, at + 5.0);
        writeln!(
            svg,
            r#"  <text class="soft" x="{x}" y="{at:.1}" font-size="13" text-anchor="end">{text}</text>"#
        )?;
    }
    let gap = [10, 20, 30, 60, 300].into_iter().find(|gap| scenario.end() / gap <= 9).unwrap_or(600);
    for second in (0..=scenario.end()).step_by(usize::try_from(gap).unwrap_or(600)) {
        let (at, y) = (x(scenario, f64::from(second)), BOTTOM + 20.0);
        writeln!(
            svg,
            r#"  <text class="soft" x="{at:.1}" y="{y}" font-size="13" text-anchor="middle">{second}</text>"#
        )?;
    }
    let (middle, low) = ((LEFT + RIGHT) / 2.0, HEIGHT - 14.0);
    writeln!(
        svg,
        r#"  <text class="text" x="{middle}" y="{low}" font-size="13" text-anchor="middle">seconds</text>"#
    )?;
    let centre = (TOP + BOTTOM) / 2.0;
    writeln!(
        svg,
        r#"  <text class="text" x="16" y="{centre}" font-size="13" text-anchor="middle" transform="rotate(-90 16 {centre})">good answers a minute</text>"#
    )
}

/// A sample of each line and its name, in as many rows as it takes.
fn legend(svg: &mut String, run: &Run) -> fmt::Result {
    let names = run.systems.iter().map(|measured| (class(&measured.name), measured.name.as_str()));
    let (mut at, mut row) = (LEFT, 50.0);
    for (class, name) in names.chain([("ceiling".to_owned(), "what can be had")]) {
        let width = 34.0 + name.chars().count() as f64 * LETTER + 18.0;
        if at + width > RIGHT + 18.0 {
            (at, row) = (LEFT, row + 22.0);
        }
        writeln!(svg, r#"  <path class="line {class}" d="M{at:.1} {row}h28"/>"#)?;
        let (x, y) = (at + 34.0, row + 5.0);
        writeln!(svg, r#"  <text class="text" x="{x:.1}" y="{y}">{name}</text>"#)?;
        at += width;
    }
    Ok(())
}

/// Points are second and answers a minute.
fn line(svg: &mut String, class: &str, points: &[(f64, f64)]) -> fmt::Result {
    let end = points.last().map_or(1.0, |(second, _)| *second).max(1.0);
    write!(svg, r#"  <polyline class="line {class}" points=""#)?;
    for (second, a_minute) in points {
        write!(svg, "{:.1},{:.1} ", LEFT + (RIGHT - LEFT) * second / end, y(*a_minute))?;
    }
    writeln!(svg, r#""/>"#)
}

/// Good answers a minute, smoothed a little; the last point is the run's end.
fn good(scenario: &Scenario, measured: &Measured) -> Vec<(f64, f64)> {
    let per_row: Vec<f64> = measured.rows.iter().map(|row| row.good as f64).collect();
    over_time(scenario, &per_row, SMOOTH)
}

/// What could be had, as the requests were offered to the first system; the same for all.
fn ceiling(run: &Run) -> Vec<(f64, f64)> {
    let Some(first) = run.systems.first() else { return Vec::new() };
    let seconds = (0..).step_by(usize::try_from(run.scenario.row_seconds).unwrap_or(1));
    let per_row: Vec<f64> =
        seconds.zip(&first.rows).map(|(second, row)| run.scenario.ceiling(second, row.offered)).collect();
    over_time(&run.scenario, &per_row, 0)
}

/// Rows as points at their middles, and one at either end.
fn over_time(scenario: &Scenario, per_row: &[f64], smooth: usize) -> Vec<(f64, f64)> {
    let seconds = f64::from(scenario.row_seconds);
    let mean = |index: usize| {
        let near = &per_row[index.saturating_sub(smooth)..(index + smooth + 1).min(per_row.len())];
        near.iter().sum::<f64>() / near.len() as f64 / seconds * 60.0
    };
    let middle = |index: usize| ((index as f64 + 0.5) * seconds, mean(index));
    let mut points: Vec<_> = (0..per_row.len()).map(middle).collect();
    if let (Some(first), Some(last)) = (points.first().copied(), points.last().copied()) {
        points.insert(0, (0.0, first.1));
        points.push((f64::from(scenario.end()), last.1));
    }
    points
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::table;

    #[test]
    fn every_system_has_a_line_a_legend_and_a_word() {
        let svg = draw(&table::tests::run()).unwrap();
        for class in ["s0", "s1", "ceiling"] {
            assert!(svg.contains(&format!(r#"<polyline class="line {class}""#)), "{class}");
        }
        assert!(svg.contains(">naive client</text>") && svg.contains("naive client ends at 4,980"), "{svg}");
        assert_eq!(svg.matches('<').count(), svg.matches('>').count());
    }

    #[test]
    fn points_lie_within_the_frame_and_at_their_height() {
        let svg = draw(&table::tests::run()).unwrap();
        let line = svg.lines().find(|line| line.contains(r#"<polyline class="line s1""#)).unwrap();
        let points = line.split('"').nth(3).unwrap().split_whitespace();
        let points: Vec<(f64, f64)> = points
            .map(|point| {
                point.split_once(',').map(|(x, y)| (x.parse().unwrap(), y.parse().unwrap())).unwrap()
            })
            .collect();
        assert!(points.iter().all(|(x, y)| (LEFT..=RIGHT).contains(x) && (TOP..=BOTTOM).contains(y)));
        let (_, end) = points.last().unwrap();
        assert!((end - y(4_980.0)).abs() < 0.1);
    }
}
