//! One system with its own database and its own callers, in a process of its own.
//!
//! A jam holds some ten thousand connections open, and a process may not have files enough for the jams of several
//! systems. So each lane is a process: it starts its system, says `ready`, waits for a line on its standard input, plays
//! the scenario, and writes what it measured to its standard output.

use std::{
    io::{BufRead, Write},
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use clap::Args;
use serde::{Deserialize, Serialize};

use super::{
    callers::{Callers, PATIENCE},
    dice::Dice,
    kept::{Measured, Pairs, pairs},
    rig::Rig,
    scenario::{Name, Scenario},
    schedule::Schedule,
    scrape::{self, Alarms},
    systems::{Started, System},
    tally::Tally,
};
use crate::server::Server;

/// What a lane is told when all are to start.
pub(crate) const GO: &str = "go";
/// What a lane says when it can.
pub(crate) const READY: &str = "ready";

/// Which lane.
#[derive(Args, Clone, Copy)]
pub(crate) struct Place {
    /// What is played
    #[arg(long)]
    pub(crate) scenario: Name,
    /// What is judged
    #[arg(long)]
    pub(crate) system: System,
    /// What randomness is drawn from
    #[arg(long)]
    pub(crate) seed: u64,
    /// Its number
    #[arg(long)]
    pub(crate) lane: usize,
    /// How many there are
    #[arg(long)]
    pub(crate) lanes: usize,
}

/// What a lane has measured.
#[derive(Serialize, Deserialize)]
pub(crate) struct Report {
    /// Rows and latencies.
    pub(crate) measured: Measured,
    /// How late requests were sent, in microseconds.
    pub(crate) lag: Pairs,
}

/// The system that is judged, and the naive client that is asked before the switch.
struct Pair {
    started: Started,
    before: Option<Server>,
    alarms: Option<Alarms>,
}

/// Plays a scenario on one system.
///
/// # Errors
/// When the system does not start or is gone at the end, or the rig fails.
pub(crate) fn play(place: Place) -> anyhow::Result<()> {
    let scenario = place.scenario.scenario();
    let mut rig = Rig::new()?;
    let stub = rig.address();
    let mut pair = rig.serve_during(|| Pair::start(place.system, stub, scenario.switch_at.is_some()))??;
    wait_for_go()?;
    let start = Instant::now();
    rig.call(callers(place, &scenario, pair.asked_first(), start)?);
    if let Err(error) = follow(&mut rig, &scenario, &mut pair, start) {
        // To end its processes the pair has to open files, and too many open files may be what went wrong.
        drop(rig);
        return Err(error).context(place.system.candidate().name);
    }
    let (tally, lag) = rig.into_callers().context("a lane has callers")?.finish();
    let candidate = place.system.candidate();
    let name = (candidate.name, candidate.about);
    let measured = Measured::new(name, pair.alarms_since_start()?, &scenario, &tally.finish())?;
    let report = Report { measured, lag: pairs(&lag) };
    serde_json::to_writer(std::io::stdout().lock(), &report)?;
    Ok(())
}

fn wait_for_go() -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{READY}")?;
    out.flush()?;
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    ensure!(line.trim() == GO, "told '{}' instead of '{GO}'", line.trim());
    Ok(())
}

/// Systems are asked out of step, so that not all have their requests at the same moment.
fn callers(place: Place, scenario: &Scenario, target: SocketAddr, start: Instant) -> anyhow::Result<Callers> {
    let step = Dice::new(place.seed, 0).share();
    let phase = (step + place.lane as f64 / place.lanes as f64).fract();
    let schedule = Schedule::new(&scenario.rates, scenario.end(), phase);
    let tally = Tally::new(scenario.row_seconds, scenario.end())?;
    let dice = Dice::new(place.seed, place.lane);
    Callers::new(target, start, schedule, scenario.caller_retries, dice, tally)
}

/// Lets the scenario happen, and then waits until nobody waits any more.
fn follow(rig: &mut Rig, scenario: &Scenario, pair: &mut Pair, start: Instant) -> anyhow::Result<()> {
    let mut second = None;
    let last = Duration::from_secs(u64::from(scenario.end())) + PATIENCE;
    loop {
        let now = start.elapsed();
        if now > last || rig.callers().is_some_and(|callers| callers.are_done()) {
            return Ok(());
        }
        let this = u32::try_from(now.as_secs())?;
        if second != Some(this) {
            note_database(rig, second);
            second = Some(this);
            rig.set_health(scenario.health(this))?;
            if scenario.switch_at == Some(this) {
                switch(rig, pair);
            }
        }
        rig.turn()?;
    }
}

/// Notes what the database saw in the second that has just ended.
fn note_database(rig: &mut Rig, second: Option<u32>) {
    let counts = rig.take_counts();
    if let (Some(second), Some(callers)) = (second, rig.callers()) {
        let time = Duration::from_secs(u64::from(second));
        callers.tally().database(time, counts.arrived, counts.peak as u64);
    }
}

/// Takes the naive client out and lets callers ask the system in its place.
///
/// It is frozen and not ended: with its process thousands of connections would end in one moment, and the core that closes
/// them all is the one that sends and times the requests to the system in its place. Those who wait for it give up one by
/// one, as callers do.
fn switch(rig: &mut Rig, pair: &Pair) {
    let Some(before) = &pair.before else { return };
    before.freeze();
    if let Some(callers) = rig.callers() {
        callers.turn_to(pair.started.server.address());
    }
}

impl Pair {
    /// A naive client that would be switched to a naive client is simply left alone.
    fn start(system: System, stub: SocketAddr, switches: bool) -> anyhow::Result<Self> {
        let started = system.start(stub)?;
        let before = match switches && system != System::Naive {
            true => Some(System::Naive.start(stub)?.server),
            false => None,
        };
        let alarms = started.metrics.map(scrape::alarms).transpose()?;
        Ok(Self { started, before, alarms })
    }

    fn asked_first(&self) -> SocketAddr {
        self.before.as_ref().unwrap_or(&self.started.server).address()
    }

    fn alarms_since_start(&self) -> anyhow::Result<Option<Alarms>> {
        let now = self.started.metrics.map(scrape::alarms).transpose()?;
        Ok(now.zip(self.alarms).map(|(now, start)| now.since(start)))
    }
}
