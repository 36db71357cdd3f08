//! The seven scenarios: when the load grows, what befalls the database, and what is judged.
//!
//! | second | 0 | 20 | 50 | 60 | 80 | 110 | 120 | 170 | 180 | 240 |
//! |---|---|---|---|---|---|---|---|---|---|---|
//! | S1 | 833/s | 1,167/s | | | end | | | | | |
//! | S2, S5 | 833/s | 1,167/s | 3x slow | well | | | end | | | |
//! | S3 | 833/s | 1,167/s | 3x slow | | | well | | end | | |
//! | S4 | 833/s | 1,167/s | dead | | | well | | end | | |
//! | S6 | 833/s | 1,167/s | 3x slow | well | | | | | switch | end |
//!
//! S7 is 15 minutes at 833/s and 15 minutes at 1,167/s in which nothing happens.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::{
    database::{self, Health},
    schedule::Rate,
};

/// Requests per second on a usual day: 50,000 a minute.
pub(crate) const USUAL: f64 = 50_000.0 / 60.0;
/// Requests per second in the surge: 40 % more.
pub(crate) const SURGE: f64 = 70_000.0 / 60.0;
/// How slow the database becomes.
const SLOWNESS: u32 = 3;
/// Seconds a system has to find its pace before anything counts.
const WARM_UP: u32 = 20;
/// Seconds after a switch in which what the naive system left behind may still be in the database.
const SWEEP: u32 = 10;

/// Which scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize, Deserialize)]
pub(crate) enum Name {
    /// The surge alone
    S1,
    /// 10 s in which the database is three times as slow, within the surge
    S2,
    /// 60 s of the same
    S3,
    /// The database is dead for 60 s
    S4,
    /// S2 with callers that retry 4 times
    S5,
    /// The naive client, and after 3 minutes the system in its place
    S6,
    /// 30 minutes in which nothing happens
    S7,
}

/// What befalls the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Fault {
    /// Every query takes three times as long.
    Slow,
    /// Connections are reset and refused.
    Dead,
}

/// A phase in short: its name, the first second after it, and what befalls the database.
type Stretch = (&'static str, u32, Option<Fault>);

/// A stretch of the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Phase {
    /// What it is called.
    pub(crate) name: String,
    /// First second.
    pub(crate) from: u32,
    /// First second after it.
    pub(crate) to: u32,
    /// What befalls the database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) fault: Option<Fault>,
}

/// A scenario, as it is kept with its runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Scenario {
    /// Which.
    pub(crate) name: Name,
    /// In a few words.
    pub(crate) title: String,
    /// The load.
    pub(crate) rates: Vec<Rate>,
    /// What happens when; without gaps, from second 0.
    pub(crate) phases: Vec<Phase>,
    /// How often a caller asks again after a failure.
    pub(crate) caller_retries: u8,
    /// Second in which the naive client is replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) switch_at: Option<u32>,
    /// Seconds of a row of figures.
    pub(crate) row_seconds: u32,
}

impl Name {
    /// The scenario of this name.
    pub(crate) fn scenario(self) -> Scenario {
        let (title, phases): (&str, &[Stretch]) = match self {
            Self::S1 => ("surge only", &[("surge", 80, None)]),
            Self::S2 => (
                "10 s of 3x slowness",
                &[("surge", 50, None), ("fault", 60, Some(Fault::Slow)), ("after", 120, None)],
            ),
            Self::S3 => (
                "60 s of 3x slowness",
                &[("surge", 50, None), ("fault", 110, Some(Fault::Slow)), ("after", 170, None)],
            ),
            Self::S4 => (
                "database dead for 60 s",
                &[("surge", 50, None), ("fault", 110, Some(Fault::Dead)), ("after", 170, None)],
            ),
            Self::S5 => (
                "10 s of 3x slowness, callers retry 4 times",
                &[("surge", 50, None), ("fault", 60, Some(Fault::Slow)), ("after", 120, None)],
            ),
            Self::S6 => (
                "naive, and after 3 minutes the system in its place",
                &[
                    ("surge", 50, None),
                    ("fault", 60, Some(Fault::Slow)),
                    ("jam", 180, None),
                    ("after", 240, None),
                ],
            ),
            Self::S7 => ("30 minutes steady", &[("usual", 910, None), ("surge", 1820, None)]),
        };
        let surge_from = if self == Self::S7 { 910 } else { WARM_UP };
        Scenario {
            name: self,
            title: title.to_owned(),
            rates: vec![Rate { from: 0, per_second: USUAL }, Rate { from: surge_from, per_second: SURGE }],
            phases: in_a_row(phases),
            caller_retries: if self == Self::S5 { 4 } else { 0 },
            switch_at: (self == Self::S6).then_some(180),
            row_seconds: if self == Self::S7 { 10 } else { 1 },
        }
    }
}

/// Phases from their ends, after the warm-up.
fn in_a_row(ends: &[Stretch]) -> Vec<Phase> {
    let mut from = 0;
    let mut phases = Vec::new();
    for &(name, to, fault) in [("warm-up", WARM_UP, None)].iter().chain(ends) {
        phases.push(Phase { name: name.to_owned(), from, to, fault });
        from = to;
    }
    phases
}

impl Scenario {
    /// First second after the run.
    pub(crate) fn end(&self) -> u32 {
        self.phases.last().map_or(0, |phase| phase.to)
    }

    /// How the database is in this second.
    pub(crate) fn health(&self, second: u32) -> Health {
        let phase = self.phases.iter().find(|phase| (phase.from..phase.to).contains(&second));
        match phase.and_then(|phase| phase.fault) {
            None => Health::Well,
            Some(Fault::Slow) => Health::Slow(SLOWNESS),
            Some(Fault::Dead) => Health::Dead,
        }
    }

    /// Most good answers that `offered` requests can have had in the row that begins at `second`: no more than were
    /// asked for, and no more than the database can do.
    pub(crate) fn ceiling(&self, second: u32, offered: u64) -> f64 {
        (offered as f64).min(database::capacity(self.health(second)) * f64::from(self.row_seconds))
    }

    /// The fault, if there is one.
    pub(crate) fn fault(&self) -> Option<&Phase> {
        self.phases.iter().find(|phase| phase.fault.is_some())
    }

    /// First second that is judged: the warm-up is not, and what the naive client did before the switch is not either.
    pub(crate) fn judged_from(&self) -> u32 {
        self.switch_at.unwrap_or(WARM_UP)
    }

    /// Second from which a system has to come back: the fault's end, or the switch.
    pub(crate) fn back_from(&self) -> Option<u32> {
        self.switch_at.or_else(|| self.fault().map(|fault| fault.to))
    }

    /// First second in which all that is in the database was let in by the system that is judged.
    pub(crate) fn own_from(&self) -> u32 {
        self.switch_at.map_or(WARM_UP, |second| second + SWEEP)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_have_no_gaps_and_faults_no_load_change() {
        for name in Name::value_variants() {
            let scenario = name.scenario();
            assert_eq!(scenario.phases[0].from, 0);
            assert!(
                scenario
                    .phases
                    .windows(2)
                    .all(|pair| pair[0].to == pair[1].from && pair[0].from < pair[0].to)
            );
            assert!(scenario.rates.iter().all(|rate| scenario.health(rate.from) == Health::Well));
            assert!(scenario.phases.iter().all(|phase| phase.from % scenario.row_seconds == 0));
        }
    }

    #[test]
    fn the_ceiling_is_the_lower_of_what_is_asked_and_what_can_be_done() {
        let scenario = Name::S3.scenario();
        assert!((scenario.ceiling(30, 1167) - 1167.0).abs() < 1e-9);
        assert!((scenario.ceiling(60, 1167) - 409.2).abs() < 0.1);
        assert!((scenario.ceiling(60, 100) - 100.0).abs() < 1e-9);
        assert!(Name::S4.scenario().ceiling(60, 1167) < 1e-9);
    }

    #[test]
    fn a_scenario_reads_back_as_it_was_written() {
        for name in Name::value_variants() {
            let text = serde_json::to_string(&name.scenario()).unwrap();
            assert_eq!(serde_json::from_str::<Scenario>(&text).unwrap(), name.scenario());
        }
    }
}
