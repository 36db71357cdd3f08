//! One scenario, from start to end: in a first turn all systems at the same time that guard the database, in a second
//! all that do not.
//!
//! Callers and databases of all systems share one core. A jam is ten thousand connections that are opened again every few
//! seconds: played at the same time, it stalls the callers of those that are not jammed, and what is measured of them is
//! the stall. Within a turn everybody has the same company.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use clap::ValueEnum;
use hdrhistogram::Histogram;

use super::{
    callers::PATIENCE,
    kept::{Measured, Run},
    lane::{GO, READY, Report},
    scenario::Scenario,
    systems::System,
    tally::Row,
    watch::{Watch, Watched},
};
use crate::{machine::Machine, poll, record};

/// Longest lateness that can be told apart, in microseconds.
const LONGEST_LAG: u64 = 60_000_000;

/// A lane's process.
struct Lane {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

/// Runs a scenario on all `systems`, turn by turn.
///
/// # Errors
/// When a system does not start, or a lane ends before its time; it has said why.
pub(crate) fn run(scenario: &Scenario, systems: &[System], seed: u64) -> anyhow::Result<Run> {
    let (at, machine) = (record::Run::now(), Machine::look()?);
    let mut measured = Vec::new();
    for guards in [true, false] {
        let turn: Vec<_> = systems.iter().copied().filter(|system| system.guards() == guards).collect();
        if turn.is_empty() {
            continue;
        }
        let (watched, reports) = play(scenario, &turn, seed)?;
        let reports = reports.into_iter().map(|one| Measured { watched: watched.clone(), ..one });
        measured.extend(turn.into_iter().zip(reports));
    }
    measured.sort_by_key(|(system, _)| systems.iter().position(|one| one == system));
    Ok(Run {
        scenario: scenario.clone(),
        at,
        machine,
        seed,
        patience_ms: u64::try_from(PATIENCE.as_millis())?,
        columns: Row::COLUMNS.map(str::to_owned).to_vec(),
        systems: measured.into_iter().map(|(_, measured)| measured).collect(),
    })
}

/// One turn: `systems` at the same time.
fn play(scenario: &Scenario, systems: &[System], seed: u64) -> anyhow::Result<(Watched, Vec<Measured>)> {
    let mut lanes = Vec::new();
    for (number, system) in systems.iter().enumerate() {
        let place = [seed.to_string(), number.to_string(), systems.len().to_string()];
        lanes.push(Lane::start(scenario, *system, &place).with_context(|| system.candidate().name)?);
    }
    let names: Vec<_> = systems.iter().map(|system| system.candidate().name).collect();
    eprintln!("{:?}, {}: {} s of {}", scenario.name, scenario.title, scenario.end(), names.join(", "));
    for lane in &mut lanes {
        writeln!(lane.input, "{GO}")?;
    }
    let watch = watch(scenario.end())?;
    let (mut lag, mut measured) = (Histogram::<u64>::new_with_bounds(1, LONGEST_LAG, 3)?, Vec::new());
    for lane in lanes {
        let report = lane.report()?;
        report.lag.iter().for_each(|(micros, count)| lag.saturating_record_n(*micros, *count));
        measured.push(report.measured);
    }
    let unsent = measured.iter().flat_map(|one| &one.rows).map(|row| row.unsent).sum();
    Ok((watch.finish(&lag, unsent), measured))
}

/// Looks at the cores once a second, to the last second in which anything is sent.
fn watch(end: u32) -> anyhow::Result<Watch> {
    let (start, mut watch) = (Instant::now(), Watch::default());
    for second in 0..=end {
        let due = start + Duration::from_secs(u64::from(second));
        poll::pause(due.saturating_duration_since(Instant::now()));
        watch.look()?;
    }
    Ok(watch)
}

impl Lane {
    /// Starts a lane and waits until its system answers; `place` is seed, number, and count of lanes.
    fn start(scenario: &Scenario, system: System, place: &[String; 3]) -> anyhow::Result<Self> {
        let [seed, lane, lanes] = place;
        let value = |name: Option<clap::builder::PossibleValue>| {
            name.map(|name| name.get_name().to_owned()).context("a value of the command line")
        };
        let mut child = Command::new(std::env::current_exe()?)
            .args(["lane", "--seed", seed, "--lane", lane, "--lanes", lanes])
            .args(["--scenario", &value(scenario.name.to_possible_value())?])
            .args(["--system", &value(system.to_possible_value())?])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let input = child.stdin.take().context("no standard input")?;
        let output = BufReader::new(child.stdout.take().context("no standard output")?);
        let mut lane = Self { child, input, output };
        let mut line = String::new();
        lane.output.read_line(&mut line)?;
        ensure!(line.trim() == READY, "it did not start");
        Ok(lane)
    }

    /// What it has measured, after its end.
    fn report(mut self) -> anyhow::Result<Report> {
        let report = serde_json::from_reader(&mut self.output).context("a lane ended before its time")?;
        self.child.wait()?;
        Ok(report)
    }
}
